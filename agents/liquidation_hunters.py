"""Liquidation hunters: sell until other people's longs are liquidated, and cover into what that sells."""

import math
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
from annotated_types import Gt, MinLen
from numpy.typing import NDArray

from agents.shared.hedging import Hedges
from agents.shared.sizes import Sizes
from agents.shared.trading import NUMERAIRE, usd_to_atoms
from sim.errors import ConfigError
from sim.fields import AssetName, NonNegative, Positive, ProtocolName, Share
from sim.flows import Motive
from sim.intents import Act, Intent
from sim.interfaces import Endowment, Population
from sim.math.search import largest_fitting
from sim.quotes import ContractQuote, FuturesQuote
from sim.registry import component
from sim.rng import Draws
from sim.views import View

Floats = NDArray[np.float64]
STEPS = 24
"""Target prices that are tried within reach."""


def liquidation_price(entry: float, leverage: Floats, maintenance: float) -> Floats:
    """Price at which a long of some leverage is liquidated: entry (1 - 1 / leverage) / (1 - maintenance)."""
    return np.asarray(entry * (1.0 - 1.0 / leverage) / (1.0 - maintenance))


@dataclass
class LiquidationMap:
    """Where longs are believed to be liquidated, from public prices and open interest alone.

    New open interest was opened at the price of the moment, in equal parts at each of the leverages; what is closed
    leaves all levels in proportion. price, size: liquidation price and whole contracts of every level.
    """

    leverages: Floats
    maintenance: float
    price: Floats = field(default_factory=lambda: np.empty(0))
    size: Floats = field(default_factory=lambda: np.empty(0))

    def note(self, price: float, open_interest: float) -> None:
        """See the market at a moment."""
        self.drop(price)
        known = math.fsum(self.size.tolist())
        if open_interest > known:
            more = np.full(self.leverages.size, (open_interest - known) / self.leverages.size)
            levels = liquidation_price(price, self.leverages, self.maintenance)
            self.price, self.size = np.append(self.price, levels), np.append(self.size, more)
        elif known > 0.0:
            self.size = self.size * (open_interest / known)

    def drop(self, price: float) -> None:
        """Take everything that is liquidated down to a price for gone."""
        alive = self.price < price
        self.price, self.size = self.price[alive], self.size[alive]

    def above(self, price: float) -> float:
        """Whole contracts that would be liquidated down to a price."""
        return math.fsum(self.size[self.price >= price].tolist())


@component("population", "liquidation_hunters")
class LiquidationHunters(Population):
    """Sell together until the mark price is where a cluster of longs is liquidated, and buy back in the next tick.

    They attack when more is liquidated than `least` times what they must sell for it, and when their margin allows it;
    they sell no more than a slice in a tick, so that the mark, which follows trades, stays close to the book.
    """

    risk = "execution"

    venue: ProtocolName
    """A venue of perpetuals."""
    asset: AssetName
    """Underlying."""
    capital_usd: Sizes = field(default_factory=lambda: Sizes(median=1_000_000.0, spread=0.0))
    """What accounts deposit as margin."""
    leverage: Positive = 3.0
    """Largest position, in units of equity."""
    leverages: Annotated[list[Annotated[float, Gt(1.0)]], MinLen(1)] = field(
        default_factory=lambda: [5.0, 10.0, 20.0, 50.0]
    )
    """At which they believe positions are opened, as far as the venue allows."""
    reach: Share = 0.05
    """Largest fall of the price that they try."""
    least: NonNegative = 1.0
    """Contracts liquidated per contract sold from which an attack is worth it."""
    slices: Annotated[int, Gt(0)] = 10
    """Parts of their largest position that they sell in a tick at most; an attack is given up after twice as many."""
    rest: Annotated[int, Gt(0)] = 12
    """Ticks between the beginnings of two attacks."""

    target: float = field(default=0.0, init=False)
    """Mark price of the attack under way; 0 without one."""
    began: int = field(default=-(10**9), init=False)
    """Tick in which the last attack began."""

    def endow(self, view: View, rng: np.random.Generator) -> Endowment:
        """All capital lies at the venue."""
        quote, token = view.quotes.get(self.venue), view.token(self.asset)
        if not isinstance(quote, FuturesQuote) or quote.margin_asset != NUMERAIRE:
            raise ConfigError(f'population "{self.name}": "{self.venue}" is no venue of perpetuals margined in USD')
        self._markets = Hedges(view, self.venue, [token])
        market = self._markets.market(view, 0)
        likely = np.unique(np.minimum(self.leverages, 1.0 / max(market.initial, 1e-12)))
        self._map = LiquidationMap(likely, market.maintenance)
        money = usd_to_atoms(view, NUMERAIRE, self.capital_usd.draw(self.count, rng))
        some = np.flatnonzero(money > 0)
        deposit = Intent(Act.DEPOSIT, quote.venue, view.lo + some, NUMERAIRE, money[some])
        return Endowment(balances={NUMERAIRE: money}, intents=[deposit])

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Attack if it pays; cover what was sold."""
        market = self._markets.market(view, 0)
        held = self._markets.held(view, np.arange(self.count), np.zeros(self.count, np.int64))
        self._map.note(market.mark, market.open_interest)
        room = np.maximum(view.margin(self.venue).equity, 0.0) / 10.0 ** view.decimals(NUMERAIRE)
        room = np.minimum(self.leverage, 0.9 / max(market.initial, 1e-12)) * room / market.price
        most = math.fsum(room.tolist())
        if self.target and (market.mark <= self.target or view.tick >= self.began + 2 * self.slices):
            self._map.drop(self.target)
            self.target = 0.0
        elif not self.target and self.began + self.rest <= view.tick and not held.any():
            self.target = self._worth(market, most)
            self.began = view.tick if self.target else self.began
        if not self.target:
            return self._send(view, -held)
        slice_ = most / self.slices
        size = pushing(market, self.target, slice_) or slice_
        return self._send(view, -np.minimum(size * room / most, np.maximum(room + held, 0.0)))

    def _worth(self, market: ContractQuote, most: float) -> float:
        """Target with the best ratio of what is liquidated to what must be sold; 0 if no attack is worth it."""
        best, chosen = self.least, 0.0
        for target in market.mark * (1.0 - self.reach * np.arange(1, STEPS + 1) / STEPS):
            size = pushing(market, float(target), most)
            ratio = self._map.above(float(target)) / size if size > 0.0 else 0.0
            if ratio > best:
                best, chosen = ratio, float(target)
        return chosen

    def _send(self, view: View, units: Floats) -> list[Intent]:
        rows = np.arange(self.count)
        return self._markets.trades(view, rows, np.zeros(self.count, np.int64), units, Motive.ATTACK, 1.0)


def pushing(market: ContractQuote, target: float, most: float) -> float:
    """Whole contracts whose sale takes place at an average price of at most `target`, which a mark price follows.

    0 if more than `most` would have to be sold.
    """
    below = largest_fitting(most, lambda size: market.average_price(-size) > target)
    return below * (1.0 + 1e-9) if below < most else 0.0
