"""Hedge rules: one file each."""
