"""Momentum traders: buy what rose, sell what fell, with a dead zone between entry and exit."""

import math
from dataclasses import field
from typing import Annotated

import numpy as np
from annotated_types import MinLen
from numpy.typing import NDArray

from agents.shared.cadence import on_turn, phases, ticks_in
from agents.shared.reactions import range_faults
from agents.shared.sizes import Sizes
from agents.shared.state import column
from agents.shared.trading import NUMERAIRE, Desk, habits, share_faults, usd_to_atoms
from sim.fields import AssetName, Duration, NonNegative, ProtocolName, Share
from sim.flows import Motive
from sim.intents import Intent
from sim.interfaces import Endowment, Population
from sim.registry import component
from sim.rng import Draws
from sim.views import View


@component("population", "momentum")
class Momentum(Population):
    """Follow the log return over a lookback: in above an entry threshold, out below an exit threshold.

    Both are personal, as in Farmer and Joshi (2002). A trend up moves the share of wealth held in the asset from
    `neutral` to `neutral + tilt`, a trend down to `neutral - tilt`, within 0 and 1; with `neutral = 0` accounts are
    long or flat.
    """

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
        self.habit = habits(rng, n, self.venues, self.venue_shares)
        self.follows = rng.integers(0, len(self.assets), n)
        self.lookback = rng.integers(0, len(self.lookbacks), n)
        self.enters, self.leaves = rng.uniform(*self.entry, size=n), rng.uniform(*self.exit, size=n)
        self.phase, self.trend = phases(self.labels), np.zeros(n, dtype=np.int64)
        balances = {
            asset: usd_to_atoms(view, asset, wealth * self.neutral * (self.follows == number))
            for number, asset in enumerate(map(view.token, self.assets))
        }
        return Endowment(balances=balances | {NUMERAIRE: usd_to_atoms(view, NUMERAIRE, wealth * (1.0 - self.neutral))})

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Those whose turn it is look at their trend and trade towards its position."""
        rows = on_turn(view.tick, self.phase, ticks_in(view, self.every)).nonzero()[0]
        if not rows.size:
            return []
        tokens = np.array([view.token(name) for name in self.assets])
        self._update(view, tokens, rows)
        assets = tokens[self.follows[rows]]
        desk = Desk(self.venues, Motive.MOMENTUM, self.slippage, self.tip)
        return desk.swaps(view, rows, self.habit[rows], assets, self._wanted(view, assets, rows))

    def _update(self, view: View, tokens: NDArray[np.int64], rows: NDArray[np.intp]) -> None:
        """Believe in the trends that the rows see, drop those that are over."""
        spans = [ticks_in(view, span) for span in self.lookbacks]
        signals = np.array([[_log_return(view, asset, span) for span in spans] for asset in tokens.tolist()])
        signal, trend = signals[self.follows[rows], self.lookback[rows]], self.trend[rows]
        kept = np.where(trend * signal >= self.leaves[rows], trend, 0)
        self.trend[rows] = np.where(np.abs(signal) > self.enters[rows], np.sign(signal), kept)

    def _wanted(self, view: View, assets: NDArray[np.int64], rows: NDArray[np.intp]) -> NDArray[np.int64]:
        """(m,) numeraire atoms to spend, or minus asset atoms to sell."""
        prices = view.atom_prices
        unit, coin = prices[assets], prices[NUMERAIRE]
        held, cash = view.spendable(assets, rows), view.spendable(NUMERAIRE, rows)
        value = held * unit
        wealth = value + cash * coin
        gap = np.clip(self.neutral + self.tilt * self.trend[rows], 0.0, 1.0) * wealth - value
        gap[np.abs(gap) <= self.tolerance * wealth] = 0.0
        return np.clip((gap / np.where(gap < 0.0, unit, coin)).astype(np.int64), -held, cash)


def _log_return(view: View, asset: int, ticks: int) -> float:
    """Log return over a lookback; zero while the run is younger than that."""
    history = view.history(asset, ticks)
    return math.log(history[-1] / history[0]) if history.size > ticks else 0.0
