"""How populations reach venues: habits, prices there, and swaps against the numeraire."""

# mypy: allow-untyped-defs, allow-incomplete-defs

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import ConfigError
from sim.flows import Motive
from sim.intents import Act, Intent
from sim.jit import kernel
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


def _grouped_numpy(lo, rows, place, assets, signed, venues, bounds, account, amount):
    tokens = (bounds.size - 1) // venues // 2
    key = ((signed > 0) * tokens + assets) * venues + place
    order = np.argsort(key, kind="stable")
    order = order[signed[order] != 0]
    account[: order.size], amount[: order.size] = lo + rows[order], np.abs(signed[order])
    bounds[:] = np.searchsorted(key[order], np.arange(bounds.size))


@kernel(twin=_grouped_numpy)
def group_trades(lo, rows, place, assets, signed, venues, bounds, account, amount):
    """Sort trades by side (sales first), asset and venue, each group in the order of its rows.

    Parameters
    ----------
    lo: first account of the population. rows, place, assets, signed: int64 (m,), see `Desk.swaps`; place is a position
        among the venues. venues: how many there are.
    bounds: int64 (2 * tokens * venues + 1,), overwritten: group g of asset a, venue v and side s (1 buys) is
        g = (s * tokens + a) * venues + v and reaches from bounds[g] to bounds[g + 1].
    account, amount: int64 (m,), overwritten up to the last bound.
    """
    tokens = (bounds.size - 1) // venues // 2
    bounds[:] = 0
    for j in range(rows.size):
        if signed[j] != 0:
            bounds[((signed[j] > 0) * tokens + assets[j]) * venues + place[j] + 1] += 1
    for g in range(1, bounds.size):
        bounds[g] += bounds[g - 1]
    filled = bounds[:-1].copy()
    for j in range(rows.size):
        if signed[j] != 0:
            g = ((signed[j] > 0) * tokens + assets[j]) * venues + place[j]
            account[filled[g]], amount[filled[g]] = lo + rows[j], abs(signed[j])
            filled[g] += 1


class Desk:
    """Sends a population's swaps to the venues its accounts are used to.

    Parameters
    ----------
    venues: names. assets: tokens that are traded; ConfigError if no venue trades one of them.
    slippage: largest accepted distance of the average price, fee included, from the venue's mid price.
    tip: priority bid in gwei. names_cause: whether orders name the last price move of their asset as their cause.
    """

    def __init__(
        self,
        view: View,
        venues: Sequence[str],
        assets: Sequence[int],
        motive: Motive,
        slippage: float,
        tip: float,
        names_cause: bool = True,
    ) -> None:
        self.venues, self.motive, self.slippage, self.tip, self.names_cause = venues, motive, slippage, tip, names_cause
        self._tokens = len(view.prices)
        self._places = np.tile(np.arange(len(venues)), (self._tokens, 1))
        """(assets, venues) position of the venue where an account of a usual venue trades an asset: its own venue, or
        the first that has it."""
        for asset in assets:
            trades = [view.quotes[name].market(asset) is not None for name in venues]
            if not any(trades):
                raise ConfigError(f"no venue trades token {asset}; the population trades on {', '.join(venues)}")
            self._places[asset, np.logical_not(trades)] = trades.index(True)

    def places(self, assets: Sequence[int], habit: NDArray[np.int64]) -> NDArray[np.int64]:
        """(m, k) position of the venue where accounts of these usual venues (m,) trade each of these tokens (k,)."""
        return self._places[np.array(assets, dtype=np.int64)[None, :], habit[:, None]]

    def swaps(
        self, view: View, rows: Rows, habit: NDArray[np.int64], assets: NDArray[np.int64], signed: NDArray[np.int64]
    ) -> list[Intent]:
        """Sales, then purchases, one intent for each asset and venue.

        rows, habit, assets, signed: (m,) rows of the population, positions of their usual venues, what each trades, and
        what it gives for it: atoms of the asset below zero, atoms of the numeraire above, nothing at zero.
        """
        venues = len(self.venues)
        bounds = np.empty(2 * self._tokens * venues + 1, dtype=np.int64)
        account, amount = np.empty(rows.size, dtype=np.int64), np.empty(rows.size, dtype=np.int64)
        place = self._places[assets, habit]
        group_trades(view.lo, rows, place, assets, signed, venues, bounds, account, amount)
        intents = []
        for group, (start, end) in enumerate(pairwise(bounds.tolist())):
            if start < end:
                what, number = divmod(group, venues)
                buys, asset = divmod(what, self._tokens)
                intents.append(self._swap(view, number, asset, bool(buys), account[start:end], amount[start:end]))
        return intents

    def _swap(
        self, view: View, place: int, asset: int, buys: bool, account: NDArray[np.int64], amount: NDArray[np.int64]
    ) -> Intent:
        quote = view.quotes[self.venues[place]]
        price = quote.market(asset).price
        return Intent(
            Act.SWAP,
            quote.venue,
            account,
            NUMERAIRE if buys else asset,
            amount,
            token2=asset if buys else NUMERAIRE,
            motive=self.motive,
            limit=(1.0 / price if buys else price) * (1.0 - self.slippage),
            tip=self.tip,
            cause=view.cause(asset) if self.names_cause else 0,
        )
