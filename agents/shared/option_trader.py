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
from agents.shared.option_positions import DELTA, GAMMA, VEGA, OptionPositions
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

_FAR = 0.2
"""Vega of a straddle, in units of spot * sqrt(years), below which it is none any more; at the money it has 0.8."""
_MOST = 10.0
"""Largest underlying value of straddles traded at a time, in units of capital."""
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

    Accounts are spread evenly over the underlyings. Hedges on a spot venue cannot be short beyond `stock`. Where both
    venues share their margin accounts, options, perpetuals and collateral are margined together.
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
    collateral: NonNegative = 0.0
    """Units of its underlying that an account deposits at the options venue, as margin and as part of its delta."""
    slippage: Share = 0.05
    """Largest accepted distance of the average price from the quote when hedging."""

    capital: NDArray[np.float64] = column()
    """(n,) USD at the start."""
    number: NDArray[np.int64] = column(np.int64)
    """(n,) place of the account's asset among the underlyings."""
    phase: NDArray[np.float64] = column()

    def endow(self, view: View, rng: np.random.Generator) -> Endowment:
        """Capital, margin and opening positions."""
        self.number, self.phase = self.labels % len(self.underlyings), phases(self.labels)
        self.tokens = self._listed(view)
        self._hedges = Hedges(view, self.hedge_venue, self.tokens, self.stock)
        capital = self.capital = self.capital_usd.draw(self.count, rng)
        intents = self._deposits(view, capital) + self._pledges(view) + self.enter_at_opening(view, capital)
        balances = {NUMERAIRE: usd_to_atoms(view, NUMERAIRE, capital)}
        for place, asset in enumerate(self.tokens):
            units = self._hedges.stock + self.collateral
            balances[asset] = (self.number == place) * int(units * 10.0 ** view.decimals(asset))
        return Endowment(balances=balances, intents=intents)

    def _listed(self, view: View) -> list[int]:
        """Tokens of the underlyings."""
        quote = view.quotes.get(self.options)
        if not isinstance(quote, OptionsQuote):
            raise ConfigError(f'population "{self.name}": "{self.options}" is no venue of options; name one that is')
        tokens, listed = [view.token(name) for name in self.underlyings], set(quote.underlying.tolist())
        missing = [name for name, token in zip(self.underlyings, tokens, strict=True) if token not in listed]
        if missing:
            raise ConfigError(
                f'population "{self.name}": "{self.options}" lists no options on {", ".join(missing)}; '
                "add them to its underlyings, or take them out of the population's"
            )
        return tokens

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
                    f'population "{self.name}": "{name}" takes margin in an asset other than the numeraire; '
                    "name a venue whose margin is the numeraire, such as one with settlement = linear"
                )
            amount = usd_to_atoms(view, NUMERAIRE, capital * share)
            if (amount > 0).all():
                sent.append(Intent(Act.DEPOSIT, quote.venue, view.accounts, NUMERAIRE, amount))
        return sent

    def _pledges(self, view: View) -> list[Intent]:
        sent = []
        for number, members in by_group(self.number if self.collateral else np.empty(0, np.int64)):
            asset = self.tokens[number]
            amount = int(self.collateral * 10.0 ** view.decimals(asset))
            sent.append(Intent(Act.DEPOSIT, self.quote(view).venue, view.lo + members, asset, amount))
        return sent

    # Trading options -------------------------------------------------------------------------------------------------

    def quote(self, view: View) -> OptionsQuote:
        """The options venue as it stands."""
        quote: OptionsQuote = view.quotes[self.options]
        return quote

    def legs(self, view: View, rows: Rows, legs: Sequence[Leg], size: NDArray[np.float64]) -> list[Intent]:
        """Orders for legs times a size per account, (m,); none where nothing is listed before the next expiry."""
        quote, sent = self.quote(view), []
        for number, members in by_group(self.number[rows]):
            found = [self.nearest(quote, number, leg) for leg in legs]
            for leg, series in zip(legs, found, strict=True):
                if min(found) >= 0:
                    sent += self.trade(view, rows[members], int(quote.token[series]), leg.amount * size[members])
        return sent

    def nearest(self, quote: OptionsQuote, number: int, leg: Leg) -> int:
        """The listed series that a leg means on an underlying; -1 if all that is listed is being settled."""
        asset = self.tokens[number]
        if not ((quote.underlying == asset) & (quote.years > 0.0)).any():
            return -1
        return quote.series(asset, leg.option == "call", leg.expiry / SECONDS_PER_YEAR, leg.delta)

    def straddle(self, expiry: Duration) -> list[Leg]:
        """A call and a put at the money."""
        return [Leg(option=option, amount=1.0, delta=0.5, expiry=expiry) for option in ("call", "put")]

    def implied(self, view: View, number: int, expiry: Duration) -> float:
        """Implied volatility of the call nearest to the money and to an expiry; NaN if there is none."""
        quote = self.quote(view)
        series = self.nearest(quote, number, Leg(option="call", amount=1.0, expiry=expiry))
        return float(quote.volatility[series]) if series >= 0 else float("nan")

    def straddles(
        self, view: View, number: int, rows: Rows, vega: NDArray[np.float64], expiry: Duration
    ) -> list[Intent]:
        """Orders for straddles worth so much vega, (m,); none if the nearest strikes are too far away to carry any."""
        quote, legs = self.quote(view), self.straddle(expiry)
        series = [self.nearest(quote, number, leg) for leg in legs]
        if not rows.size or min(series) < 0:
            return []
        spot, each = quote.spot[series[0]], float(quote.greeks[series, VEGA].sum())
        if each < _FAR * spot * np.sqrt(quote.years[series[0]]):
            return []
        most = _MOST * self.capital[rows] / spot
        return self.legs(view, rows, legs, np.clip(vega / each, -most, most))

    def realised(self, view: View, number: int, window: float) -> float:
        """Realised volatility per year of an underlying over a window in seconds; NaN before half of it is known."""
        ticks = ticks_in(view, window)
        log = np.log(view.history(self.tokens[number], ticks))
        known = log.size > 1 + ticks // 2
        return float(np.sqrt(np.mean(np.diff(log) ** 2) / view.dt_years)) if known else float("nan")

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

    def close(self, view: View, rows: Rows, share: NDArray[np.float64] | float = 1.0) -> list[Intent]:
        """Orders that close a share, (m,), of every option position of some accounts that is not being settled."""
        quote, sent = self.quote(view), []
        for token in quote.token[quote.years > 0.0].tolist():
            held = view.balance(token)[rows] / 10.0 ** view.decimals(token)
            if held.any():
                sent += self.trade(view, rows, token, -share * held)
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
        return self.rebalance(view, self.positions(view))

    def rebalance(self, view: View, positions: OptionPositions, orders: Sequence[Intent] = ()) -> list[Intent]:
        """Bring hedges into the band of the rule; accounts without options left give theirs up.

        orders: for options, of the same moment, which are hedged as if they had been filled.
        """
        if self.hedge is None:
            return []
        if orders:
            positions = OptionPositions(view, self.quote(view), orders)
        held = self._hedges.held(view, np.arange(self.count), self.number)
        units = np.where(positions.held == 0.0, -held, 0.0)
        alive = np.flatnonzero(positions.greeks[:, GAMMA])
        if alive.size:
            own = held[alive] + self.collateral
            low, high = self.hedge.band(self._seen(view, alive, own, positions))
            units[alive] = np.clip(own, low, high) - own
        rows = np.flatnonzero((units != 0.0) & ~view.pending(Act.SWAP))
        return self._hedges.trades(view, rows, self.number[rows], units[rows], Motive.HEDGING, self.slippage)

    def _seen(self, view: View, rows: Rows, held: NDArray[np.float64], positions: OptionPositions) -> HedgeView:
        greeks = positions.greeks[rows]
        return HedgeView(
            view, rows, self.phase[rows], held, greeks[:, DELTA], greeks[:, GAMMA],
            self._hedges.prices(view)[self.number[rows]], positions.years[rows], positions.volatility[rows],
            self._hedges.market(view, 0).fee, lambda volatility: positions.deltas_at(rows, volatility),
        )  # fmt: skip
