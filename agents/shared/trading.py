"""How populations reach venues: habits, prices there, and swaps against the numeraire."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import ConfigError
from sim.flows import Motive
from sim.intents import Act, Intent
from sim.quotes import MarketQuote
from sim.units import atoms_down
from sim.views import View

NUMERAIRE = 0
Rows = NDArray[np.intp]


def share_faults(venues: Sequence[str], shares: Sequence[float]) -> list[tuple[str, str]]:
    """What is wrong with routing shares, as (field, message)."""
    if not venues:
        return [("venues", "found none; name at least one protocol that trades")]
    if shares and (len(shares) != len(venues) or sum(shares) <= 0.0):
        return [("venue_shares", f"found {shares}; give {len(venues)} numbers, one per venue, not all zero, or none")]
    return []


def habits(rng: np.random.Generator, count: int, venues: Sequence[str], shares: Sequence[float]) -> NDArray[np.int64]:
    """(count,) position in `venues` of the one each account is used to; shares need not sum to one, none: all equal."""
    weights = np.array(shares or [1.0] * len(venues))
    bounds = np.cumsum(weights)[:-1] / weights.sum()
    return np.searchsorted(bounds, rng.random(count), side="right")


def usd_to_atoms(view: View, token: int, usd: ArrayLike) -> NDArray[np.int64]:
    """Atoms of a base asset that an amount of USD buys at the visible price, rounded down."""
    return atoms_down(np.asarray(usd) / view.prices[token], view.decimals(token))


class Desk(NamedTuple):
    """Sends a population's swaps to the venues its accounts are used to.

    slippage: largest accepted distance of the average price, fee included, from the venue's mid price.
    tip: priority bid in gwei. names_cause: whether orders name the last price move of their asset as their cause.
    """

    venues: Sequence[str]
    motive: Motive
    slippage: float
    tip: float
    names_cause: bool = True

    def market(self, view: View, habit: int, asset: int) -> tuple[int, MarketQuote]:
        """(venue, market) where an account with this habit trades an asset: its own venue, else the first that can."""
        for name in (self.venues[habit], *self.venues):
            quote = view.quotes[name]
            market = quote.market(asset)
            if market is not None:
                return quote.venue, market
        raise ConfigError(f"no venue trades token {asset}; the population trades on {', '.join(self.venues)}")

    def swaps(
        self, view: View, rows: Rows, habit: NDArray[np.int64], assets: NDArray[np.int64], signed: NDArray[np.int64]
    ) -> list[Intent]:
        """Sales, then purchases, one intent for each asset and usual venue.

        rows, habit, assets, signed: (m,) rows of the population, their usual venues, what each trades, and what it
        gives for it: atoms of the asset below zero, atoms of the numeraire above, nothing at zero.
        """
        key = (assets * 2 + (signed > 0)) * len(self.venues) + habit
        order = np.argsort(key, kind="stable")
        order = order[signed[order] != 0]
        if not order.size:
            return []
        key, accounts, amounts = key[order], view.accounts[rows[order]], np.abs(signed[order])
        starts = [0, *((key[1:] != key[:-1]).nonzero()[0] + 1).tolist(), order.size]
        sales: list[Intent] = []
        purchases: list[Intent] = []
        for start, end in pairwise(starts):
            what, number = divmod(int(key[start]), len(self.venues))
            asset, buys = divmod(what, 2)
            intent = self._swap(view, number, asset, bool(buys), accounts[start:end], amounts[start:end])
            (purchases if buys else sales).append(intent)
        return sales + purchases

    def _swap(
        self, view: View, habit: int, asset: int, buys: bool, accounts: NDArray[np.int64], amount: NDArray[np.int64]
    ) -> Intent:
        venue, market = self.market(view, habit, asset)
        return Intent(
            Act.SWAP,
            venue,
            accounts,
            NUMERAIRE if buys else asset,
            amount,
            token2=asset if buys else NUMERAIRE,
            motive=self.motive,
            limit=(1.0 / market.price if buys else market.price) * (1.0 - self.slippage),
            tip=self.tip,
            cause=view.cause(asset) if self.names_cause else 0,
        )
