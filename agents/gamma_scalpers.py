"""Gamma scalpers: long straddles when volatility looks cheap, hedged to earn what the underlying moves."""

import numpy as np
from numpy.typing import NDArray

from agents.shared.cadence import on_turn, ticks_in
from agents.shared.hedging import by_group
from agents.shared.option_trader import DAY, HOUR, MONTH, OptionTrader
from agents.shared.state import column
from sim.fields import Duration, NonNegative, Positive
from sim.hedging import HedgeRule
from sim.intents import Intent
from sim.registry import component
from sim.rng import Draws
from sim.views import View


@component("population", "gamma_scalpers")
class GammaScalpers(OptionTrader):
    """Buy straddles while realised volatility exceeds the implied one, give them up when it no longer does.

    They earn about half of gamma S^2 (realised - implied variance) per year, so the sign of what they make is that of
    realised less implied volatility.
    """

    risk = "IV shift"

    hedge: HedgeRule
    """When the hedge is adjusted, and how far."""
    expiry: Duration = MONTH
    """Of the straddles."""
    edge: NonNegative = 0.05
    """Realised less implied volatility at which they enter; they leave when it is below zero."""
    always: bool = False
    """Hold straddles whatever volatility does."""
    window: Duration = DAY
    """Over which volatility is realised."""
    exposure: Positive = 1.0
    """Underlying value of the straddles bought, in units of capital."""
    every: Duration = HOUR
    """Time between two looks of an account."""

    size: NDArray[np.float64] = column()
    """(n,) straddles that an account buys."""

    def enter_at_opening(self, view: View, capital: NDArray[np.float64]) -> list[Intent]:
        """Straddles from the start if they are held whatever happens."""
        self.size = self.exposure * capital / view.prices[self.tokens][self.number]
        rows = np.arange(self.count)
        return self.legs(view, rows, self.straddle(self.expiry), self.size) if self.always else []

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Hedge; enter and leave on turn."""
        positions = self.positions(view)
        sent: list[Intent] = []
        turn = on_turn(view.tick, self.phase, ticks_in(view, self.every))
        for number, members in by_group(np.where(turn, self.number, -1)):
            gap = self.realised(view, number, self.window) - self.implied(view, number, self.expiry)
            flat = positions.held[members] == 0.0
            if self.always or gap > self.edge:
                buyers = members[flat]
                sent += self.legs(view, buyers, self.straddle(self.expiry), self.size[buyers])
            elif gap < 0.0:
                sent += self.close(view, members[~flat])
        return sent + self.rebalance(view, positions, sent)
