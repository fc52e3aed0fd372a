"""Zero-intelligence traders: limit orders, market orders and cancellations at random rates on one order book.

After Gode and Sunder (1993) and Daniels, Farmer, Iori and Smith (2003), whose random order flow alone gives a book its
spread, depth and impact. With `cycles` the rate of market orders follows a level of activity that changes on many time
scales, so that volatility clusters.
"""

import math
from dataclasses import field
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Gt, Lt
from numpy.typing import NDArray

from agents.shared.cycles import Cycles
from agents.shared.reactions import range_faults
from agents.shared.sizes import Sizes
from agents.shared.state import column
from agents.shared.trading import NUMERAIRE, usd_to_atoms
from sim.fields import AssetName, Duration, NonNegative, Positive, ProtocolName, Share
from sim.flows import Motive
from sim.intents import Act, Intent
from sim.interfaces import Endowment, Population
from sim.registry import component
from sim.rng import Draws
from sim.units import SECONDS_PER_YEAR
from sim.views import View

_LIMIT, _MARKET, _CANCEL, _SIDES, _PLACE, _PICK, _DELAY = range(7)
_LIMIT_SIZE, _MARKET_SIZE = 0, 1
_CYCLES = 100
_MINUTE = 60.0


@component("population", "zero_intelligence")
class ZeroIntelligence(Population):
    """Place, trade and cancel at random on one order book.

    Every tick an account sends at most one limit order, one market order and one cancellation, each if the Poisson
    clock of its kind has rung in the tick. The sides are as likely; orders are cut to what the account can pay for.
    """

    risk = "directional"

    venue: ProtocolName
    """The order book."""
    asset: AssetName
    limits_per_minute: NonNegative = 2.0
    """Mean rate of an account's limit orders."""
    markets_per_minute: NonNegative = 0.3
    """Mean rate of its market orders."""
    order_life: Duration = Duration(300.0)
    """Mean time until a resting order is cancelled."""
    placement: Literal["exponential", "power", "uniform"] = "power"
    """Law of the distance between a limit order and the mid."""
    distance: Annotated[float, Gt(0.0), Lt(1.0)] = 0.001
    """Median distance, as a share of the mid price."""
    tail: Annotated[float, Gt(0.0)] = 1.5
    """Exponent of the power law P(distance > d) = (1 + d / scale)^-tail; 0.8 to 1.6 are seen in markets."""
    size_usd: Positive = 1_000.0
    """Median of an order."""
    size_spread: NonNegative = 1.0
    """Standard deviation of its log."""
    cycles: Cycles | None = None
    """Activity that all share: its square root, a little below one on average, multiplies the rate of market orders."""
    latency_ms: tuple[NonNegative, NonNegative] = (5.0, 100.0)
    """Each account's own mean latency is drawn uniformly between these two; a message takes half to one and a half."""
    wealth_usd: Sizes = field(default_factory=lambda: Sizes(median=50_000.0, spread=1.0))
    """What they start with."""
    invested: Share = 0.5
    """Share of it in the asset; the rest is cash."""

    latency: NDArray[np.float64] = column()
    """(n,) mean latency in milliseconds."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        found = range_faults("latency_ms", self.latency_ms)
        if self.order_life <= 0.0:
            found.append(("order_life", "found 0; an order rests for some time"))
        return found

    def endow(self, view: View, rng: np.random.Generator) -> Endowment:
        """Wealth and latencies."""
        wealth = self.wealth_usd.draw(self.count, rng)
        self.latency = rng.uniform(*self.latency_ms, self.count)
        self._token = view.token(self.asset)
        self._scale = 10.0 ** view.decimals(self._token)
        self._dt = view.dt_years * SECONDS_PER_YEAR
        self._states: NDArray[np.float64] | None = None
        if self.cycles is not None:
            self._chances = self.cycles.chances(self._dt)
        return Endowment(
            balances={
                self._token: usd_to_atoms(view, self._token, wealth * self.invested),
                NUMERAIRE: usd_to_atoms(view, NUMERAIRE, wealth * (1.0 - self.invested)),
            }
        )

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Whose clocks rang."""
        book = view.quotes[self.venue].market(self._token)
        per_minute = self._dt / _MINUTE
        sides = draws.of(draws.labels, _SIDES)
        cash, held = view.spendable(NUMERAIRE), view.spendable(self._token)
        sent = self._limits(view, draws, book.price, per_minute, sides, cash, held)
        sent += self._markets(view, draws, book.price, per_minute * self._bustle(draws), sides, cash, held)
        return sent + self._cancels(view, draws, book)

    def _bustle(self, draws: Draws) -> float:
        """Factor on the rate of market orders: root of the level, as the level is a factor on the variance of returns.

        Were the impact of an order constant, variance would grow as the number of orders. The book refills at its own
        rate, though, so more orders also have more impact each, and variance grows about as the square of their rate.
        """
        if self.cycles is None:
            return 1.0
        self._states = self.cycles.redraw(self._states, self._chances, draws, _CYCLES)
        return math.sqrt(float(self._states.prod()))

    def _due(self, draws: Draws, slot: int, rate: float | NDArray[Any]) -> NDArray[np.intp]:
        """Rows whose Poisson clock of this rate per tick rang."""
        return np.flatnonzero(draws.of(draws.labels, slot) < -np.expm1(-rate))

    def _sizes(self, draws: Draws, rows: NDArray[np.intp], slot: int, price: float) -> NDArray[np.float64]:
        """Atoms of the asset."""
        return self.size_usd / price * self._scale * np.exp(self.size_spread * draws.normal(rows, slot))

    def _distances(self, draws: Draws, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Shares of the mid price, below one."""
        u = draws.uniform(rows, _PLACE)
        if self.placement == "uniform":
            drawn = 2.0 * self.distance * u
        elif self.placement == "exponential":
            drawn = self.distance * np.log1p(-u) / np.log(0.5)
        else:
            drawn = self.distance * ((1.0 - u) ** (-1.0 / self.tail) - 1.0) / (2.0 ** (1.0 / self.tail) - 1.0)
        return np.minimum(drawn, 0.99)

    def _limits(
        self, view: View, draws: Draws, mid: float, rate: float, sides: NDArray[np.float64], cash: Any, held: Any
    ) -> list[Intent]:
        rows = self._due(draws, _LIMIT, rate * self.limits_per_minute)
        size, away = self._sizes(draws, rows, _LIMIT_SIZE, mid), self._distances(draws, rows)
        sent = []
        for act, mine in ((Act.LIMIT_BUY, sides[rows] < 0.5), (Act.LIMIT_SELL, sides[rows] >= 0.5)):
            chosen, buys = rows[mine], act == Act.LIMIT_BUY
            price = mid * (1.0 - away[mine] if buys else 1.0 + away[mine])
            affordable = cash[chosen] * view.atom_prices[NUMERAIRE] / price * self._scale if buys else held[chosen]
            sent += self._intent(view, draws, act, chosen, np.minimum(size[mine], affordable), price)
        return sent

    def _markets(
        self, view: View, draws: Draws, mid: float, rate: float, sides: NDArray[np.float64], cash: Any, held: Any
    ) -> list[Intent]:
        rows = self._due(draws, _MARKET, rate * self.markets_per_minute)
        size = self._sizes(draws, rows, _MARKET_SIZE, mid)
        # The other half of the side's number decides, so that an account's limit and market orders are independent.
        buys = (sides[rows] * 4.0).astype(np.int64) % 2 == 0
        bought, sold = rows[buys], rows[~buys]
        spent = np.minimum(size[buys] / self._scale * mid / view.atom_prices[NUMERAIRE], cash[bought])
        sale = np.minimum(size[~buys], held[sold])
        return [
            *self._intent(view, draws, Act.SWAP, bought, spent, 0.0, (NUMERAIRE, self._token)),
            *self._intent(view, draws, Act.SWAP, sold, sale, 0.0, (self._token, NUMERAIRE)),
        ]

    def _cancels(self, view: View, draws: Draws, book: Any) -> list[Intent]:
        """Each account's first ring among its resting orders takes one of them, all as likely."""
        resting = book.resting(self.lo, self.hi)
        if not resting.row.size:
            return []
        own = np.bincount(resting.row, minlength=self.count)
        rows = self._due(draws, _CANCEL, own * (self._dt / self.order_life))
        place = (draws.uniform(rows, _PICK) * own[rows]).astype(np.int64)
        number = resting.number[(np.cumsum(own) - own)[rows] + place]
        return self._intent(view, draws, Act.CANCEL, rows, number, 0.0)

    def _intent(
        self,
        view: View,
        draws: Draws,
        act: Act,
        rows: NDArray[np.intp],
        amount: NDArray[Any],
        limit: Any,
        tokens: tuple[int, int] | None = None,
    ) -> list[Intent]:
        """One batch, without the rows that have nothing to give."""
        amount = amount.astype(np.int64)
        some = amount > 0
        if not some.all():
            rows, amount, limit = rows[some], amount[some], limit[some] if np.ndim(limit) else limit
        if not rows.size:
            return []
        delay = self.latency[rows] * (0.5 + draws.uniform(rows, _DELAY + int(act)))
        token, token2 = tokens or (self._token, -1)
        venue, motive = view.quotes[self.venue].venue, Motive.NOISE
        return [Intent(act, venue, view.accounts[rows], token, amount, token2, motive, limit, delay)]
