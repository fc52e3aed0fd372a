"""Liquidity miners: provide to the pool that pays rewards, as long as it pays."""

import numpy as np
from numpy.typing import NDArray

from agents.shared.cadence import on_turn, phases, ticks_in
from agents.shared.pools import add_liquidity, remove_liquidity
from agents.shared.reactions import range_faults
from agents.shared.sizes import Sizes
from agents.shared.state import column
from agents.shared.trading import NUMERAIRE, Desk, usd_to_atoms
from sim.errors import ConfigError
from sim.fields import AssetName, Count, Duration, NonNegative, Positive, ProtocolName, Share
from sim.flows import Motive
from sim.intents import Intent
from sim.interfaces import Endowment, Population
from sim.registry import component
from sim.rng import Draws
from sim.views import View


@component("population", "liquidity_miners")
class LiquidityMiners(Population):
    """Enter a pool while its rewards pay more than a personal rate, leave when they pay less, sell what they are given.

    They begin outside the pool. The rate is the rewards of a year over the worth of the range's shares, so it falls as
    others enter and as the reward token gets cheaper; fees count as much as rewards.
    """

    risk = "impermanent loss"

    venue: ProtocolName
    """The pool."""
    asset: AssetName
    """What the pool trades against the numeraire."""
    reward: AssetName
    """What the programme gives."""
    sells_on: list[ProtocolName]
    """Where rewards are sold, the first that trades them; empty: they are kept."""
    capital_usd: Sizes
    """What they bring, half in each token."""
    range: Count = 0
    """Which of the pool's ranges."""
    hurdle: tuple[NonNegative, Positive] = (0.1, 0.5)
    """Least yield per year: each miner's own, drawn uniformly between these two."""
    patience: Share = 0.5
    """A miner leaves when the yield is below this part of its hurdle."""
    every: Duration = Duration(3_600.0)
    """How often each looks."""
    slippage: Share = 0.05
    """Largest accepted distance of the price of sold rewards, fee included, from the mid price."""
    least_usd: NonNegative = 10.0
    """USD below which rewards are not worth a sale."""
    tip: NonNegative = 1.0
    """Priority bid in gwei."""

    demands: NDArray[np.float64] = column()
    """(n,) personal hurdle."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        return range_faults("hurdle", self.hurdle)

    def endow(self, view: View, rng: np.random.Generator) -> Endowment:
        """Capital in both tokens of the pool, in the wallet."""
        offered = len(view.quotes[self.venue].ranges)
        if self.range >= offered:
            raise ConfigError(
                f'{self.name} chose range {self.range}; those of "{self.venue}" run from 0 to {offered - 1}'
            )
        half = 0.5 * self.capital_usd.draw(self.count, rng)
        self.demands = rng.uniform(*self.hurdle, size=self.count)
        reward = [view.token(self.reward)]
        self._sales = (
            Desk(view, self.sells_on, reward, Motive.NOISE, self.slippage, self.tip) if self.sells_on else None
        )
        return Endowment(
            balances={token: usd_to_atoms(view, token, half) for token in (NUMERAIRE, view.token(self.asset))}
        )

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Those whose turn it is leave, enter, and sell rewards."""
        rows = np.flatnonzero(on_turn(view.tick, phases(draws.labels), ticks_in(view, self.every)))
        rows = rows[~view.pending()[rows]] if rows.size else rows
        if not rows.size:
            return []
        quote = view.quotes[self.venue]
        shares = quote.ranges[self.range]
        held = view.balance(shares.token)[rows]
        offer = quote.reward_per_year[self.range] + shares.fee_per_year
        demands = self.demands[rows]
        leaving = rows[(held > 0) & (offer < self.patience * demands)]
        entering = rows[(held == 0) & (quote.reward_per_year[self.range] > 0.0) & (offer > demands)]
        asset = view.token(self.asset)
        return (
            remove_liquidity(view, shares, quote.venue, leaving, self.tip)
            + add_liquidity(view, asset, quote.venue, entering, self.range, self.tip)
            + self._sell(view, rows)
        )

    def _sell(self, view: View, rows: NDArray[np.intp]) -> list[Intent]:
        reward = view.token(self.reward)
        amount = np.array(view.spendable(reward, rows))
        amount[amount * view.atom_prices[reward] < self.least_usd] = 0
        if self._sales is None or not amount.any():
            return []
        usual = np.zeros(rows.size, dtype=np.int64)
        return self._sales.swaps(view, rows, usual, usual + reward, -amount)
