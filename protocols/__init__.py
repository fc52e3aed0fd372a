"""Venues: lending, automated market makers, depth markets, oracles. They never know who trades with them."""
