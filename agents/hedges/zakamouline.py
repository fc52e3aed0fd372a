"""Zakamouline's approximation of the utility-optimal hedge."""

import numpy as np

from sim.fields import Positive
from sim.hedging import Floats, HedgeRule, HedgeView
from sim.registry import component


@component("hedge", "zakamouline")
class Zakamouline(HedgeRule):
    """A band around the delta at a modified volatility: wider for shorts, narrower for longs; rate zero.

    Zakamouline, "European option pricing and hedging with both fixed and proportional transaction costs", Journal of
    Economic Dynamics and Control 30, 2006.
    """

    risk_aversion: Positive = 1.0
    """Of exponential utility, per USD."""

    def band(self, seen: HedgeView) -> tuple[Floats, Floats]:
        """Minus the modified delta, give or take H1 + H0."""
        cost, gamma, tau = seen.cost, np.abs(seen.gamma), np.maximum(seen.years, 1e-12)
        flat = np.maximum(seen.volatility, 1e-12)
        root = flat**-0.25
        shift = -4.76 * cost**0.78 / tau**0.02 * root * (self.risk_aversion * seen.spot**2 * gamma) ** 0.15
        modified = flat * np.sqrt(np.maximum(1.0 + np.sign(seen.gamma) * shift, 1e-6))
        inner = 1.12 * cost**0.31 * tau**0.05 * root * np.sqrt(gamma / self.risk_aversion)
        outer = cost / (self.risk_aversion * seen.spot * flat**2 * tau)
        delta = seen.at_volatility(modified)
        return -delta - inner - outer, -delta + inner + outer
