"""Rebalancing that pays for itself."""

from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from agents.shared.estimates import Estimating
from agents.shared.liquidity import spreads
from sim.fields import AssetName, Duration, NonNegative, Positive, ProtocolName
from sim.interfaces import AllocationRule, AllocatorView
from sim.math.portfolio.quadratic import worthwhile_weights
from sim.registry import component
from sim.units import SECONDS_PER_YEAR


@component("rule", "cost_aware")
class CostAware(Estimating):
    """Go towards another rule's weights only as far as the risk of being off them costs more than the trade.

    Each account minimises aversion x horizon x 1/2 (w - target)'S(w - target) + cost'|w - held|: around the target lies
    a region without trades, and trades end on its edge. One that holds nothing yet buys the target.
    """

    base: AllocationRule
    """Whose weights are the target."""
    cost: NonNegative = 0.001
    """Share of every trade that is lost."""
    venues: list[ProtocolName] = field(default_factory=list)
    """Where half the spread at `size_usd` is looked up and added to the cost; nowhere if none is given."""
    size_usd: Positive = 10_000.0
    """Trade for which the spread is asked."""
    aversion: Positive = 3.0
    """Price of variance: how much return per year the account would give up for a unit less of it, times two."""
    horizon: Duration = Duration(30 * 86_400.0)
    """Time over which a distance from the target would be borne."""

    def __post_init__(self) -> None:
        self.fallbacks = self.base.fallbacks

    def faults(self, assets: list[AssetName]) -> list[tuple[str, str]]:
        """Those of the rule whose weights are the target."""
        return [(f"base.{place}", text) for place, text in self.base.faults(assets)]

    @property
    def max_leverage(self) -> float:
        """Of the rule whose weights are the target."""
        return float(getattr(self.base, "max_leverage", 1.0))

    def weights(self, view: AllocatorView) -> NDArray[np.float64]:
        """(n, k) shares of wealth."""
        target = self.base.weights(view)
        price = np.full(len(view.assets), self.cost)
        if self.venues:
            price += 0.5 * spreads(view, self.venues, self.size_usd)
        risk = self.covariance(view) * (self.aversion * self.horizon / SECONDS_PER_YEAR)
        found = worthwhile_weights(target, view.current, risk, price, max(self.max_leverage, 1.0))
        holds = np.asarray(view.current.any(axis=1, keepdims=True))
        return np.where(holds, found, target)
