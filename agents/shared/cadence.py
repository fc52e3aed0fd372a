"""Whose turn it is: every account once per period, in groups spread over the period by label."""

import numpy as np
from numpy.typing import NDArray

from sim.units import SECONDS_PER_YEAR
from sim.views import View

GROUPS = 12
"""Most groups in which the accounts of a population take their turns; between two groups it is nobody's turn."""
_GOLDEN = 0.6180339887498949


def ticks_in(view: View, seconds: float) -> int:
    """Whole ticks nearest to a duration, at least one."""
    return max(1, round(seconds / (view.dt_years * SECONDS_PER_YEAR)))


def phases(labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n,) place of each account in any period, in [0, 1).

    Multiples of the golden ratio modulo one: evenly spread over every period, whatever its length, and a matter of
    the label alone.
    """
    return np.asarray(labels * _GOLDEN % 1.0)


def on_turn(tick: int, phase: NDArray[np.float64], period: int) -> NDArray[np.bool_]:
    """(n,) whose turn it is: each account at exactly one tick of every `period` ticks, with the others of its group."""
    groups = min(period, GROUPS)
    place = tick % period
    group = place * groups // period
    if place != -(-group * period // groups):
        return np.zeros(phase.size, dtype=np.bool_)
    return (phase >= group / groups) & (phase < (group + 1) / groups)
