"""Momentum traders: buy what rose, sell what fell, with a dead zone between entry and exit."""

# mypy: allow-untyped-defs, allow-incomplete-defs

import math
from dataclasses import field
from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import MinLen
from numpy.typing import NDArray

from agents.shared.cadence import on_turn, phases, ticks_in
from agents.shared.reactions import range_faults
from agents.shared.sizes import Sizes
from agents.shared.state import column
from agents.shared.trading import NUMERAIRE, Desk, habits, share_faults, usd_to_atoms
from agents.shared.wallets import spendable, spendable_numpy, wallets
from sim.fields import AssetName, Duration, NonNegative, ProtocolName, Share
from sim.flows import Motive
from sim.intents import Intent
from sim.interfaces import Endowment, Population
from sim.jit import kernel
from sim.registry import component
from sim.rng import Draws
from sim.views import View


class Followers(NamedTuple):
    """Account state, arrays of one entry per account; `trend` changes."""

    follows: NDArray[np.int64]
    lookback: NDArray[np.int64]
    enters: NDArray[np.float64]
    leaves: NDArray[np.float64]
    trend: NDArray[np.int64]


def _follow_numpy(rows, followers, signals, shares, tolerance, tokens, prices, purse):
    follows, trend = followers.follows[rows], followers.trend[rows]
    signal, assets = signals[follows, followers.lookback[rows]], tokens[follows]
    kept = np.where(trend * signal >= followers.leaves[rows], trend, 0)
    trend = np.where(np.abs(signal) > followers.enters[rows], np.sign(signal), kept).astype(np.int64)
    followers.trend[rows] = trend
    held, cash = spendable_numpy(purse, assets, rows), spendable_numpy(purse, NUMERAIRE, rows)
    value, money = held * prices[assets], cash * prices[NUMERAIRE]
    gap = shares[trend + 1] * (value + money) - value
    gap = np.where(np.abs(gap) <= tolerance * (value + money), 0.0, gap)
    amount = (gap / np.where(gap < 0.0, prices[assets], prices[NUMERAIRE])).astype(np.int64)
    return assets, np.clip(amount, -held, cash)


@kernel(twin=_follow_numpy)
def follow(rows, followers, signals, shares, tolerance, tokens, prices, purse):
    """Believe in what is seen and trade towards it: (assets, atoms of the numeraire to spend or minus atoms to sell).

    Parameters
    ----------
    rows: int64 (m,) accounts that look. followers: Followers. signals: (assets, lookbacks) log returns.
    shares: (3,) share of wealth held in the asset while the trend is down, none, or up. tolerance: distance from it
        that is left alone. tokens: int64 (k,) assets. prices: (assets,) USD per atom. purse: Wallets.
    """
    assets, signed = np.empty(rows.size, np.int64), np.empty(rows.size, np.int64)
    for j in range(rows.size):
        row = rows[j]
        signal, asset = signals[followers.follows[row], followers.lookback[row]], tokens[followers.follows[row]]
        trend = followers.trend[row]
        if abs(signal) > followers.enters[row]:
            trend = 1 if signal > 0.0 else -1
        elif not trend * signal >= followers.leaves[row]:
            trend = 0
        followers.trend[row] = trend
        held, cash = spendable(purse, asset, row), spendable(purse, NUMERAIRE, row)
        value, money = held * prices[asset], cash * prices[NUMERAIRE]
        gap = shares[trend + 1] * (value + money) - value
        if abs(gap) <= tolerance * (value + money):
            gap = 0.0
        amount = np.int64(gap / (prices[asset] if gap < 0.0 else prices[NUMERAIRE]))
        assets[j], signed[j] = asset, min(max(amount, -held), cash)
    return assets, signed


