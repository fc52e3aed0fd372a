"""Intervals by drawing again from what was drawn. All are deterministic in their seed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

DRAWS = 2000
"""Bootstrap samples."""
FEW = 5
"""Values below which draws repeat themselves too often to say how uncertain a mean is."""


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval; count: independent values behind it."""

    value: float
    low: float
    high: float
    count: int

    def as_data(self) -> dict[str, float]:
        """As plain data."""
        return {"value": self.value, "low": self.low, "high": self.high, "count": self.count}


def mean(values: Any, level: float = 0.95, seed: int = 0) -> Interval:
    """The mean of independent values with the bootstrap-t interval (Efron and Tibshirani, 1993, section 12.5).

    values: (n,), NaN left out. Below two values the interval is infinite; of equal values it has no width; of fewer
    than `FEW`, or where so few differ that draws often miss them, it is Student's, as if they were normal. The
    studentised form covers well from about ten values on, where percentiles are too narrow.
    """
    array = np.asarray(values, dtype=float)
    array = array[np.isfinite(array)]
    if array.size < 2:
        return Interval(float(array.mean()) if array.size else np.nan, -np.inf, np.inf, array.size)
    center, error = array.mean(), array.std(ddof=1) / np.sqrt(array.size)
    reach = float(stdtrit(array.size - 1, 0.5 + level / 2)) * error
    student = Interval(float(center), float(center - reach), float(center + reach), array.size)
    if array.size < FEW:
        return student
    draws = array[np.random.default_rng(seed).integers(0, array.size, (DRAWS, array.size))]
    errors = draws.std(axis=1, ddof=1) / np.sqrt(array.size)
    usable = errors > 1e-12 * max(abs(center), error)
    if not usable.any():
        return Interval(float(center), float(center), float(center), array.size)
    if (~usable).mean() > 0.5 - level / 2:  # Left out, they would leave draws on one side of the estimate only.
        return student
    scores = (draws.mean(axis=1)[usable] - center) / errors[usable]
    low, high = np.quantile(scores, [0.5 - level / 2, 0.5 + level / 2])
    return Interval(float(center), float(center - high * error), float(center - low * error), array.size)


def percentile(
    rows: NDArray[Any],
    statistic: Callable[[NDArray[Any]], NDArray[np.float64]],
    level: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> NDArray[np.float64]:
    """(2, ...) percentile interval of a statistic of independent rows.

    rows: (n, ...), drawn with replacement along the first axis. statistic: from such an array to the (...) estimates.
    """
    rng = np.random.default_rng(seed)
    found = [statistic(rows[rng.integers(0, len(rows), len(rows))]) for _ in range(draws)]
    return np.quantile(np.array(found), [0.5 - level / 2, 0.5 + level / 2], axis=0)
