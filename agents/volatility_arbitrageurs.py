"""Volatility arbitrageurs: vega against the gap between implied and expected variance, delta hedged."""

import numpy as np
from numpy.typing import NDArray

from agents.shared.cadence import on_turn, ticks_in
from agents.shared.hedging import by_group
from agents.shared.option_positions import VEGA
from agents.shared.option_trader import DAY, HOUR, MONTH, OptionTrader
from agents.shared.state import column
from sim.fields import Duration, NonNegative, Positive
from sim.hedging import HedgeRule
from sim.intents import Intent
from sim.registry import component
from sim.rng import Draws
from sim.units import SECONDS_PER_YEAR
from sim.views import View


@component("population", "volatility_arbitrageurs")
class VolatilityArbitrageurs(OptionTrader):
    """Sell straddles when implied variance stands high above realised variance, compared with its habit, and buy them
    when it stands low: vega = -aggressiveness * capital * (s - mean) / deviation, s = implied - expected variance.
    """

    hedge: HedgeRule
    """When the hedge is adjusted, and how far."""
    expiry: Duration = MONTH
    """Of the straddles."""
    window: Duration = DAY
    """Over which the expected variance is realised."""
    memory: Duration = MONTH
    """Half-life of the mean and deviation of the gap."""
    habit: float = 0.0
    """Mean gap at the start, in variance per year."""
    deviation: Positive = 0.1
    """Deviation of the gap at the start."""
    aggressiveness: Positive = 0.1
    """Vega per deviation, as a share of capital per 1.0 of volatility."""
    most: Positive = 0.5
    """Largest vega, as a share of capital per 1.0 of volatility."""
    idle: NonNegative = 0.5
    """Deviations within which no vega is wanted."""
    tolerance: NonNegative = 0.2
    """Part of the largest vega by which a position may miss its target."""
    every: Duration = HOUR
    """Time between two looks of an account."""

    capital: NDArray[np.float64] = column()

    def enter_at_opening(self, view: View, capital: NDArray[np.float64]) -> list[Intent]:
        """Nothing is held before the first look."""
        self.capital = capital
        k = len(self.underlyings)
        self._mean, self._variance = np.full(k, self.habit), np.full(k, self.deviation**2)
        return []

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Hedge; move vega towards its target on turn."""
        positions = self.positions(view)
        sent = self.rebalance(view, positions)
        scores = np.array([self._score(view, number) for number in range(len(self.underlyings))])
        turn = on_turn(view.tick, self.phase, ticks_in(view, self.every))
        for number, members in by_group(np.where(turn, self.number, -1)):
            score = float(scores[number])
            wanted = 0.0 if abs(score) < self.idle else -np.clip(self.aggressiveness * score, -self.most, self.most)
            gap = wanted * self.capital[members] - positions.greeks[members, VEGA]
            act = np.abs(gap) > self.tolerance * self.most * self.capital[members]
            each = self._vega(view, number)
            if act.any() and each > 0.0:
                sent += self.legs(view, members[act], self.straddle(self.expiry), gap[act] / each)
        return sent

    def _score(self, view: View, number: int) -> float:
        """Deviations of the gap from its habit, which learns; zero without history."""
        gap = self.implied(view, number, self.expiry) ** 2 - self.realised(view, number, self.window) ** 2
        if not np.isfinite(gap):
            return 0.0
        weight = 1.0 - 0.5 ** (view.dt_years * SECONDS_PER_YEAR / self.memory)
        excess = gap - self._mean[number]
        score = excess / np.sqrt(self._variance[number])
        self._mean[number] += weight * excess
        self._variance[number] += weight * (excess**2 - self._variance[number])
        return float(score)

    def _vega(self, view: View, number: int) -> float:
        """Vega of one straddle."""
        quote, years = self.quote(view), self.expiry / SECONDS_PER_YEAR
        asset = int(self.tokens[number])
        return float(sum(quote.greeks[quote.series(asset, call, years, 0.5), VEGA] for call in (True, False)))
