"""How populations hold an underlying against options: on a spot venue, or with perpetuals and futures."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from agents.shared.trading import NUMERAIRE
from sim.errors import ConfigError
from sim.flows import Motive
from sim.intents import Act, Intent
from sim.quotes import ContractQuote, FuturesQuote
from sim.views import View

Rows = NDArray[np.intp]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Hedges:
    """Where underlyings are bought and sold: units of each, on a spot venue or with perpetuals.

    Parameters
    ----------
    venue: its name; ConfigError if it does not trade one of the assets. assets: (k,) token indices. stock: units that
    every account holds for other reasons on a spot venue, so that a hedge can be short.
    """

    def __init__(self, view: View, venue: str, assets: Sequence[int], stock: float = 0.0) -> None:
        self.venue, self.assets = venue, list(assets)
        self.spot = not isinstance(view.quotes[venue], FuturesQuote)
        tokens = []
        for number, asset in enumerate(self.assets):
            market = self.market(view, number)
            if market is None:
                raise ConfigError(f'"{venue}" trades no token {asset}; name a venue where it can be bought')
            tokens.append(asset if self.spot else market.contract)
        self.tokens = np.array(tokens)
        self.scales = 10.0 ** np.array([view.decimals(token) for token in tokens])
        self.stock = stock if self.spot else 0.0

    def market(self, view: View, number: int) -> ContractQuote:
        """The market of one asset as it stands."""
        quote, asset = view.quotes[self.venue], self.assets[number]
        return quote.market(asset) if self.spot else quote.contract(asset)

    def prices(self, view: View) -> Floats:
        """(k,) mid prices in USD."""
        return np.array([self.market(view, number).price for number in range(len(self.assets))])

    def held(self, view: View, rows: Rows, number: Ints) -> Floats:
        """(m,) units held, short positions below zero. number: (m,) place of each account's asset."""
        token = self.tokens[number]
        atoms = view.balances[token, rows]
        if self.spot:
            atoms = np.where(token == view.native, np.maximum(atoms - view.gas_reserve, 0), atoms)
        return atoms / self.scales[number] - self.stock

    def trades(
        self, view: View, rows: Rows, number: Ints, units: Floats, motive: Motive, slippage: float, cause: int = 0
    ) -> list[Intent]:
        """Sell (units below zero), then buy. On a spot venue nobody sells more than is held. All arrays are (m,)."""
        atoms = (np.abs(units) * self.scales[number]).astype(np.int64)
        side = np.where(atoms > 0, number + len(self.assets) * (units > 0.0), -1)
        order = self._swap if self.spot else self._trade
        sent = []
        for group, some in by_group(side):
            buys, place = divmod(group, len(self.assets))
            intent = order(view, place, rows[some], atoms[some], bool(buys), slippage)
            named = cause or view.cause(self.assets[place])
            sent.append(intent._replace(motive=motive, cause=named))
        return [intent for intent in sent if intent.account.size]

    def _trade(self, view: View, place: int, rows: Rows, atoms: Ints, buys: bool, slippage: float) -> Intent:
        limit = self.market(view, place).price * (1.0 + slippage if buys else 1.0 - slippage)
        act, venue = Act.BUY if buys else Act.SELL, view.quotes[self.venue].venue
        return Intent(act, venue, view.lo + rows, int(self.tokens[place]), atoms, limit=limit)

    def _swap(self, view: View, place: int, rows: Rows, atoms: Ints, buys: bool, slippage: float) -> Intent:
        market, asset = self.market(view, place), self.assets[place]
        if buys:
            usd = atoms / self.scales[place] * market.price / (1.0 - market.fee)
            wanted, given = (usd * 10.0 ** view.decimals(NUMERAIRE)).astype(np.int64), NUMERAIRE
            limit = (1.0 - slippage) / market.price
        else:
            wanted, given, limit = atoms, asset, (1.0 - slippage) * market.price
        amount = np.minimum(wanted, view.spendable(given, rows))
        some, venue = amount > 0, view.quotes[self.venue].venue
        other = asset if buys else NUMERAIRE
        return Intent(Act.SWAP, venue, view.lo + rows[some], given, amount[some], other, limit=limit)


def by_group(group: Ints) -> list[tuple[int, NDArray[np.intp]]]:
    """(number, positions) of each group that has members, in order; negative numbers are no group."""
    order = np.argsort(group, kind="stable")
    numbers, starts = np.unique(group[order], return_index=True)
    bounds = [*starts.tolist(), group.size]
    return [
        (int(number), order[lo:hi]) for number, (lo, hi) in zip(numbers, pairwise(bounds), strict=True) if number >= 0
    ]
