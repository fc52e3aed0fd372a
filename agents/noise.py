"""Noise traders: random trades at random times, for reasons outside the model."""

# mypy: allow-untyped-defs, allow-incomplete-defs

from dataclasses import field
from typing import Annotated

import numpy as np
from annotated_types import MinLen
from numpy.typing import NDArray

from agents.shared.cadence import ticks_in
from agents.shared.sizes import Sizes
from agents.shared.state import column
from agents.shared.trading import NUMERAIRE, Desk, habits, share_faults, usd_to_atoms
from agents.shared.wallets import spendable, spendable_numpy, wallets
from sim.fields import AssetName, NonNegative, Positive, ProtocolName, Share
from sim.flows import Motive
from sim.intents import Intent
from sim.interfaces import Endowment, Population
from sim.jit import kernel
from sim.registry import component
from sim.rng import Draws
from sim.views import View

_SIDE, _ASSET, _WAIT = range(3)
_DAY = 86_400.0


def _trades_numpy(rows, usd, side, choice, buy_share, tokens, prices, purse):
    buys, assets = side < buy_share, tokens[(choice * tokens.size).astype(np.int64)]
    given = np.where(buys, NUMERAIRE, assets)
    amount = np.minimum((usd / prices[given]).astype(np.int64), spendable_numpy(purse, given, rows))
    return assets, np.where(buys, amount, -amount)


@kernel(twin=_trades_numpy)
def random_trades(rows, usd, side, choice, buy_share, tokens, prices, purse):
    """What each row trades, as far as it has it: (assets, atoms of the numeraire to spend or minus atoms to sell).

    Parameters
    ----------
    rows: int64 (m,). usd: (m,) sizes. side, choice: (m,) uniform numbers that decide between buying and selling, and
        between the assets. buy_share: probability of buying. tokens: int64 (k,) assets. prices: (assets,) USD per atom.
    purse: Wallets.
    """
    assets, signed = np.empty(rows.size, np.int64), np.empty(rows.size, np.int64)
    for j in range(rows.size):
        asset = tokens[np.int64(choice[j] * tokens.size)]
        buys = side[j] < buy_share
        given = NUMERAIRE if buys else asset
        amount = min(np.int64(usd[j] / prices[given]), spendable(purse, given, rows[j]))
        assets[j], signed[j] = asset, amount if buys else -amount
    return assets, signed


@component("population", "noise")
class Noise(Population):
    """Trade at exponential waiting times, buy or sell at random, lognormal sizes.

    What an account does not hold it does not trade. Two trades due in one tick are done in two.
    """

    risk = "directional"

    assets: Annotated[list[AssetName], MinLen(1)]
    """What they trade against the numeraire, each equally often."""
    venues: list[ProtocolName]
    """Where; an account whose usual venue lacks the asset takes the first that has it."""
    venue_shares: list[NonNegative] = field(default_factory=list)
    """Share of accounts that is used to each venue; all equal if none is given."""
    trades_per_day: Positive = 4.0
    """Mean rate of one account."""
    size_usd: Positive = 1_000.0
    """Median of a trade."""
    size_spread: NonNegative = 1.2
    """Standard deviation of its log."""
    buy_share: Share = 0.5
    """Probability that a trade is a purchase."""
    wealth_usd: Sizes = field(default_factory=lambda: Sizes(median=20_000.0))
    """What they start with."""
    invested: Share = 0.5
    """Share of it in assets, in equal parts; the rest is cash."""
    slippage: Share = 0.05
    """Largest accepted distance of the average price, fee included, from the venue's mid price."""
    tip: NonNegative = 1.0
    """Priority bid in gwei."""

    habit: NDArray[np.int64] = column(np.int64)
    """(n,) usual venue, by position."""
    next_tick: NDArray[np.float64] = column()
    """(n,) time of the next trade, in ticks."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        return share_faults(self.venues, self.venue_shares)

    def endow(self, view: View, rng: np.random.Generator) -> Endowment:
        """Wealth, habits and first trading times."""
        wealth = self.wealth_usd.draw(self.count, rng)
        tokens = [view.token(name) for name in self.assets]
        self._desk = Desk(view, self.venues, tokens, Motive.NOISE, self.slippage, self.tip, names_cause=False)
        self.habit = habits(rng, self.count, self.venues, self.venue_shares)
        self.next_tick = rng.exponential(1.0 / self._rate(view), self.count)
        each = wealth * self.invested / len(self.assets)
        balances = {asset: usd_to_atoms(view, asset, each) for asset in tokens}
        return Endowment(balances=balances | {NUMERAIRE: usd_to_atoms(view, NUMERAIRE, wealth * (1.0 - self.invested))})

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Trade where the waiting time is over."""
        rows = (self.next_tick <= view.tick).nonzero()[0]
        if not rows.size:
            return []
        self.next_tick[rows] += draws.exponential(rows, _WAIT) / self._rate(view)
        usd = self.size_usd * np.exp(self.size_spread * draws.normal(rows))
        side, choice = draws.uniform(rows, _SIDE), draws.uniform(rows, _ASSET)
        tokens = np.array([view.token(name) for name in self.assets])
        assets, signed = random_trades(rows, usd, side, choice, self.buy_share, tokens, view.atom_prices, wallets(view))
        return self._desk.swaps(view, rows, self.habit[rows], assets, signed)

    def _rate(self, view: View) -> float:
        """Trades per tick."""
        return self.trades_per_day / ticks_in(view, _DAY)
