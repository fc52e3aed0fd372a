"""Forecasts of variance: filters, their fits, and an honest score of any of them."""
