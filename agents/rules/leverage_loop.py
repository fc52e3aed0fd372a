"""Leverage loops."""

from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Lt
from numpy.typing import NDArray

from agents.shared.estimates import unknown
from agents.shared.trading import NUMERAIRE
from sim.fields import AssetName, ProtocolName
from sim.interfaces import AllocationRule, AllocatorView
from sim.quotes import LendingQuote
from sim.registry import component


@component("rule", "leverage_loop")
class LeverageLoop(AllocationRule):
    """Borrow against an asset that yields, buy more of it, and so on, as long as that pays.

    After n loops at a loan-to-value l the leverage is L = (1 - l^(n+1)) / (1 - l), and its net yield y L - r (L - 1) at
    the pool's borrow rate r. Loops are undone at a look that finds the net yield below `least`, or health below
    `unwind`: the asset is then to be held without a loan, until a look finds neither.
    """

    asset: AssetName
    """What is looped."""
    protocol: ProtocolName
    """The lending pool; the same as the allocator's `borrow`."""
    income: float = 0.03
    """Yield per year that holding the asset is expected to bring, as by staking."""
    ltv: Annotated[float, Ge(0.0), Lt(1.0)] = 0.5
    """Loan over collateral of each loop."""
    loops: Annotated[int, Ge(0)] = 1
    """How often; 0 is no leverage."""
    least: float = 0.0
    """Net yield per year below which loops are undone."""
    unwind: Annotated[float, Gt(1.0)] = 1.05
    """Health factor below which an account undoes its loops."""

    @property
    def max_leverage(self) -> float:
        """Exposure over wealth when looped."""
        return (1.0 - self.ltv ** (self.loops + 1)) / (1.0 - self.ltv)

    def faults(self, assets: list[AssetName]) -> list[tuple[str, str]]:
        """An asset that the allocator does not hold."""
        return unknown("asset", [self.asset], assets)

    def weights(self, view: AllocatorView) -> NDArray[np.float64]:
        """(n, k) shares of wealth."""
        quote: LendingQuote = view.view.quotes[self.protocol]
        rate = float(quote.borrow_rate[quote.reserve(NUMERAIRE)])
        pays = self.income * self.max_leverage - rate * (self.max_leverage - 1.0) >= self.least
        safe = view.view.health(self.protocol)[view.rows] >= self.unwind
        exposure = np.where(safe & pays, self.max_leverage, 1.0)
        return exposure[:, None] * view.row({self.asset: 1.0})
