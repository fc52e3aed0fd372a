"""Moving-average cross."""

import numpy as np
from numpy.typing import NDArray

from agents.shared.estimates import tiled
from sim.fields import AssetName, Duration, NonNegative, Share
from sim.interfaces import AllocationRule, AllocatorView
from sim.registry import component


@component("rule", "moving_average")
class MovingAverage(AllocationRule):
    """Hold an equal part of each asset whose fast moving average is above its slow one, or of all if a signal's is.

    The variable-length rule of Brock, Lakonishok and LeBaron (Journal of Finance 47, 1992), long only. While the run is
    younger than the slow window, averages are over what there is, and `short_history` is counted.
    """

    fast: Duration = Duration(3_600.0)
    """Window of the fast average."""
    slow: Duration = Duration(86_400.0)
    """Window of the slow average."""
    band: NonNegative = 0.0
    """By what share of the slow average the fast one must be above it."""
    invested: Share = 1.0
    """Share of wealth in assets if all are held."""
    signal: AssetName | None = None
    """Whose averages decide on everything, held or not, such as a macro factor; each asset's own if none."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        short = self.fast >= self.slow
        return [("fast", f"found {self.fast:g} s; must be shorter than slow, {self.slow:g} s")] if short else []

    def weights(self, view: AllocatorView) -> NDArray[np.float64]:
        """(n, k) shares of wealth."""
        slow, fast = view.ticks(self.slow), view.ticks(self.fast)
        prices = np.array([view.view.history(index, slow - 1) for index in self._watched(view)])
        if prices.shape[1] < slow:
            self.note("short_history")
        # Prices over the last one: averages of numbers near one do not depend on the unit of money.
        prices = prices / prices[:, -1:]
        above = prices[:, -fast:].mean(axis=1) > (1.0 + self.band) * prices.mean(axis=1)
        count = len(view.assets)
        return tiled(view, np.broadcast_to(above, count) * (self.invested / count))

    def _watched(self, view: AllocatorView) -> list[int]:
        """Tokens whose prices are averaged."""
        return view.indices if self.signal is None else [view.view.token(self.signal)]
