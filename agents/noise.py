"""Noise traders: random trades at random times, for reasons outside the model."""

from dataclasses import field
from typing import Annotated

import numpy as np
from annotated_types import MinLen
from numpy.typing import NDArray

from agents.shared.cadence import ticks_in
from agents.shared.state import column
from agents.shared.trading import Desk, habits, lognormal_usd, share_faults, usd_to_atoms
from sim.fields import AssetName, NonNegative, Positive, ProtocolName, Share
from sim.flows import Motive
from sim.intents import Intent
from sim.interfaces import Endowment, Population
from sim.registry import component
from sim.rng import Draws
from sim.views import View

_SIDE, _ASSET, _WAIT = range(3)
_DAY = 86_400.0


@component("population", "noise")
class Noise(Population):
    """Trade at exponential waiting times, buy or sell at random, lognormal sizes.

    Settings
    --------
    assets: what they trade against the numeraire, each equally often.
    venues, venue_shares: where, and which share of accounts is used to each venue; all equal if no shares are given.
    trades_per_day: mean rate of each account; several in one tick are spread over the ticks that follow.
    size_usd, size_sigma: median and log standard deviation of a trade. What is not held is not traded.
    buy_share: probability that a trade is a purchase.
    cash_usd, holdings_usd, wealth_sigma: medians of cash and of all assets together, and their log deviation.
    slippage: largest accepted distance of the average price from the venue's mid price. tip: priority bid in gwei.
    """

    assets: Annotated[list[AssetName], MinLen(1)]
    venues: list[ProtocolName]
    venue_shares: list[NonNegative] = field(default_factory=list)
    trades_per_day: Positive = 4.0
    size_usd: Positive = 1_000.0
    size_sigma: NonNegative = 1.2
    buy_share: Share = 0.5
    cash_usd: NonNegative = 20_000.0
    holdings_usd: NonNegative = 20_000.0
    wealth_sigma: NonNegative = 1.0
    slippage: Share = 0.05
    tip: NonNegative = 1.0

    habit: NDArray[np.int64] = column(np.int64)
    next_tick: NDArray[np.float64] = column()
    """(n,) time of the next trade, in ticks."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        return share_faults(self.venues, self.venue_shares)

    def endow(self, view: View, rng: np.random.Generator) -> Endowment:
        """Cash and assets in proportion to a lognormal wealth; habits and first trading times."""
        relative = lognormal_usd(rng, self.count, 1.0, self.wealth_sigma)
        self.habit = habits(rng, self.count, self.venues, self.venue_shares)
        self.next_tick = rng.exponential(1.0 / self._rate(view), self.count)
        each = relative * self.holdings_usd / len(self.assets)
        balances = {index: usd_to_atoms(view, index, each) for index in map(view.token, self.assets)}
        return Endowment(balances=balances | {0: usd_to_atoms(view, 0, relative * self.cash_usd)})

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Trade where the waiting time is over."""
        rows = np.flatnonzero(self.next_tick <= view.tick)
        if not rows.size:
            return []
        self.next_tick[rows] += draws.exponential(rows, _WAIT) / self._rate(view)
        usd = self.size_usd * np.exp(self.size_sigma * draws.normal(rows))
        buys = draws.uniform(rows, _SIDE) < self.buy_share
        choice = (draws.uniform(rows, _ASSET) * len(self.assets)).astype(np.int64)
        desk = Desk(self.venues, Motive.NOISE, self.slippage, self.tip)
        intents: list[Intent] = []
        for number, name in enumerate(self.assets):
            mine = np.flatnonzero(choice == number)
            if mine.size:
                asset, who = view.token(name), rows[mine]
                signed = self._signed(view, who, asset, usd[mine], buys[mine])
                sales, purchases = desk.swaps(view, who, self.habit[who], asset, signed)
                intents += sales + purchases
        return intents

    def _signed(
        self, view: View, rows: NDArray[np.int64], asset: int, usd: NDArray[np.float64], buys: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Numeraire atoms to spend, or minus asset atoms to sell, no more than is held."""
        spend = np.minimum(usd_to_atoms(view, 0, usd), view.spendable(0)[rows])
        sell = np.minimum(usd_to_atoms(view, asset, usd), view.spendable(asset)[rows])
        return np.where(buys, spend, -sell)

    def _rate(self, view: View) -> float:
        return self.trades_per_day / ticks_in(view, _DAY)
