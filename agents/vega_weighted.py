"""Vega-weighted desks: a target vega, spread over expiries, in straddles."""

from dataclasses import field
from typing import Annotated

import numpy as np
from annotated_types import MinLen
from numpy.typing import NDArray

from agents.shared.cadence import on_turn, ticks_in
from agents.shared.hedging import Rows, by_group
from agents.shared.option_positions import VEGA, OptionPositions
from agents.shared.option_trader import DAY, MONTH, OptionTrader
from sim.fields import Duration, NonNegative
from sim.hedging import HedgeRule
from sim.intents import Intent
from sim.registry import component
from sim.rng import Draws
from sim.views import View


@component("population", "vega_weighted")
class VegaWeighted(OptionTrader):
    """Hold straddles of several expiries, in proportion to 1 / (vega sqrt(T)), so that their vegas sum to a target.

    The 1 / sqrt(T) weight makes a month of vega count like the vega of any other expiry when short-dated volatility
    moves more than long-dated one.
    """

    risk = "IV shift"

    hedge: HedgeRule | None = None
    """When delta is hedged, and how far."""
    target: float = 0.002
    """Net vega per 0.01 of volatility, as a share of capital; below zero is short volatility."""
    tolerance: NonNegative = 0.1
    """Relative distance from the target that is left alone."""
    expiries: Annotated[list[Duration], MinLen(1)] = field(default_factory=lambda: [MONTH])
    """Of the straddles."""
    every: Duration = DAY
    """Time between two looks of an account."""

    def enter_at_opening(self, view: View, capital: NDArray[np.float64]) -> list[Intent]:
        """The whole target at once."""
        sent: list[Intent] = []
        for number, members in by_group(self.number):
            sent += self._towards(view, number, members, self.target * 100.0 * capital[members])
        return sent

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Hedge; bring vega back to its target on turn."""
        positions = self.positions(view)
        sent: list[Intent] = []
        turn = on_turn(view.tick, self.phase, ticks_in(view, self.every))
        for number, members in by_group(np.where(turn, self.number, -1)):
            sent += self._adjust(view, number, members, positions)
        return sent + self.rebalance(view, positions, sent)

    def _adjust(self, view: View, number: int, members: Rows, positions: OptionPositions) -> list[Intent]:
        wanted = self.target * 100.0 * self.capital[members]
        gap = wanted - positions.greeks[members, VEGA]
        off = np.abs(gap) > self.tolerance * np.abs(wanted)
        return self._towards(view, number, members[off], gap[off]) if off.any() else []

    def _towards(self, view: View, number: int, rows: Rows, vega: NDArray[np.float64]) -> list[Intent]:
        """Straddles worth so much vega, (m,), spread over the expiries."""
        weight = np.sqrt(1.0 / np.array(self.expiries))
        sent = []
        for expiry, share in zip(self.expiries, weight / weight.sum(), strict=True):
            sent += self.straddles(view, number, rows, share * vega, expiry)
        return sent
