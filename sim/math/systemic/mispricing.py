"""How far market prices stand from fundamentals, and how much more they move."""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def mispricing(market: Floats, fundamental: Floats) -> tuple[float, float]:
    """(root mean square, mean) of the log of market over fundamental price; both (m,) in USD, NaN without prices."""
    if not market.size:
        return math.nan, math.nan
    gap = np.log(market / fundamental)
    return float(np.sqrt((gap * gap).mean())), float(gap.mean())


def excess_volatility(market: Floats, fundamental: Floats) -> float:
    """Root mean square log return of the market over that of the fundamental (Shiller, American Econ. Review 71, 1981).

    1 where trading adds nothing; NaN where the fundamental never moves.
    """
    made, given = (float((np.diff(np.log(path)) ** 2).sum()) for path in (market, fundamental))
    return math.sqrt(made / given) if given > 0.0 else math.nan
