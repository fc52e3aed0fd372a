"""Volatility targeting."""

from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from sim.fields import AssetName, Duration, Positive, Share
from sim.interfaces import AllocationRule, AllocatorView
from sim.registry import component


@component("rule", "volatility_target")
class VolatilityTarget(AllocationRule):
    """A base portfolio, scaled so that its expected volatility is the target: min(target / volatility, cap) of it.

    Settings
    --------
    target: volatility per year of the whole wealth.
    base: share by asset of the unscaled portfolio; equal weights if empty.
    cap: largest scale; 1 is no leverage.
    window: over which the covariance is realised. half_life: age at which a return counts half; none: all the same.
    prior: volatility per year that stands in, uncorrelated, for the part of the window before the run.
    """

    target: Positive = 0.4
    base: dict[AssetName, Share] = field(default_factory=dict)
    cap: Positive = 1.0
    window: Duration = Duration(86_400.0)
    half_life: Duration | None = Duration(21_600.0)
    prior: Positive = 0.7

    def weights(self, view: AllocatorView) -> NDArray[np.float64]:
        """(n, k) shares of wealth."""
        equal = np.full(len(view.assets), 1.0 / len(view.assets))
        row = view.row(self.base) if self.base else equal
        half_life = None if self.half_life is None else view.ticks(self.half_life)
        covariance = view.covariance(view.ticks(self.window), half_life, self.prior)
        volatility = np.sqrt(np.einsum("i,ij,j->", row, covariance, row))
        scale = min(self.cap, self.target / max(float(volatility), 1e-12))
        return np.tile(scale * row, (len(view.wealth), 1))
