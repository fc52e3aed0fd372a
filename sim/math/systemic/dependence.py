"""Delta-CoVaR: what the trouble of one does to the tail of all."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_GOLDEN = 0.5 * (math.sqrt(5.0) - 1.0)
_STEPS = 60
"""Golden sections; each keeps 0.618 of the bracket."""


def quantile_line(x: Floats, y: Floats, quantile: float) -> tuple[float, float]:
    """(intercept, slope) of the linear `quantile` regression of y on x (Koenker and Bassett, Econometrica 46, 1978).

    For a given slope the best intercept is a quantile of the residuals, so the loss is a convex function of the slope
    alone, which golden sections minimise. The slope is 0 where x is constant.
    """
    middle, spread = float(x.mean()), float(x.std())
    if spread <= 1e-14 * float(np.abs(x).max(initial=0.0)):
        return _intercept(y, quantile), 0.0
    centred = x - middle

    def loss(slope: float) -> float:
        rest = y - slope * centred
        rest -= _intercept(rest, quantile)
        return float((rest * np.where(rest < 0.0, quantile - 1.0, quantile)).sum())

    low, high = _bracket(loss, max(float(y.std()), 1e-300) / spread)
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = loss(left), loss(right)
    for _ in range(_STEPS):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = loss(right)
    slope = 0.5 * (low + high)
    return _intercept(y - slope * centred, quantile) - slope * middle, slope


def delta_covar(own: Floats, system: Floats, tail: float = 0.05) -> float:
    """How far the system's `tail` quantile falls when one unit moves from its median return to its own `tail` quantile.

    Adrian and Brunnermeier, American Economic Review 106, 2016, by quantile regression of the system on the unit. Below
    zero where the unit's bad times are the system's. own, system: (m,) returns; NaN without any.
    """
    if not own.size:
        return math.nan
    distance = _intercept(own, tail) - float(np.median(own))
    return quantile_line(own, system, tail)[1] * distance if distance else 0.0


def _intercept(values: Floats, quantile: float) -> float:
    rank = max(math.ceil(quantile * values.size * (1.0 - 1e-12)) - 1, 0)
    return float(np.partition(values, rank)[rank])


def _bracket(loss: Callable[[float], float], scale: float) -> tuple[float, float]:
    """An interval that holds the minimum of a convex function that grows without bound on both sides."""
    low, high, bottom = -scale, scale, loss(0.0)
    while loss(low) <= bottom:
        low *= 2.0
    while loss(high) <= bottom:
        high *= 2.0
    return low, high
