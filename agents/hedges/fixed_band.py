"""Hedging to the edge of a fixed band."""

import numpy as np

from sim.fields import NonNegative
from sim.hedging import Floats, HedgeRule, HedgeView
from sim.registry import component


@component("hedge", "fixed_band")
class FixedBand(HedgeRule):
    """The same tolerance at all times."""

    width: NonNegative = 0.05
    """Tolerated delta on each side, in units of the underlying."""

    def band(self, seen: HedgeView) -> tuple[Floats, Floats]:
        """Minus the delta, give or take the width."""
        tolerated = np.full_like(seen.delta, self.width)
        return -seen.delta - tolerated, -seen.delta + tolerated
