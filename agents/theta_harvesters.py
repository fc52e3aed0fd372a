"""Theta harvesters: short strangles, bought back with half of the credit earned or at a multiple of it lost."""

import numpy as np
from numpy.typing import NDArray

from agents.shared.cadence import on_turn, ticks_in
from agents.shared.hedging import Rows
from agents.shared.option_positions import OptionPositions
from agents.shared.option_trader import HOUR, Leg, OptionTrader
from agents.shared.state import column
from sim.fields import Duration, Positive, Share
from sim.intents import Intent
from sim.registry import component
from sim.rng import Draws
from sim.views import View

FORTNIGHT = Duration(14 * 86_400.0)


@component("population", "theta_harvesters")
class ThetaHarvesters(OptionTrader):
    """Sell strangles far from the money and live on their decay; a small gain most times, now and then a large loss."""

    risk = "tail"

    delta: Share = 0.15
    """Absolute delta of both strikes."""
    expiry: Duration = FORTNIGHT
    """Of the strangles."""
    exposure: Positive = 1.0
    """Underlying value of the strangles sold, in units of capital."""
    take_profit: Share = 0.5
    """Part of the credit earned at which they buy back."""
    stop_loss: Positive = 2.0
    """Loss, in units of the credit, at which they buy back."""
    most_margin: Share = 0.5
    """Initial margin over equity above which they buy back as much as is too much."""
    every: Duration = HOUR
    """Time between two looks of an account."""

    size: NDArray[np.float64] = column()
    """(n,) strangles that an account sells."""
    credit: NDArray[np.float64] = column()
    """(n,) USD at which the strangle was marked when it was first seen; 0 without one."""

    def enter_at_opening(self, view: View, capital: NDArray[np.float64]) -> list[Intent]:
        """The first strangles."""
        self.size = self.exposure * capital / view.prices[self.tokens][self.number]
        self.credit = np.zeros(self.count)
        return self.legs(view, np.arange(self.count), self._strangle(), self.size)

    def _strangle(self) -> list[Leg]:
        call = Leg(option="call", amount=-1.0, delta=self.delta, expiry=self.expiry)
        return [call, Leg(option="put", amount=-1.0, delta=self.delta, expiry=self.expiry)]

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Buy back what has earned or lost enough; sell again on turn."""
        positions = self.positions(view)
        held = positions.held > 0.0
        self.credit = np.where(held, np.where(self.credit > 0.0, self.credit, -positions.value), 0.0)
        turn = on_turn(view.tick, self.phase, ticks_in(view, self.every))
        sellers, done = np.flatnonzero(turn & ~held), self._done(positions)
        sent = self.close(view, np.flatnonzero(done)) + self._trim(view, np.flatnonzero(turn & held & ~done))
        sent += self.legs(view, sellers, self._strangle(), self.size[sellers])
        return sent + self.rebalance(view, positions, sent)

    def _done(self, positions: OptionPositions) -> NDArray[np.bool_]:
        """(n,) whose strangle has earned or lost enough."""
        gain = self.credit + positions.value
        done = (gain > self.take_profit * self.credit) | (gain < -self.stop_loss * self.credit)
        return done & (self.credit > 0.0)

    def _trim(self, view: View, rows: Rows) -> list[Intent]:
        """Buy back what takes more margin than accounts give it."""
        margin = view.margin(self.options)
        allowed = self.most_margin * np.maximum(margin.equity[rows], 0.0)
        needed = margin.initial[rows]
        much = needed > allowed
        return self.close(view, rows[much], 1.0 - allowed[much] / needed[much])
