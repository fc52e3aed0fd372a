"""Vaults: tokenised strategies that take deposits in epochs and trade on other venues."""
