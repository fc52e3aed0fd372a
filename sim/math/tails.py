"""How heavy the tails of a sample are.

Estimators return NaN where the sample says nothing: too few values, or no spread among them. Several are biased in
samples of market size, so compare with the same estimator on a known law, not with the law's parameter: Hill on |r|
finds 2.64 in the outer 5% of a Student-t(3), 2.87 in its outer 1%, and 6.0 and 8.8 in a normal law.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

HORIZONS = (1, 5, 20, 60, 250)
"""Ticks over which returns are added up to see whether they become more normal."""


def hill(values: NDArray[np.float64], share: float = 0.05) -> float:
    """Tail index of |values| from its largest `share` (Hill, Annals of Statistics 3, 1975).

    The standard error is the index over the square root of the number of values in the tail.
    """
    ordered = np.sort(np.abs(values))[::-1]
    count = int(share * ordered.size)
    if count < 1 or ordered[count] <= 0.0 or ordered[0] == ordered[count]:
        return float("nan")
    return float(1.0 / np.log(ordered[:count] / ordered[count]).mean())


def log_ccdf_exponent(returns: NDArray[np.float64], share: float = 0.1) -> float:
    """Tail index of losses: slope of log(rank - 1/2) on the log size of the worst `share` of negative returns.

    The half is the bias correction of Gabaix and Ibragimov (J. Business & Economic Statistics 29, 2011).
    """
    losses = np.sort(-returns[returns < 0.0])[::-1]
    tail = losses[: int(share * losses.size)]
    if tail.size < 2 or tail[0] == tail[-1]:
        return float("nan")
    return -slope(np.log(tail), np.log(np.arange(1, tail.size + 1) - 0.5))


def skewness(values: NDArray[np.float64]) -> float:
    """Third standardised moment about the sample mean."""
    return _standardised_moment(values, 3)


def excess_kurtosis(values: NDArray[np.float64]) -> float:
    """Fourth standardised moment about the sample mean, less the 3 of a normal law."""
    return _standardised_moment(values, 4) - 3.0


def aggregated_kurtosis(returns: NDArray[np.float64], horizons: Sequence[int] = HORIZONS) -> NDArray[np.float64]:
    """Excess kurtosis of sums of returns over consecutive, non-overlapping stretches of each horizon, in ticks."""
    found = []
    for horizon in horizons:
        stretches = returns.size // horizon
        found.append(excess_kurtosis(returns[: stretches * horizon].reshape(stretches, horizon).sum(axis=1)))
    return np.array(found)


def kurtosis_slope(returns: NDArray[np.float64], horizons: Sequence[int] = HORIZONS) -> float:
    """Slope of log excess kurtosis on log horizon: -1 for independent returns, nearer 0 the longer memory lasts.

    A kurtosis below its standard error under a normal law, sqrt(24 / stretches), counts as that error, so the slope of
    normal returns is not negative. Horizons with fewer than 20 stretches are left out.
    """
    used = [horizon for horizon in horizons if returns.size // horizon >= 20]
    if len(used) < 2:
        return float("nan")
    noise = np.sqrt([24.0 / (returns.size // horizon) for horizon in used])
    return slope(np.log(used), np.log(np.maximum(aggregated_kurtosis(returns, used), noise)))


def worst_return(returns: NDArray[np.float64], horizon: int = 1) -> float:
    """Lowest log return over any `horizon` consecutive ticks."""
    if returns.size < horizon:
        return float("nan")
    path = np.concatenate(([0.0], np.cumsum(returns)))
    return float(np.min(path[horizon:] - path[:-horizon]))


def slope(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Least-squares slope of y on x."""
    centred = x - x.mean()
    return float((centred * (y - y.mean())).sum() / (centred * centred).sum())


def _standardised_moment(values: NDArray[np.float64], order: int) -> float:
    if values.size < 2:
        return float("nan")
    centred = values - values.mean()
    variance = (centred * centred).mean()
    # What rounding leaves of a constant is not a law with moments.
    if variance <= (1e-15 * np.abs(values).max()) ** 2:
        return float("nan")
    return float((centred**order).mean() / variance ** (0.5 * order))
