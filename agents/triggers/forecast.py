"""Forecast trigger."""

from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from agents.shared.cadence import ticks_in
from sim.fields import AssetName, Duration, Positive, Share
from sim.forecasting import Forecaster
from sim.interfaces import Trigger
from sim.registry import component
from sim.views import View


@component("trigger", "forecast")
class Forecast(Trigger):
    """Rebalance, all together, when the forecast volatility of an asset crosses a level, up or down.

    The level is a number per year (static), or a multiple of the volatility realised over the window (adaptive).
    """

    forecaster: Forecaster
    """Who looks ahead."""
    asset: AssetName
    """Whose volatility."""
    level: Positive = 0.8
    """Volatility per year, or a multiple if adaptive."""
    adaptive: bool = False
    """Whether the level is a multiple of realised volatility."""
    band: Share = 0.0
    """How far beyond the level, as a share of it, a crossing has to go; keeps it from firing at every wiggle."""
    window: Duration = Duration(86_400.0)
    """History that the forecaster sees."""
    horizon: Duration = Duration(3_600.0)
    """Time that it looks ahead."""
    every: Duration = Duration(3_600.0)
    """How often it is asked."""

    high: bool | None = field(default=None, init=False)
    """On which side the forecast last was; None before the first."""

    def due(self, view: View, phase: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Everybody, or nobody."""
        crossed = False
        if view.tick % ticks_in(view, self.every) == 0:
            prices = view.history(view.token(self.asset), ticks_in(view, self.window))
            if len(prices) > 1:
                crossed = self._crossed(np.diff(np.log(prices)), ticks_in(view, self.horizon), view.dt_years)
        return np.full(phase.size, crossed)

    def _crossed(self, returns: NDArray[np.float64], horizon: int, dt_years: float) -> bool:
        expected = np.sqrt(self.forecaster.sound(returns, horizon) / dt_years)
        normal = np.sqrt((returns * returns).mean() / dt_years) if self.adaptive else 1.0
        before, level = self.high, self.level * normal
        if expected > level * (1.0 + self.band):
            self.high = True
        elif expected < level * (1.0 - self.band) or self.high is None:
            self.high = False
        return before is not None and before is not self.high
