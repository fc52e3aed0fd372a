"""Equal weights."""

import numpy as np
from numpy.typing import NDArray

from sim.fields import Share
from sim.interfaces import AllocationRule, AllocatorView
from sim.registry import component


@component("rule", "equal_weight")
class EqualWeight(AllocationRule):
    """One nth of what is invested in each asset (1/N)."""

    invested: Share = 1.0
    """Share of wealth in all assets together."""

    def weights(self, view: AllocatorView) -> NDArray[np.float64]:
        """(n, k) shares of wealth."""
        return np.full_like(view.current, self.invested / len(view.assets))
