"""Stablecoins: units that a protocol issues and redeems, and what stands behind them."""
