"""Liquidity providers: earn a pool's fees, leave when volatility frightens them, come back when it is calm."""

from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from agents.shared.cadence import ticks_in
from agents.shared.pools import add_liquidity, give, remove_liquidity
from agents.shared.reactions import range_faults
from agents.shared.sizes import Sizes
from agents.shared.state import column
from agents.shared.trading import NUMERAIRE, usd_to_atoms
from sim.fields import AssetName, Count, Duration, NonNegative, Positive, ProtocolName, Share
from sim.intents import Intent
from sim.interfaces import Endowment, Population
from sim.quotes import PoolShares
from sim.registry import component
from sim.rng import Draws
from sim.views import View

_DAYS_PER_YEAR = 365.0
_FAIR = 0.02
"""Log distance of the pool's price from the market's beyond which a new deposit would be a gift to arbitrageurs."""


@component("population", "liquidity_providers")
class LiquidityProviders(Population):
    """Hold shares of a pool; withdraw at a hazard rate while realised volatility is above a personal threshold.

    A pool loses volatility^2 / 8 of its value per year to arbitrage (Milionis et al., 2022), so a threshold v is that
    of someone who expects fees of v^2 / 8: 8% a year at 0.8, 50% at 2.
    """

    risk = "impermanent loss"

    venue: ProtocolName
    """The pool."""
    asset: AssetName
    """What the pool trades against the numeraire."""
    range: Count = 0
    """Which of the pool's ranges; 0 where there is one. A range must take the asset when they deposit."""
    deposit_usd: Sizes = field(default_factory=lambda: Sizes(median=50_000.0))
    """Opening deposits, both tokens together."""
    window: Duration = Duration(3_600.0)
    """Over which volatility is realised; nobody moves before the run is that old."""
    threshold: tuple[Positive, Positive] = (1.0, 4.0)
    """Volatility per year that frightens: each account's own, drawn uniformly between these two."""
    calm: Share = 0.7
    """Part of its threshold below which an account returns."""
    hazard: NonNegative = 12.0
    """Withdrawals per day of an account that is frightened; the same rate brings it back."""
    every: Duration = Duration(600.0)
    """How often volatility is looked at."""
    tip: NonNegative = 1.0
    """Priority bid in gwei."""

    nerve: NDArray[np.float64] = column()
    """(n,) personal threshold."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        return range_faults("threshold", self.threshold)

    def endow(self, view: View, rng: np.random.Generator) -> Endowment:
        """Deposits, half of each token, put into the pool at the opening."""
        half = 0.5 * self.deposit_usd.draw(self.count, rng)
        self.nerve = rng.uniform(*self.threshold, size=self.count)
        asset = view.token(self.asset)
        balances = {token: usd_to_atoms(view, token, half) for token in (NUMERAIRE, asset)}
        rows, venue = np.arange(self.count), view.venue(self.venue)
        deposit = give(view, asset, venue, rows, balances[asset], self.range, self.tip)
        return Endowment(balances=balances, intents=[deposit])

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Now and then: leave if it is too wild, return if it is calm."""
        every = ticks_in(view, self.every)
        if view.tick % every:
            return []
        history = view.history(view.token(self.asset), ticks_in(view, self.window))
        if history.size <= ticks_in(view, self.window):
            return []
        volatility = float(np.sqrt(np.mean(np.diff(np.log(history)) ** 2) / view.dt_years))
        quote = view.quotes[self.venue]
        shares: PoolShares = quote.ranges[self.range]
        inside = view.balance(shares.token) > 0
        restless = np.where(inside, volatility > self.nerve, volatility < self.calm * self.nerve)
        rows = np.flatnonzero(restless & ~view.pending())
        moves = rows[draws.uniform(rows) < -np.expm1(-self.hazard * every * view.dt_years * _DAYS_PER_YEAR)]
        leaving = moves[inside[moves]]
        return remove_liquidity(view, shares, quote.venue, leaving, self.tip) + self._return(
            view, moves[~inside[moves]]
        )

    def _return(self, view: View, rows: NDArray[np.intp]) -> list[Intent]:
        asset, quote = view.token(self.asset), view.quotes[self.venue]
        pool = quote.market(asset)
        if pool is not None and abs(np.log(pool.price / view.prices[asset])) > _FAIR:
            return []
        return add_liquidity(view, asset, quote.venue, rows, self.range, self.tip)
