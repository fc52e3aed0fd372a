"""Volatility arbitrageurs: vega against the gap between implied and expected variance, delta hedged."""

import numpy as np
from numpy.typing import NDArray

from agents.shared.cadence import on_turn, ticks_in
from agents.shared.hedging import by_group
from agents.shared.option_positions import VEGA
from agents.shared.option_trader import DAY, HOUR, MONTH, OptionTrader
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

    risk = "IV shift"

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

    def enter_at_opening(self, view: View, capital: NDArray[np.float64]) -> list[Intent]:
        """Nothing is held before the first look."""
        k = len(self.underlyings)
        self._habits = [(self.habit, self.deviation**2)] * k
        return []

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Hedge; move vega towards its target on turn."""
        positions = self.positions(view)
        sent: list[Intent] = []
        scores = [self._score(view, number) for number in range(len(self.underlyings))]
        turn = on_turn(view.tick, self.phase, ticks_in(view, self.every))
        for number, members in by_group(np.where(turn, self.number, -1)):
            score = scores[number]
            wanted = 0.0 if abs(score) < self.idle else -np.clip(self.aggressiveness * score, -self.most, self.most)
            gap = wanted * self.capital[members] - positions.greeks[members, VEGA]
            act = np.abs(gap) > self.tolerance * self.most * self.capital[members]
            sent += self.straddles(view, number, members[act], gap[act], self.expiry)
        return sent + self.rebalance(view, positions, sent)

    def _score(self, view: View, number: int) -> float:
        """Deviations of the gap from its habit, which learns; zero without history."""
        gap = self.implied(view, number, self.expiry) ** 2 - self.realised(view, number, self.window) ** 2
        if not np.isfinite(gap):
            return 0.0
        weight = 1.0 - 0.5 ** (view.dt_years * SECONDS_PER_YEAR / self.memory)
        mean, variance = self._habits[number]
        excess = gap - mean
        self._habits[number] = mean + weight * excess, variance + weight * (excess**2 - variance)
        return float(excess / np.sqrt(variance))
