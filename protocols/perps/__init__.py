"""Perpetual swaps: funding, margin tiers, marks, liquidation and bankruptcy prices, deleveraging, and pool pricing."""
