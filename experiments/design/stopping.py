"""Sequential stopping: a point is done as soon as the mean of an outcome is known well enough."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from experiments.config.sweep_section import Stop


def half_width(values: ArrayLike, level: float) -> float:
    """Half width of Student's interval of the mean of independent values; infinite below two.

    values: (n,) outcomes; NaN (failed runs) are left out. level: confidence level, such as 0.95.
    """
    from scipy.stats import t

    array: Any = np.asarray(values, dtype=float)
    array = array[np.isfinite(array)]
    if array.size < 2:
        return math.inf
    return float(t.ppf(0.5 + level / 2, array.size - 1) * array.std(ddof=1) / math.sqrt(array.size))


def enough(values: ArrayLike, stop: Stop) -> bool:
    """Whether a point with these outcomes of `stop.outcome`, one per finished replication, needs no more of them.

    Looking after every run and stopping at the first narrow interval favours samples that look calm by chance; `least`
    keeps that bias small (Chow and Robbins, 1965, show that it vanishes as the width goes to 0).
    """
    array: Any = np.asarray(values, dtype=float)
    if stop.most is not None and array.size >= stop.most:
        return True
    return bool(array.size >= stop.least and half_width(array, stop.level) <= stop.half_width)
