"""Forecasters of volatility: one file each."""
