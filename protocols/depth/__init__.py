"""Depth markets: liquidity outside the model in reduced form, calibrated on quotes."""
