"""Cost-benefit trigger."""

import numpy as np
from numpy.typing import NDArray

from agents.shared.cadence import on_turn, ticks_in
from sim.chain import GWEI
from sim.fields import Duration, NonNegative, Positive
from sim.interfaces import AllocatorView, Trigger
from sim.registry import component
from sim.units import SECONDS_PER_YEAR
from sim.views import View


@component("trigger", "cost_benefit")
class CostBenefit(Trigger):
    """Rebalance when the risk of staying off the target costs more than going there.

    The risk is aversion / 2 x variance of (weights held - target) over the horizon, the tracking error that rebalancing
    ends; the cost is a share of all that is traded and, on a chain, the gas of every trade, which weighs on small
    accounts. Without history nobody knows a risk, and nobody trades.
    """

    cost: NonNegative = 0.001
    """Share of every trade that is lost."""
    gas: NonNegative = 0.0
    """Gas of one trade, paid at the present base fee; a swap takes 150,000, a matched order elsewhere nothing."""
    aversion: Positive = 3.0
    """Price of variance."""
    horizon: Duration = Duration(30 * 86_400.0)
    """Time over which the distance would be borne."""
    window: Duration = Duration(86_400.0)
    """Over which the covariance is measured."""
    every: Duration = Duration(3_600.0)
    """How often an account compares; turns are spread over this time."""

    def due(self, view: View, phase: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Once per period."""
        return on_turn(view.tick, phase, ticks_in(view, self.every))

    def fires(self, seen: AllocatorView, target: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Where the risk is worth the cost."""
        gap = target - seen.current
        covariance = seen.covariance(seen.ticks(self.window)) * (self.horizon / SECONDS_PER_YEAR)
        risk = 0.5 * self.aversion * np.einsum("ni,ij,nj->n", gap, covariance, gap)
        return np.asarray(risk > self.cost * np.abs(gap).sum(axis=1) + self._gas(seen, gap))

    def _gas(self, seen: AllocatorView, gap: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) what the gas of all trades costs, as a share of wealth."""
        if self.gas == 0.0:
            return np.zeros(len(gap))
        view = seen.view
        usd = self.gas * view.gas_price * GWEI * float(view.prices[view.native])
        return np.count_nonzero(gap, axis=1) * usd / np.maximum(seen.wealth, usd)
