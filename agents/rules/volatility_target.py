"""Volatility targeting."""

from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from sim.fields import AssetName, Duration, Positive, Share
from sim.interfaces import AllocationRule, AllocatorView
from sim.registry import component


@component("rule", "volatility_target")
class VolatilityTarget(AllocationRule):
    """A base portfolio, scaled by min(target / expected volatility, max_leverage)."""

    target: Positive = 0.4
    """Volatility per year of the whole wealth."""
    base: dict[AssetName, Share] = field(default_factory=dict)
    """Share by asset of the unscaled portfolio; equal weights if empty."""
    max_leverage: Positive = 1.0
    """Largest scale; 1 is no leverage."""
    window: Duration = Duration(86_400.0)
    """Over which the covariance is realised."""
    half_life: Duration | None = Duration(21_600.0)
    """Age at which a return counts half; all count the same if none."""
    prior: Positive = 0.7
    """Volatility per year, uncorrelated, that stands in for the part of the window before the run."""

    def weights(self, view: AllocatorView) -> NDArray[np.float64]:
        """(n, k) shares of wealth."""
        equal = np.full(len(view.assets), 1.0 / len(view.assets))
        row = view.row(self.base) if self.base else equal
        half_life = None if self.half_life is None else view.ticks(self.half_life)
        covariance = view.covariance(view.ticks(self.window), half_life, self.prior)
        volatility = np.sqrt(np.einsum("i,ij,j->", row, covariance, row))
        scale = min(self.max_leverage, self.target / max(float(volatility), 1e-12))
        return np.tile(scale * row, (len(view.wealth), 1))
