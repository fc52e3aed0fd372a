"""The yardsticks: what Spillover does per second, beside its peers, after both have given the same answer."""
