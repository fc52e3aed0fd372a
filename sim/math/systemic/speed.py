"""How soon losses arrive."""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def time_to(times: Floats, values: Floats, level: float) -> float:
    """First of `times` at which `values` reach `level`; NaN if they never do."""
    reached = np.flatnonzero(values >= level)
    return float(times[reached[0]]) if reached.size else math.nan


def time_to_share(times: Floats, amounts: Floats, share: float) -> float:
    """Time from the first amount until a share of all amounts has come; NaN without amounts.

    times: (m,) ascending. amounts: (m,) >= 0.
    """
    total = float(amounts.sum())
    if not total > 0.0:
        return math.nan
    began = times[np.flatnonzero(amounts)[0]]
    return time_to(times, np.cumsum(amounts), share * total * (1.0 - 1e-12)) - float(began)


def fall_speed(times: Floats, wealth: Floats, share: float) -> float:
    """Time from the peak before the largest fall of `wealth` until a share of that fall has happened.

    The largest fall is that in USD from a running maximum; NaN if wealth never falls.
    """
    peak = np.maximum.accumulate(wealth)
    lost = peak - wealth
    worst = int(np.argmax(lost)) if lost.size else 0
    if not lost.size or lost[worst] <= 0.0:
        return math.nan
    start = int(np.argmax(wealth == peak[worst]))
    inside = slice(start, worst + 1)
    return time_to(times[inside], wealth[start] - wealth[inside], share * lost[worst]) - float(times[start])
