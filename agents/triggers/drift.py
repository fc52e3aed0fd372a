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
    """Rebalance when any weight is further than a band from its target.

    Settings
    --------
    band: largest tolerated distance of a weight from its target, in shares of wealth.
    every: how often an account compares; turns are spread over this time.
    """

    band: Positive = 0.05
    every: Duration = Duration(3_600.0)

    def due(self, view: View, phase: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Once per period."""
        return on_turn(view.tick, phase, ticks_in(view, self.every))

    def fires(self, seen: AllocatorView, target: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Outside the band."""
        return np.any(np.abs(seen.current - target) > self.band, axis=1)
