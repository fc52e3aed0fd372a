"""Least expected shortfall."""

import math
from functools import lru_cache
from typing import Annotated

import numpy as np
from annotated_types import Ge, Lt
from numpy.typing import NDArray

from agents.shared.estimates import Boxed, Estimating, Expecting, tiled
from sim.fields import NonNegative
from sim.interfaces import AllocatorView
from sim.math.portfolio.quadratic import minimum_variance_weights
from sim.math.portfolio.shortfall import least_shortfall
from sim.registry import component

Floats = NDArray[np.float64]


@component("rule", "cvar")
class ExpectedShortfall(Expecting, Boxed, Estimating):
    """The weights whose mean loss over the worst ticks of the window is least, less tolerance times expected return.

    Accounts and populations that see the same returns with the same settings share one solution. A history shorter than
    the window is used as it is, and counted as `short_history`; one with fewer than two ticks in the tail gives the
    minimum-variance portfolio, counted as `short_window` if a longer history would not help.
    """

    level: Annotated[float, Ge(0.5), Lt(1.0)] = 0.95
    """1 - level of the ticks are the worst."""
    tolerance: NonNegative = 0.0
    """Weight of the expected return per tick against the expected shortfall per tick."""

    def weights(self, view: AllocatorView) -> Floats:
        """(n, k) shares of wealth."""
        scenarios, bounds = np.expm1(view.returns(self.ticks(view))), self.bounds(view)
        covariance = self.covariance(view)
        if len(scenarios) < math.ceil(2.0 / (1.0 - self.level) - 1e-9):
            if self.known(view) == 1.0:
                self.note("short_window")
            return tiled(view, minimum_variance_weights(covariance, bounds, self.invested))
        reward = np.zeros(bounds.size)
        if self.tolerance > 0.0:
            reward = self.tolerance * view.view.dt_years * self.excess(view, covariance, self.history(view))
        raw = np.ascontiguousarray(scenarios).tobytes(), bounds.tobytes(), reward.tobytes()
        return tiled(view, _solved(*raw, self.level, self.invested))


@lru_cache(maxsize=32)
def _solved(scenarios: bytes, bounds: bytes, reward: bytes, level: float, invested: float) -> Floats:
    """(k,) weights; asked again with the same numbers, the same answer."""
    most = np.frombuffer(bounds)
    table = np.frombuffer(scenarios).reshape(-1, most.size)
    return least_shortfall(table, level, most, invested, np.frombuffer(reward)).weights
