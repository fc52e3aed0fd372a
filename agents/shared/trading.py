"""How populations reach venues: habits, prices there, and swaps against the numeraire."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import ConfigError
from sim.flows import Motive
from sim.intents import Act, Intent
from sim.quotes import MarketQuote
from sim.units import atoms_down
from sim.views import View

NUMERAIRE = 0


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


def spendable(view: View, token: int, rows: NDArray[np.intp]) -> NDArray[np.int64]:
    """(m,) atoms that these rows can spend, without what is kept back for gas."""
    return view.spendable(token)[rows]


def usd_to_atoms(view: View, token: int, usd: ArrayLike) -> NDArray[np.int64]:
    """Atoms of a base asset that an amount of USD buys at the visible price, rounded down."""
    return atoms_down(np.asarray(usd) / view.prices[token], view.decimals(token))


@dataclass(frozen=True)
class Desk:
    """Sends a population's swaps to the venues its accounts are used to.

    slippage: largest accepted distance of the average price, fee included, from the venue's mid price.
    tip: priority bid in gwei.
    """

    venues: Sequence[str]
    motive: Motive
    slippage: float
    tip: float

    def market(self, view: View, habit: int, asset: int) -> tuple[int, MarketQuote]:
        """(venue, market) where an account with this habit trades an asset: its own venue, else the first that can."""
        for name in (self.venues[habit], *self.venues):
            quote = view.quotes[name]
            market = quote.market(asset)
            if market is not None:
                return quote.venue, market
        raise ConfigError(f"no venue trades token {asset}; the population trades on {', '.join(self.venues)}")

    def swaps(
        self,
        view: View,
        rows: NDArray[np.int64],
        habit: NDArray[np.int64],
        asset: int,
        signed: NDArray[np.int64],
        cause: int = 0,
    ) -> tuple[list[Intent], list[Intent]]:
        """(sales, purchases) of one asset.

        rows, habit, signed: (m,) rows of the population, their usual venues, and what each gives: atoms of the asset
        below zero, atoms of the numeraire above, nothing at zero.
        """
        sales: list[Intent] = []
        purchases: list[Intent] = []
        sells, buys = signed < 0, signed > 0
        for number in range(len(self.venues)):
            here = habit == number
            sold, bought = np.flatnonzero(here & sells), np.flatnonzero(here & buys)
            if sold.size or bought.size:
                venue, market = self.market(view, number, asset)
                if sold.size:
                    pair, price = (asset, NUMERAIRE), market.price
                    sales.append(self._swap(view, venue, rows[sold], pair, -signed[sold], price, cause))
                if bought.size:
                    pair, price = (NUMERAIRE, asset), 1.0 / market.price
                    purchases.append(self._swap(view, venue, rows[bought], pair, signed[bought], price, cause))
        return sales, purchases

    def _swap(
        self,
        view: View,
        venue: int,
        rows: NDArray[np.int64],
        pair: tuple[int, int],
        amount: NDArray[np.int64],
        price: float,
        cause: int,
    ) -> Intent:
        given, wanted = pair
        return Intent(
            Act.SWAP,
            venue,
            view.accounts[rows],
            given,
            amount,
            token2=wanted,
            motive=self.motive,
            limit=price * (1.0 - self.slippage),
            tip=self.tip,
            cause=cause,
        )
