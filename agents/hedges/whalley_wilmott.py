"""Whalley and Wilmott's asymptotic hedging bandwidth."""

import numpy as np

from sim.fields import Positive
from sim.hedging import Floats, HedgeRule, HedgeView
from sim.registry import component


@component("hedge", "whalley_wilmott")
class WhalleyWilmott(HedgeRule):
    """Band (3/2 e^(-r tau) cost S gamma^2 / risk_aversion)^(1/3) around delta, with a rate of zero.

    Whalley and Wilmott, "An asymptotic analysis of an optimal hedging model for option pricing with transaction
    costs", Mathematical Finance 7(3), 1997.
    """

    risk_aversion: Positive = 1.0
    """Of exponential utility, per USD."""

    def band(self, seen: HedgeView) -> tuple[Floats, Floats]:
        """Minus the delta, give or take the bandwidth."""
        width = np.cbrt(1.5 * seen.cost * seen.spot * seen.gamma**2 / self.risk_aversion)
        return -seen.delta - width, -seen.delta + width
