"""Delta hedgers: hold an option position and trade the underlying against it."""

from typing import Annotated

import numpy as np
from annotated_types import MinLen
from numpy.typing import NDArray

from agents.shared.option_trader import Leg, OptionTrader
from sim.hedging import HedgeRule
from sim.intents import Intent
from sim.registry import component
from sim.rng import Draws
from sim.views import View


@component("population", "delta_hedgers")
class DeltaHedgers(OptionTrader):
    """Open the same option position and keep its delta within the band of a hedge rule."""

    risk = "IV shift"

    legs_held: Annotated[list[Leg], MinLen(1)]
    """The position; amounts are options per account."""
    hedge: HedgeRule
    """When the hedge is adjusted, and how far."""
    renew: bool = True
    """Open the position again when it has expired."""

    def enter_at_opening(self, view: View, capital: NDArray[np.float64]) -> list[Intent]:
        """The whole position, for every account."""
        return self.legs(view, np.arange(self.count), self.legs_held, np.ones(self.count))

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Hedge; open again what has expired."""
        positions = self.positions(view)
        flat = np.flatnonzero(positions.held == 0.0)
        sent = self.legs(view, flat, self.legs_held, np.ones(flat.size)) if self.renew else []
        return sent + self.rebalance(view, positions, sent)
