"""Best risk-adjusted yield."""

from collections.abc import Callable
from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from agents.shared.estimates import tiled, unknown
from agents.shared.trading import NUMERAIRE
from sim.fields import AssetName, HoldingName, NonNegative, Share
from sim.interfaces import AllocationRule, AllocatorView
from sim.math.portfolio.water import water_fill
from sim.quotes import LendingQuote
from sim.registry import component

Floats = NDArray[np.float64]
Rate = Callable[[Floats], Floats]


@component("rule", "best_yield")
class BestYield(AllocationRule):
    """Spread money over lending pools so that the last dollar earns the same everywhere, net of a charge for risk.

    Rates fall with what is deposited: the whole population's money is filled in like water, since all of it moves by
    the same rule. Holdings without a published rate count with the yield that is given for them, or not at all.
    """

    yields: dict[HoldingName, float] = field(default_factory=dict)
    """Expected yield per year of assets and vaults, which does not fall with what is held."""
    charge: dict[HoldingName, NonNegative] = field(default_factory=dict)
    """Yield per year that a holding has to pay for its risk."""
    hurdle: float = 0.0
    """Net yield per year below which money stays in the numeraire."""
    choice: NonNegative = 0.0
    """Bounded rationality: above 0, shares are a logit of present net yields times this; 0 is the best there is."""
    invested: Share = 1.0
    """Share of wealth that looks for yield."""

    def faults(self, assets: list[AssetName]) -> list[tuple[str, str]]:
        """Yields and charges of what the allocator does not hold."""
        return unknown("yields", self.yields, assets) + unknown("charge", self.charge, assets)

    def weights(self, view: AllocatorView) -> Floats:
        """(n, k) shares of wealth."""
        rates = [self._rate(view, column) for column in range(len(view.assets))]
        charge = view.row(self.charge)
        if self.choice > 0.0:
            now = np.array([-np.inf if rate is None else float(rate(np.zeros(1))[0]) for rate in rates]) - charge
            top = max(float(now.max()), self.hurdle)
            part = np.exp(self.choice * (now - top))
            return tiled(view, self.invested * part / (part.sum() + np.exp(self.choice * (self.hurdle - top))))
        own, money = self._holdings(view)
        money *= self.invested
        curves = [
            None if rate is None else lambda x, rate=rate, d=d, c=c: rate(x - d) - c
            for rate, d, c in zip(rates, own, charge, strict=True)
        ]
        return tiled(view, self.invested * water_fill(curves, money, self.hurdle))

    def _rate(self, view: AllocatorView, column: int) -> Rate | None:
        """(atoms more than now) -> yield per year; None if nothing is known of it."""
        name, index = view.assets[column], view.indices[column]
        if name in self.yields:
            return lambda more: np.full(more.size, self.yields[HoldingName(name)])
        for quote in view.view.quotes.values():
            if isinstance(quote, LendingQuote) and index in quote.receipts and quote.rate_with:
                reserve, curve = quote.receipts.index(index), quote.rate_with
                return lambda more: curve(reserve, more)
        return None

    def _holdings(self, view: AllocatorView) -> tuple[Floats, float]:
        """(k,) numeraire atoms that the whole population holds of each column, and of all it has.

        What waits to get into a vault counts as held there; what waits to get out, as money.
        """
        coin, world = float(view.view.atom_prices[NUMERAIRE]), view.view
        atoms = world.atom_prices
        own = np.zeros(len(view.indices))
        leaving = 0.0
        for column, index in enumerate(view.indices):
            held = float(world.balance(index).sum())
            if index < atoms.size:
                own[column] = held * atoms[index] / coin
                continue
            own[column] = held / 10.0 ** world.decimals(index) * world.value(index) / coin
            for quote in world.quotes.values():
                if isinstance(quote, LendingQuote) and index in quote.receipts:
                    own[column] = held * quote.supply_index[quote.receipts.index(index)]
                elif getattr(quote, "share", -1) == index:
                    own[column] = held * quote.share_price + float(world.balance(quote.pending).sum())
                    leaving += float(world.balance(quote.leaving).sum()) * quote.share_price
        money = float(own.sum()) + leaving + float(world.balance(NUMERAIRE).sum())
        return own, money if money > 0.0 else float(view.wealth.sum()) / coin
