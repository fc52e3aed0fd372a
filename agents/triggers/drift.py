"""Drift trigger."""

import numpy as np
from numpy.typing import NDArray

from agents.shared.cadence import on_turn, ticks_in
from sim.fields import Duration, Positive
from sim.interfaces import AllocatorView, Trigger
from sim.registry import component
from sim.views import View


@component("trigger", "drift")
class Drift(Trigger):
    """Rebalance when any weight is further than a band from its target."""

    band: Positive = 0.05
    """Largest tolerated distance of a weight from its target, in shares of wealth."""
    every: Duration = Duration(3_600.0)
    """How often an account compares; turns are spread over this time."""

    def due(self, view: View, phase: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Once per period."""
        return on_turn(view.tick, phase, ticks_in(view, self.every))

    def fires(self, seen: AllocatorView, target: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Outside the band."""
        return np.any(np.abs(seen.current - target) > self.band, axis=1)