@component("population", "momentum")
class Momentum(Population):
    """Follow the log return over a lookback: in above an entry threshold, out below an exit threshold.

    Both are personal, as in Farmer and Joshi (2002). A trend up moves the share of wealth held in the asset from
    `neutral` to `neutral + tilt`, a trend down to `neutral - tilt`, within 0 and 1; with `neutral = 0` accounts are
    long or flat.
    """

    risk = "directional"

    assets: Annotated[list[AssetName], MinLen(1)]
    """Each account follows one of them."""
    venues: list[ProtocolName]
    """Where they trade; an account whose usual venue lacks its asset takes the first that has it."""
    venue_shares: list[NonNegative] = field(default_factory=list)
    """Share of accounts that is used to each venue; all equal if none is given."""
    lookbacks: Annotated[list[Duration], MinLen(1)] = field(
        default_factory=lambda: [Duration(3_600.0), Duration(14_400.0), Duration(86_400.0)]
    )
    """Each account uses one of them, and sees no trend before the run is that old."""
    entry: tuple[NonNegative, NonNegative] = (0.01, 0.04)
    """Log return beyond which a trend is believed: each account's own, drawn uniformly between these two."""
    exit: tuple[NonNegative, NonNegative] = (0.0, 0.01)
    """Log return below which it no longer is: drawn likewise."""
    every: Duration = Duration(1_800.0)
    """How often an account looks; turns are spread over this time, in groups."""
    neutral: Share = 0.3
    """Share of wealth in the asset without a trend, and at the start."""
    tilt: Share = 0.3
    """Change of that share with a trend."""
    tolerance: Share = 0.1
    """Distance from the wanted share that is left alone."""
    wealth_usd: Sizes = field(default_factory=lambda: Sizes(median=30_000.0))
    """What they start with."""
    slippage: Share = 0.05
    """Largest accepted distance of the average price, fee included, from the venue's mid price."""
    tip: NonNegative = 1.0
    """Priority bid in gwei."""

    habit: NDArray[np.int64] = column(np.int64)
    """(n,) usual venue, by position."""
    follows: NDArray[np.int64] = column(np.int64)
    """(n,) asset, by position."""
    lookback: NDArray[np.int64] = column(np.int64)
    """(n,) lookback, by position."""
    enters: NDArray[np.float64] = column()
    leaves: NDArray[np.float64] = column()
    phase: NDArray[np.float64] = column()
    trend: NDArray[np.int64] = column(np.int64)
    """(n,) believed trend: 1 up, 0 none, -1 down."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        found = share_faults(self.venues, self.venue_shares)
        found += range_faults("entry", self.entry) + range_faults("exit", self.exit)
        if self.exit[1] > self.entry[0]:
            text = f"reaches up to {self.exit[1]:g}; must not pass the lowest entry threshold, {self.entry[0]:g}"
            found.append(("exit", text))
        return found

    def endow(self, view: View, rng: np.random.Generator) -> Endowment:
        """Wealth at the neutral share, thresholds, lookbacks and habits."""
        n = self.count
        wealth = self.wealth_usd.draw(n, rng)
        tokens = [view.token(name) for name in self.assets]
        self._desk = Desk(view, self.venues, tokens, Motive.MOMENTUM, self.slippage, self.tip)
        self.habit = habits(rng, n, self.venues, self.venue_shares)
        self.follows = rng.integers(0, len(self.assets), n)
        self.lookback = rng.integers(0, len(self.lookbacks), n)
        self.enters, self.leaves = rng.uniform(*self.entry, size=n), rng.uniform(*self.exit, size=n)
        self.phase, self.trend = phases(self.labels), np.zeros(n, dtype=np.int64)
        balances = {
            asset: usd_to_atoms(view, asset, wealth * self.neutral * (self.follows == number))
            for number, asset in enumerate(tokens)
        }
        return Endowment(balances=balances | {NUMERAIRE: usd_to_atoms(view, NUMERAIRE, wealth * (1.0 - self.neutral))})

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Those whose turn it is look at their trend and trade towards its position."""
        rows = on_turn(view.tick, self.phase, ticks_in(view, self.every)).nonzero()[0]
        if not rows.size:
            return []
        tokens = np.array([view.token(name) for name in self.assets])
        spans = [ticks_in(view, span) for span in self.lookbacks]
        signals = np.array([_log_returns(view, asset, spans) for asset in tokens.tolist()])
        shares = np.clip([self.neutral - self.tilt, self.neutral, self.neutral + self.tilt], 0.0, 1.0)
        followers = Followers(self.follows, self.lookback, self.enters, self.leaves, self.trend)
        assets, signed = follow(
            rows, followers, signals, shares, self.tolerance, tokens, view.atom_prices, wallets(view)
        )
        return self._desk.swaps(view, rows, self.habit[rows], assets, signed)


def _log_returns(view: View, asset: int, spans: list[int]) -> list[float]:
    """Log return over each lookback of so many ticks; zero while the run is younger than that."""
    history = view.history(asset, max(spans))
    return [math.log(history[-1] / history[-1 - span]) if history.size > span else 0.0 for span in spans]
