"""Calendar trigger."""

import numpy as np
from numpy.typing import NDArray

from agents.shared.cadence import on_turn, ticks_in
from sim.fields import Duration
from sim.interfaces import Trigger
from sim.registry import component
from sim.views import View


@component("trigger", "calendar")
class Calendar(Trigger):
    """Rebalance every so often, whatever the weights are."""

    every: Duration = Duration(86_400.0)
    """Time between two turns of an account."""
    together: bool = False
    """All accounts in the same tick instead of spread over the period."""

    def due(self, view: View, phase: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Once per period."""
        period = ticks_in(view, self.every)
        if self.together:
            return np.full(phase.size, view.tick % period == 0)
        return on_turn(view.tick, phase, period)
