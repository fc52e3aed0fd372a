"""Liquidity providers: earn a pool's fees, leave when volatility frightens them, come back when it is calm."""

from dataclasses import field
from typing import Annotated

import numpy as np
from annotated_types import Len
from numpy.typing import NDArray

from agents.shared.cadence import ticks_in
from agents.shared.state import column
from agents.shared.trading import NUMERAIRE, lognormal_usd, usd_to_atoms
from sim.fields import AssetName, Duration, NonNegative, Positive, ProtocolName, Share
from sim.flows import Motive
from sim.intents import Act, Intent
from sim.interfaces import Endowment, Population
from sim.quotes import PoolShares
from sim.registry import component
from sim.rng import Draws
from sim.views import View

_DAYS_PER_YEAR = 365.0


@component("population", "liquidity_providers")
class LiquidityProviders(Population):
    """Hold shares of one pool; withdraw at a hazard rate while realised volatility is above a personal threshold.

    A pool loses volatility^2 / 8 of its value per year to arbitrage (Milionis et al., 2022), so a threshold v is that of
    someone who expects fees of v^2 / 8: 8% a year at 0.8, 50% at 2.

    Settings
    --------
    venue, asset: the pool, and the asset it trades against the numeraire.
    deposit_usd, deposit_sigma: median and log standard deviation of deposits, both tokens together.
    window: over which volatility is realised; nobody moves before the run is that old.
    threshold: range of the personal thresholds, volatility per year. calm: part of it below which an account returns.
    hazard: withdrawals per day of an account that is frightened; the same rate brings it back.
    every: how often volatility is looked at.
    tip: priority bid in gwei.
    """

    venue: ProtocolName
    asset: AssetName
    deposit_usd: Positive = 50_000.0
    deposit_sigma: NonNegative = 1.0
    window: Duration = Duration(3_600.0)
    threshold: Annotated[list[Positive], Len(2, 2)] = field(default_factory=lambda: [1.0, 4.0])
    calm: Share = 0.7
    hazard: NonNegative = 12.0
    every: Duration = Duration(600.0)
    tip: NonNegative = 1.0

    nerve: NDArray[np.float64] = column()
    """(n,) personal threshold."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        low, high = self.threshold
        text = f"found {self.threshold}; the range ends below its start, write [{high}, {low}]"
        return [("threshold", text)] if low > high else []

    def endow(self, view: View, rng: np.random.Generator) -> Endowment:
        """Lognormal deposits, half of each token, put into the pool at the opening."""
        half = 0.5 * lognormal_usd(rng, self.count, self.deposit_usd, self.deposit_sigma)
        self.nerve = rng.uniform(*self.threshold, self.count)
        asset = view.token(self.asset)
        balances = {token: usd_to_atoms(view, token, half) for token in (NUMERAIRE, asset)}
        everyone = np.arange(self.count)
        return Endowment(balances=balances, intents=[self._add(view, view.venue(self.venue), everyone, balances[asset])])

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Now and then: leave if it is too wild, return if it is calm."""
        every = ticks_in(view, self.every)
        if view.tick % every:
            return []
        history = view.history(view.token(self.asset), ticks_in(view, self.window))
        if history.size <= ticks_in(view, self.window):
            return []
        volatility = float(np.sqrt(np.mean(np.diff(np.log(history)) ** 2) / view.dt_years))
        shares: PoolShares = view.quotes[self.venue].shares
        inside = view.balance(shares.token) > 0
        restless = np.where(inside, volatility > self.nerve, volatility < self.calm * self.nerve)
        rows = np.flatnonzero(restless)
        moves = rows[draws.uniform(rows) < -np.expm1(-self.hazard * every * view.dt_years * _DAYS_PER_YEAR)]
        return self._leave(view, shares, moves[inside[moves]]) + self._return(view, moves[~inside[moves]])

    def _leave(self, view: View, shares: PoolShares, rows: NDArray[np.intp]) -> list[Intent]:
        if not rows.size:
            return []
        return [
            Intent(
                Act.REMOVE_LIQUIDITY,
                view.quotes[self.venue].venue,
                view.accounts[rows],
                shares.token,
                view.balance(shares.token)[rows],
                motive=Motive.MARKET_MAKING,
                tip=self.tip,
                cause=view.cause(shares.asset),
            )
        ]

    def _return(self, view: View, rows: NDArray[np.intp]) -> list[Intent]:
        amount = view.spendable(view.token(self.asset))[rows]
        some = (amount > 0) & (view.spendable(NUMERAIRE)[rows] > 0)
        return [self._add(view, view.quotes[self.venue].venue, rows[some], amount[some])] if some.any() else []

    def _add(self, view: View, venue: int, rows: NDArray[np.intp], amount: NDArray[np.int64]) -> Intent:
        return Intent(
            Act.ADD_LIQUIDITY,
            venue,
            view.accounts[rows],
            view.token(self.asset),
            amount,
            token2=NUMERAIRE,
            motive=Motive.MARKET_MAKING,
            tip=self.tip,
        )
