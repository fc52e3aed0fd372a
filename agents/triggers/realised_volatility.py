"""Realised-volatility trigger."""

import numpy as np
from numpy.typing import NDArray

from agents.shared.cadence import on_turn, ticks_in
from sim.fields import Duration, NonNegative, Positive
from sim.interfaces import AllocatorView, Trigger
from sim.registry import component
from sim.views import View


@component("trigger", "realised_volatility")
class RealisedVolatility(Trigger):
    """Rebalance when the realised volatility of any asset is further than a distance from a reference."""

    distance: NonNegative = 0.2
    """Largest tolerated distance, in volatility per year."""
    reference: Positive | None = None
    """Volatility per year that is normal; that over `usual` if none."""
    window: Duration = Duration(3_600.0)
    """Over which volatility is realised."""
    usual: Duration = Duration(86_400.0)
    """Over which the reference is measured, if none is given."""
    every: Duration = Duration(3_600.0)
    """How often an account compares; turns are spread over this time."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        if self.reference is not None or self.window < self.usual:
            return []
        return [("window", f"found {self.window:g} s; must be shorter than usual, {self.usual:g} s")]

    def due(self, view: View, phase: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Once per period."""
        return on_turn(view.tick, phase, ticks_in(view, self.every))

    def fires(self, seen: AllocatorView, target: NDArray[np.float64]) -> NDArray[np.bool_]:
        """All alike; never without history."""
        ticks = seen.ticks(self.window)
        if not len(seen.returns(ticks)):
            return np.zeros(len(target), dtype=np.bool_)
        normal = seen.volatility(seen.ticks(self.usual)) if self.reference is None else self.reference
        return np.full(len(target), bool(np.any(np.abs(seen.volatility(ticks) - normal) > self.distance)))
