"""Liquidity outside the model: the shape of a book, its state, and how both price a trade."""
