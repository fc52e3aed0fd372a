"""Gas-aware trigger."""

import numpy as np
from numpy.typing import NDArray

from sim.fields import Positive
from sim.interfaces import AllocatorView, Trigger
from sim.registry import component
from sim.views import View


@component("trigger", "gas")
class Gas(Trigger):
    """Another trigger, heard only while gas is cheap; turns that fall into dear hours are skipped."""

    base: Trigger
    """What would make accounts rebalance."""
    above: Positive = 50.0
    """Base fee in gwei from which nothing is done."""

    def due(self, view: View, phase: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Who is due by the other trigger, if gas is cheap."""
        due = self.base.due(view, phase)
        return due if view.gas_price < self.above else np.zeros_like(due)

    def fires(self, seen: AllocatorView, target: NDArray[np.float64]) -> NDArray[np.bool_]:
        """As the other trigger."""
        return self.base.fires(seen, target)
