"""Inverse-volatility weights."""

import numpy as np
from numpy.typing import NDArray

from sim.fields import Duration, Positive, Share
from sim.interfaces import AllocationRule, AllocatorView
from sim.registry import component


@component("rule", "inverse_volatility")
class InverseVolatility(AllocationRule):
    """Weights in proportion to 1 / volatility, so that every asset alone contributes the same risk."""

    invested: Share = 1.0
    """Share of wealth in all assets together."""
    window: Duration = Duration(86_400.0)
    """Over which volatility is realised."""
    half_life: Duration | None = None
    """Age at which a return counts half; all count the same if none."""
    prior: Positive = 0.7
    """Volatility per year of every asset that stands in for the part of the window before the run."""
    floor: Positive = 0.05
    """Least volatility per year, which bounds the weight of an asset that does not move."""

    def weights(self, view: AllocatorView) -> NDArray[np.float64]:
        """(n, k) shares of wealth."""
        half_life = None if self.half_life is None else view.ticks(self.half_life)
        variance = np.diag(view.covariance(view.ticks(self.window), half_life, self.prior))
        inverse = 1.0 / np.maximum(np.sqrt(variance), self.floor)
        return np.tile(self.invested * inverse / inverse.sum(), (len(view.wealth), 1))
