"""Hedging by the calendar."""

import numpy as np

from agents.shared.cadence import on_turn
from sim.fields import Duration
from sim.hedging import Floats, HedgeRule, HedgeView
from sim.registry import component


@component("hedge", "calendar")
class Calendar(HedgeRule):
    """Neutral once per period, whatever it costs."""

    every: Duration = Duration(3600.0)
    """Time between two hedges of an account."""
    together: bool = True
    """All accounts in the same tick, counted from the first, instead of spread over the period."""

    def band(self, seen: HedgeView) -> tuple[Floats, Floats]:
        """Minus the delta when it is an account's turn."""
        period = seen.ticks(self.every)
        due = (
            np.full(seen.rows.size, seen.view.tick % period == 0)
            if self.together
            else on_turn(seen.view.tick, seen.phase, period)
        )
        return np.where(due, -seen.delta, -np.inf), np.where(due, -seen.delta, np.inf)
