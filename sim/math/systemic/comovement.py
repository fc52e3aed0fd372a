"""How far returns move together, in stress and in calm."""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FEWEST = 10
"""Ticks below which a correlation of stress says nothing."""


def mean_correlation(returns: Floats) -> float:
    """Mean correlation over pairs of columns of (m, k) returns; constant columns are left out, NaN without a pair."""
    centred = returns - returns.mean(axis=0) if len(returns) else returns
    spread = np.sqrt((centred * centred).sum(axis=0))
    # What rounding leaves of a constant has no correlation with anything.
    moving = spread > 1e-14 * np.abs(returns).max(initial=0.0) * math.sqrt(max(len(returns), 1))
    unit = centred[:, moving] / spread[moving]
    count = unit.shape[1]
    if count < 2:
        return math.nan
    whole = unit.sum(axis=1)
    return float(((whole * whole).sum() - count) / (count * (count - 1)))


def stress_and_calm(returns: Floats, share: float = 0.1) -> tuple[float, float]:
    """Mean pairwise correlation in the worst `share` of ticks by the average return over assets, and in all others.

    Cont and Wagalath, Mathematical Finance 23, 2013, ask by how much fire sales raise the first above the second.
    Choosing ticks by their average lowers correlation in both parts, even of normal returns: compare with returns of
    the same law without trading, such as those of fundamentals. returns: (m, k); NaN with fewer than `FEWEST` ticks of
    stress.
    """
    count = int(share * len(returns) * (1.0 + 1e-12))
    if count < FEWEST:
        return math.nan, math.nan
    order = np.argsort(returns.mean(axis=1), kind="stable")
    return mean_correlation(returns[order[:count]]), mean_correlation(returns[order[count:]])
