"""Volatility targeting."""

from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from agents.shared.estimates import Estimating, not_one, tiled, unknown
from sim.fields import AssetName, Duration, Positive, Share
from sim.forecasting import Forecaster
from sim.interfaces import AllocatorView
from sim.registry import component


@component("rule", "volatility_target")
class VolatilityTarget(Estimating):
    """A base portfolio, scaled by min(target / expected volatility, max_leverage)."""

    target: Positive = 0.4
    """Volatility per year of the whole wealth."""
    base: dict[AssetName, Share] = field(default_factory=dict)
    """Share by asset of the unscaled portfolio, sum 1; equal weights if empty."""
    max_leverage: Positive = 1.0
    """Largest scale; 1 is no leverage."""
    half_life: Duration | None = Duration(21_600.0)
    """Age at which a return counts half for the "ewma" estimator; all count the same if none."""
    forecaster: Forecaster | None = None
    """Who says how volatile the unscaled portfolio will be, instead of what it was by the estimator."""
    horizon: Duration = Duration(3_600.0)
    """Time that the forecaster looks ahead."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        return super().check() + (not_one("base", self.base.values()) if self.base else [])

    def faults(self, assets: list[AssetName]) -> list[tuple[str, str]]:
        """Base assets that the allocator does not hold."""
        return unknown("base", self.base, assets)

    def weights(self, view: AllocatorView) -> NDArray[np.float64]:
        """(n, k) shares of wealth."""
        row = view.row(self.base) if self.base else np.full(len(view.assets), 1.0 / len(view.assets))
        volatility = np.sqrt(self._variance(view, row))
        scale = min(self.max_leverage, self.target / max(float(volatility), 1e-12))
        return tiled(view, scale * row)

    def _variance(self, view: AllocatorView, row: NDArray[np.float64]) -> float:
        """Per year, of the unscaled portfolio."""
        returns = np.einsum("ti,i->t", view.returns(self.ticks(view)), row) if self.forecaster else np.empty(0)
        if self.forecaster is None or not returns.size:
            return float(np.einsum("i,ij,j->", row, self.realised(view), row))
        if self.known(view) < 1.0:
            self.note("short_history")
        return self.forecaster.sound(returns, view.ticks(self.horizon)) / view.view.dt_years
