"""Front-runners: short options ahead of a vault's auction, bought back once the vault has sold."""

from typing import Annotated

import numpy as np
from annotated_types import MinLen
from numpy.typing import NDArray

from agents.shared.epochs import Auctions
from agents.shared.option_trader import Leg, OptionTrader
from agents.shared.state import column
from sim.fields import Duration, Positive
from sim.flows import Motive
from sim.hedging import HedgeRule
from sim.intents import Intent
from sim.registry import component
from sim.rng import Draws
from sim.views import View


@component("population", "front_runners")
class FrontRunners(OptionTrader):
    """Sell what a vault is known to sell before it does, and buy it back at the volatility that its sale leaves."""

    risk = "IV shift"

    auctions: Auctions
    """Known dates."""
    legs_sold: Annotated[list[Leg], MinLen(1)]
    """What they sell; amounts above zero are sold."""
    exposure: Positive = 1.0
    """Underlying value of one of everything sold, in units of capital."""
    ahead: Duration = Duration(86_400.0)
    """How long before an auction they sell."""
    cover: Duration = Duration(3_600.0)
    """How long after an auction they buy back."""
    hedge: HedgeRule | None = None
    """When delta is hedged, and how far; not at all if none."""

    size: NDArray[np.float64] = column()
    """(n,) of each leg that an account sells."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        if self.ahead + self.cover < self.auctions.every:
            return []
        return [("ahead", f"with cover it is {self.ahead + self.cover:g} s; the next auction is nearer, shorten one")]

    def enter_at_opening(self, view: View, capital: NDArray[np.float64]) -> list[Intent]:
        """Nothing yet."""
        self.size = -self.exposure * capital / view.prices[self.tokens][self.number]
        return []

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Sell ahead of an auction, buy back after it."""
        positions = self.positions(view)
        sent: list[Intent] = []
        held = positions.held > 0.0
        if 0.0 < self.auctions.until(view) <= self.ahead:
            flat = np.flatnonzero(~held)
            sent = self.legs(view, flat, self.legs_sold, self.size[flat])
        elif self.auctions.since(view) >= self.cover:
            sent = self.close(view, np.flatnonzero(held))
        return sent + self.rebalance(view, positions, sent)

    @property
    def motive(self) -> Motive:
        """Why options are traded."""
        return Motive.ATTACK
