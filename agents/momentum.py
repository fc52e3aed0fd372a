"""Momentum traders: buy what rose, sell what fell, with a dead zone between entry and exit."""

from dataclasses import field
from typing import Annotated

import numpy as np
from annotated_types import Len, MinLen
from numpy.typing import NDArray

from agents.shared.cadence import on_turn, phases, ticks_in
from agents.shared.state import column
from agents.shared.trading import Desk, habits, lognormal_usd, share_faults, usd_to_atoms
from sim.fields import AssetName, Duration, NonNegative, Positive, ProtocolName, Share
from sim.flows import Motive
from sim.intents import Intent
from sim.interfaces import Endowment, Population
from sim.registry import component
from sim.rng import Draws
from sim.units import whole
from sim.views import View

Range = Annotated[list[NonNegative], Len(2, 2)]


@component("population", "momentum")
class Momentum(Population):
    """Follow the log return over a lookback: in above the entry threshold, out below the exit threshold.

    Thresholds are personal, as in Farmer and Joshi (2002), uniform on the given ranges. A trend up moves the share of
    wealth held in the asset from `neutral` to `neutral + tilt`, a trend down to `neutral - tilt`; shares stay between
    0 and 1, so with `neutral = 0` accounts are long or flat.

    Settings
    --------
    assets: each account follows one of them.
    venues, venue_shares: where they trade, and which share of accounts is used to each venue.
    lookbacks: each account uses one of them.
    entry, exit: ranges of the thresholds, in log return; each account's exit lies below its entry.
    every: how often an account looks; turns are spread over this time.
    neutral, tilt: shares of wealth, see above. tolerance: gap in shares of wealth that is left alone.
    wealth_usd, wealth_sigma: median and log standard deviation of starting wealth.
    slippage: largest accepted distance of the average price from the venue's mid price. tip: priority bid in gwei.
    """

    assets: Annotated[list[AssetName], MinLen(1)]
    venues: list[ProtocolName]
    venue_shares: list[NonNegative] = field(default_factory=list)
    lookbacks: Annotated[list[Duration], MinLen(1)] = field(
        default_factory=lambda: [Duration(3_600.0), Duration(14_400.0), Duration(86_400.0)]
    )
    entry: Range = field(default_factory=lambda: [0.01, 0.04])
    exit: Range = field(default_factory=lambda: [0.0, 0.01])
    every: Duration = Duration(1_800.0)
    neutral: Share = 0.3
    tilt: Share = 0.3
    tolerance: Share = 0.1
    wealth_usd: Positive = 30_000.0
    wealth_sigma: NonNegative = 1.0
    slippage: Share = 0.05
    tip: NonNegative = 1.0

    habit: NDArray[np.int64] = column(np.int64)
    follows: NDArray[np.int64] = column(np.int64)
    lookback: NDArray[np.int64] = column(np.int64)
    enters: NDArray[np.float64] = column()
    leaves: NDArray[np.float64] = column()
    phase: NDArray[np.float64] = column()
    trend: NDArray[np.int64] = column(np.int64)
    """(n,) the trend each account believes in: 1 up, 0 none, -1 down."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        found = share_faults(self.venues, self.venue_shares)
        for name, (low, high) in (("entry", self.entry), ("exit", self.exit)):
            if low > high:
                found.append((name, f"found {[low, high]}; the range ends below its start, write [{high}, {low}]"))
        if self.exit[1] > self.entry[0]:
            text = f"found {self.exit}; no exit threshold may lie above the lowest entry threshold {self.entry[0]}"
            found.append(("exit", text))
        return found

    def endow(self, view: View, rng: np.random.Generator) -> Endowment:
        """Lognormal wealth at the neutral share, personal thresholds, lookbacks and habits."""
        wealth = lognormal_usd(rng, self.count, self.wealth_usd, self.wealth_sigma)
        self.habit = habits(rng, self.count, self.venues, self.venue_shares)
        self.follows = rng.integers(0, len(self.assets), self.count)
        self.lookback = rng.integers(0, len(self.lookbacks), self.count)
        self.enters, self.leaves = rng.uniform(*self.entry, self.count), rng.uniform(*self.exit, self.count)
        self.phase, self.trend = phases(self.labels), np.zeros(self.count, dtype=np.int64)
        balances = {
            view.token(name): usd_to_atoms(view, view.token(name), wealth * self.neutral * (self.follows == number))
            for number, name in enumerate(self.assets)
        }
        return Endowment(balances=balances | {0: usd_to_atoms(view, 0, wealth * (1.0 - self.neutral))})

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Those whose turn it is update their trend and trade towards its position."""
        rows = np.flatnonzero(on_turn(view.tick, self.phase, ticks_in(view, self.every)))
        intents: list[Intent] = []
        for number, name in enumerate(self.assets):
            mine = rows[self.follows[rows] == number]
            if mine.size:
                asset = view.token(name)
                self._update(view, asset, mine)
                intents += self._trade(view, asset, mine)
        return intents

    def _update(self, view: View, asset: int, rows: NDArray[np.intp]) -> None:
        signals = np.array([_log_return(view, asset, ticks_in(view, span)) for span in self.lookbacks])
        signal, trend = signals[self.lookback[rows]], self.trend[rows]
        stays = np.where(trend * signal >= self.leaves[rows], trend, 0)
        new = np.sign(signal).astype(np.int64) * (np.abs(signal) > self.enters[rows])
        self.trend[rows] = np.where(new != 0, new, stays)

    def _trade(self, view: View, asset: int, rows: NDArray[np.intp]) -> list[Intent]:
        cash, held = view.spendable(0)[rows], view.spendable(asset)[rows]
        value = whole(held, view.decimals(asset)) * view.prices[asset]
        wealth = value + whole(cash, view.decimals(0))
        target = np.clip(self.neutral + self.tilt * self.trend[rows], 0.0, 1.0)
        gap = np.where(np.abs(target * wealth - value) > self.tolerance * wealth, target * wealth - value, 0.0)
        spend = np.minimum(usd_to_atoms(view, 0, np.maximum(gap, 0.0)), cash)
        sell = np.minimum(usd_to_atoms(view, asset, np.maximum(-gap, 0.0)), held)
        desk = Desk(self.venues, Motive.MOMENTUM, self.slippage, self.tip)
        sales, purchases = desk.swaps(view, rows, self.habit[rows], asset, spend - sell, view.cause(asset))
        return sales + purchases


def _log_return(view: View, asset: int, ticks: int) -> float:
    """Log return over a lookback; zero while the run is younger than that."""
    history = view.history(asset, ticks)
    return float(np.log(history[-1] / history[0])) if history.size > ticks else 0.0
