"""Risk targeters: books of options whose Greeks are kept within budgets by the cheapest trades."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np
from annotated_types import MinLen
from numpy.typing import NDArray

from agents.shared.cadence import on_turn, ticks_in
from agents.shared.hedging import by_group
from agents.shared.option_positions import DELTA, GAMMA, THETA, VEGA
from agents.shared.option_trader import HOUR, Leg, OptionTrader
from sim.errors import ConfigError
from sim.fields import Duration, NonNegative
from sim.flows import Motive
from sim.intents import Intent
from sim.math.hedge import least_cost_hedge
from sim.quotes import OptionsQuote
from sim.registry import component
from sim.rng import Draws
from sim.views import View

Floats = NDArray[np.float64]
Greek = Literal["delta", "gamma", "vega", "theta"]
_COLUMN = {"delta": DELTA, "gamma": GAMMA, "vega": VEGA, "theta": THETA}
_AIM = 0.999
"""Part of a band that trades aim at, so that whole atoms stay inside."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Where one Greek should be, in USD per USD of capital.

    delta: per 100 % of the underlying. gamma: change of that delta for 1 %. vega: per vol point. theta: per day.
    """

    greek: Greek
    target: float = 0.0
    band: NonNegative = 0.0
    """Distance from the target that is left alone."""


@component("population", "risk_targeters")
class RiskTargeters(OptionTrader):
    """Bring every budgeted Greek within its band at the least cost of fees and spreads, by a linear programme.

    They trade the underlying at the hedge venue and the series that `instruments` means, or scan everything listed; an
    account whose budgets these cannot meet leaves its book as it is until they can. A volatility outlook is a budget:
    vega above zero to be long volatility, delta at zero to have no view on the price.
    """

    risk = "IV shift"

    budgets: Annotated[list[Budget], MinLen(1)]
    """One for each Greek that matters."""
    instruments: list[Leg] = field(default_factory=list)
    """Options that may be traded; their amounts do not matter. All that are listed if none is named."""
    legs_held: list[Leg] = field(default_factory=list)
    """Book that accounts start with; amounts are options per 1,000 USD of capital."""
    every: Duration = HOUR
    """Time between two looks of an account."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        greeks = [budget.greek for budget in self.budgets]
        twice = sorted({greek for greek in greeks if greeks.count(greek) > 1})
        return [("budgets", f"{', '.join(twice)} named twice; give one budget for each Greek")] if twice else []

    def enter_at_opening(self, view: View, capital: Floats) -> list[Intent]:
        """The book, before anything is done about its Greeks."""
        return self.legs(view, np.arange(self.count), self.legs_held, capital / 1000.0)

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Rebalance on turn."""
        turn, quote = on_turn(view.tick, self.phase, ticks_in(view, self.every)), self.quote(view)
        greeks = self.book(view)
        units, sent = np.zeros(self.count), []
        for number, members in by_group(np.where(turn, self.number, -1)):
            series = self._tradable(quote, number)
            each, cost = self._instruments(view, quote, number, np.array(series, np.int64))
            sizes = np.array([self._sizes(each, cost, greeks[row], self._scale(view, row)) for row in members.tolist()])
            units[members] = sizes[:, 0]
            for place, chosen in enumerate(series):
                sent += self.trade(view, members, int(quote.token[chosen]), sizes[:, 1 + place])
        rows = np.flatnonzero(units)
        return sent + self._hedges.trades(view, rows, self.number[rows], units[rows], self.motive, self.slippage)

    def book(self, view: View) -> Floats:
        """(n, 5) Greeks of each account's options, with the underlying that it holds."""
        held = self._hedges.held(view, np.arange(self.count), self.number)
        greeks = self.positions(view).greeks.copy()
        greeks[:, DELTA] += held + self.collateral
        return greeks

    def budgeted(self, view: View) -> Floats:
        """(n, budgets) Greeks of the whole book in the units of the budgets."""
        scale = np.array([self._scale(view, row) for row in range(self.count)])
        return self.book(view)[:, self._columns] * scale

    @property
    def _columns(self) -> list[int]:
        return [_COLUMN[budget.greek] for budget in self.budgets]

    def _scale(self, view: View, row: int) -> Floats:
        """(budgets,) what turns Greeks of an account into the units of its budgets."""
        spot = view.prices[self.tokens[self.number[row]]]
        unit = {"delta": spot, "gamma": spot**2 * 0.01, "vega": 0.01, "theta": 1.0 / 365.0}
        return np.array([unit[budget.greek] for budget in self.budgets]) / self.capital[row]

    def _tradable(self, quote: OptionsQuote, number: int) -> list[int]:
        """Series that may be traded on an underlying, in the order of the quote."""
        if self.instruments:
            return sorted({self.nearest(quote, number, leg) for leg in self.instruments} - {-1})
        return np.flatnonzero((quote.underlying == self.tokens[number]) & (quote.years > 0.0)).tolist()

    def _instruments(
        self, view: View, quote: OptionsQuote, number: int, series: NDArray[np.int64]
    ) -> tuple[Floats, Floats]:
        """(m, 5) Greeks and (m,) USD cost of one unit of the underlying, then of one option of each series."""
        market, underlying = self._hedges.market(view, number), np.zeros((1, 5))
        underlying[0, DELTA] = 1.0
        half = np.where(np.isfinite(quote.ask[series]), 0.5 * (quote.ask - quote.bid)[series], quote.spot[series])
        options = half + quote.fee * quote.spot[series]
        return np.vstack([underlying, quote.greeks[series]]), np.append(market.fee * market.price, options)

    def _sizes(self, each: Floats, cost: Floats, greeks: Floats, scale: Floats) -> Floats:
        """(m,) units to trade of each instrument; none where the budgets are out of reach."""
        columns = self._columns
        target = np.array([budget.target for budget in self.budgets])
        band = np.array([budget.band for budget in self.budgets])
        now = greeks[columns] * scale
        if np.all(np.abs(now - target) <= band):
            return np.zeros(cost.size)
        try:
            return least_cost_hedge(each[:, columns] * scale, now, cost, target, band * _AIM).sizes
        except ConfigError:
            return np.zeros(cost.size)

    @property
    def motive(self) -> Motive:
        """Why options are traded."""
        return Motive.HEDGING
