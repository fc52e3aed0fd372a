# ruff: noqa: RUF009 -- column() makes a new dataclass field at every call
"""What everybody who trades options has in common: capital at a venue, positions there, a hedge against their delta."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np
from annotated_types import MinLen
from numpy.typing import NDArray

from agents.shared.cadence import phases, ticks_in
from agents.shared.hedging import Hedges, Rows, by_group
from agents.shared.option_positions import DELTA, GAMMA, OptionPositions
from agents.shared.sizes import Sizes
from agents.shared.state import column
from agents.shared.trading import NUMERAIRE, usd_to_atoms
from sim.errors import ConfigError
from sim.fields import AssetName, Duration, NonNegative, ProtocolName, Share
from sim.flows import Motive
from sim.hedging import HedgeRule, HedgeView
from sim.intents import Act, Intent
from sim.interfaces import Endowment, Population
from sim.quotes import FuturesQuote, OptionsQuote
from sim.rng import Draws
from sim.units import SECONDS_PER_YEAR
from sim.views import View

HOUR, DAY, MONTH = Duration(3600.0), Duration(86_400.0), Duration(30 * 86_400.0)


@dataclass(frozen=True, kw_only=True)
class Leg:
    """An option that every account of a population trades."""

    option: Literal["call", "put"]
    amount: float
    """How many; below zero is short."""
    delta: Share = 0.5
    """Absolute delta of the strike that is chosen."""
    expiry: Duration = MONTH
    """Time to expiry that is looked for."""


@dataclass(kw_only=True, eq=False)
class OptionTrader(Population):
    """Holds options at one venue and hedges their delta at another.

    Accounts are spread evenly over the underlyings. Hedges on a spot venue cannot be short.
    """

    options: ProtocolName
    """Venue of the options."""
    underlyings: Annotated[list[AssetName], MinLen(1)]
    hedge_venue: ProtocolName
    """Spot venue, or venue of perpetuals, where delta is hedged."""
    hedge: HedgeRule | None = None
    """When the hedge is adjusted, and how far; no hedge if none."""
    capital_usd: Sizes = field(default_factory=lambda: Sizes(median=100_000.0, spread=0.0))
    """What an account starts with."""
    margin: Share = 0.5
    """Part of it deposited at the options venue."""
    hedge_margin: Share = 0.2
    """Part of it deposited at the hedge venue, if that one takes margin and is another one."""
    stock: NonNegative = 0.0
    """Units of its underlying that an account holds beside its capital on a spot venue, so that hedges can be short."""
    slippage: Share = 0.05
    """Largest accepted distance of the average price from the quote when hedging."""

    number: NDArray[np.int64] = column(np.int64)
    """(n,) place of the account's asset among the underlyings."""
    phase: NDArray[np.float64] = column()

    def endow(self, view: View, rng: np.random.Generator) -> Endowment:
        """Capital, margin and opening positions."""
        self.number, self.phase = self.labels % len(self.underlyings), phases(self.labels)
        self.tokens = np.array([view.token(name) for name in self.underlyings])
        self._hedges = Hedges(view, self.hedge_venue, self.tokens.tolist(), self.stock)
        capital = self.capital_usd.draw(self.count, rng)
        intents = self._deposits(view, capital) + self.enter_at_opening(view, capital)
        balances = {NUMERAIRE: usd_to_atoms(view, NUMERAIRE, capital)}
        for place, asset in enumerate(self._hedges.assets):
            balances[asset] = (self.number == place) * int(self._hedges.stock * self._hedges.scales[place])
        return Endowment(balances=balances, intents=intents)

    def enter_at_opening(self, view: View, capital: NDArray[np.float64]) -> list[Intent]:
        """Positions to start with; capital: (n,) USD."""
        return []

    def _deposits(self, view: View, capital: NDArray[np.float64]) -> list[Intent]:
        shares = {self.options: self.margin}
        if isinstance(view.quotes[self.hedge_venue], FuturesQuote) and self.hedge_venue != self.options:
            shares[self.hedge_venue] = self.hedge_margin
        sent = []
        for name, share in shares.items():
            quote = view.quotes[name]
            if quote.margin_asset != NUMERAIRE:
                raise ConfigError(
                    f'population "{self.name}": "{name}" takes margin in an asset other than the numeraire'
                )
            amount = usd_to_atoms(view, NUMERAIRE, capital * share)
            if (amount > 0).all():
                sent.append(Intent(Act.DEPOSIT, quote.venue, view.accounts, NUMERAIRE, amount))
        return sent

    # Trading options -------------------------------------------------------------------------------------------------

    def quote(self, view: View) -> OptionsQuote:
        """The options venue as it stands."""
        quote: OptionsQuote = view.quotes[self.options]
        return quote

    def legs(self, view: View, rows: Rows, legs: Sequence[Leg], size: NDArray[np.float64]) -> list[Intent]:
        """Orders for legs times a size per account, (m,); one intent for each series and side."""
        quote, sent = self.quote(view), []
        for number, members in by_group(self.number[rows]):
            for leg in legs:
                years = leg.expiry / SECONDS_PER_YEAR
                series = quote.series(int(self.tokens[number]), leg.option == "call", years, leg.delta)
                sent += self.trade(view, rows[members], int(quote.token[series]), leg.amount * size[members])
        return sent

    def straddle(self, expiry: Duration) -> list[Leg]:
        """A call and a put at the money."""
        return [Leg(option=option, amount=1.0, delta=0.5, expiry=expiry) for option in ("call", "put")]

    def implied(self, view: View, number: int, expiry: Duration) -> float:
        """Implied volatility of the call nearest to the money and to an expiry."""
        quote = self.quote(view)
        return float(quote.volatility[quote.series(int(self.tokens[number]), True, expiry / SECONDS_PER_YEAR, 0.5)])

    def realised(self, view: View, number: int, window: float) -> float:
        """Realised volatility per year of an underlying over a window in seconds; NaN without enough history."""
        log = np.log(view.history(int(self.tokens[number]), ticks_in(view, window)))
        return float(np.sqrt(np.mean(np.diff(log) ** 2) / view.dt_years)) if log.size > 2 else float("nan")

    def trade(self, view: View, rows: Rows, token: int, amount: NDArray[np.float64]) -> list[Intent]:
        """Buy (below zero: sell) so many options of a series at the market; amount: (m,)."""
        atoms = np.rint(np.abs(amount) * 10.0 ** view.decimals(token)).astype(np.int64)
        venue, sent = self.quote(view).venue, []
        for act, side in ((Act.SELL, amount < 0), (Act.BUY, amount > 0)):
            some = np.flatnonzero(side & (atoms > 0))
            if some.size:
                limit = np.inf if act == Act.BUY else 0.0
                motive = self.motive
                sent.append(Intent(act, venue, view.lo + rows[some], token, atoms[some], motive=motive, limit=limit))
        return sent

    def close(self, view: View, rows: Rows) -> list[Intent]:
        """Orders that close every option position of some accounts."""
        sent = []
        for token in self.quote(view).token.tolist():
            held = view.balance(token)[rows] / 10.0 ** view.decimals(token)
            if held.any():
                sent += self.trade(view, rows, token, -held)
        return sent

    @property
    def motive(self) -> Motive:
        """Why options are traded."""
        return Motive.REBALANCING

    # Hedging ---------------------------------------------------------------------------------------------------------

    def positions(self, view: View) -> OptionPositions:
        """Greeks of all accounts."""
        return OptionPositions(view, self.quote(view))

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Hedge the options as they stand."""
        return self.rebalance(view, self.positions(view)) if self.hedge else []

    def rebalance(self, view: View, positions: OptionPositions) -> list[Intent]:
        """Bring hedges into the band of the rule; accounts without options left give theirs up."""
        held = self._hedges.held(view, np.arange(self.count), self.number)
        units = np.where(positions.held == 0.0, -held, 0.0)
        alive = np.flatnonzero(positions.greeks[:, GAMMA])
        if alive.size and self.hedge is not None:
            low, high = self.hedge.band(self._seen(view, alive, held[alive], positions))
            units[alive] = np.clip(held[alive], low, high) - held[alive]
        rows = np.flatnonzero(units)
        return self._hedges.trades(view, rows, self.number[rows], units[rows], Motive.HEDGING, self.slippage)

    def _seen(self, view: View, rows: Rows, held: NDArray[np.float64], positions: OptionPositions) -> HedgeView:
        greeks = positions.greeks[rows]
        return HedgeView(
            view, rows, self.phase[rows], held, greeks[:, DELTA], greeks[:, GAMMA],
            self._hedges.prices(view)[self.number[rows]], positions.years[rows], positions.volatility[rows],
            self._hedges.market(view, 0).fee, lambda volatility: positions.deltas_at(rows, volatility),
        )  # fmt: skip
