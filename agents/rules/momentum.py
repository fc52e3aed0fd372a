"""Momentum."""

from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from agents.shared.estimates import tiled
from sim.fields import AssetName, Duration, Share
from sim.interfaces import AllocationRule, AllocatorView
from sim.registry import component


@component("rule", "momentum")
class Momentum(AllocationRule):
    """Hold what has risen, long only.

    In time series, each asset that rose by more than a threshold gets an equal part (Moskowitz, Ooi and Pedersen, J.
    Financial Economics 104, 2012); across assets, the `top` that rose most share everything (Jegadeesh and Titman,
    Journal of Finance 48, 1993). Ties are all held. A run younger than the window counts as `short_history`; without
    any history nothing is held.
    """

    mode: Literal["time_series", "cross_section"] = "time_series"
    """Each asset against itself, or against the others."""
    window: Duration = Duration(86_400.0)
    """Over which returns are looked at."""
    threshold: float = 0.0
    """Log return that counts as a rise, for time_series."""
    top: Annotated[int, Ge(1)] = 1
    """How many are held, for cross_section."""
    invested: Share = 1.0
    """Share of wealth in assets if all that may be are held."""

    def faults(self, assets: list[AssetName]) -> list[tuple[str, str]]:
        """More to hold than there is."""
        if self.mode == "time_series" or self.top <= len(assets):
            return []
        return [("top", f"found {self.top}; the allocator has {len(assets)} assets")]

    def weights(self, view: AllocatorView) -> NDArray[np.float64]:
        """(n, k) shares of wealth."""
        ticks = view.ticks(self.window)
        returns = view.returns(ticks)
        if len(returns) < ticks:
            self.note("short_history")
        count = len(view.assets)
        if not len(returns):
            return tiled(view, np.zeros(count))
        rise = returns.sum(axis=0)
        if self.mode == "time_series":
            return tiled(view, np.where(rise > self.threshold, self.invested / count, 0.0))
        chosen = rise >= np.sort(rise)[-min(self.top, count)]
        return tiled(view, chosen * (self.invested / chosen.sum()))
