"""Allocation rules: target weights of allocators, one file each."""

from agents.rules import equal_weight, fixed, inverse_volatility, volatility_target

__all__ = ["equal_weight", "fixed", "inverse_volatility", "volatility_target"]
