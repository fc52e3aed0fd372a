"""What a hedge rule is and what it sees: the extension point of everybody who hedges options."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sim.errors import SpilloverError
from sim.units import SECONDS_PER_YEAR
from sim.views import View

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class HedgeView:
    """Option positions of the accounts that ask a rule; arrays are (n,), one underlying per account.

    rows: their rows in the population. phase: place of each in any period, in [0, 1). held: units of the underlying
    held against the options. delta, gamma: of the options, in units and units per USD. spot: USD. years, volatility:
    of the options, averaged by gamma. cost: share of a trade's value that hedging costs.
    at_volatility: (n,) volatilities -> (n,) delta of the options if priced with them.
    """

    view: View
    rows: NDArray[np.intp]
    phase: Floats
    held: Floats
    delta: Floats
    gamma: Floats
    spot: Floats
    years: Floats
    volatility: Floats
    cost: float
    at_volatility: Callable[[Floats], Floats]

    def ticks(self, seconds: float) -> int:
        """Whole ticks nearest to a duration, at least one."""
        return max(1, round(seconds / (self.view.dt_years * SECONDS_PER_YEAR)))


@dataclass(kw_only=True, eq=False)
class HedgeRule:
    """How much of the underlying may be held against options."""

    family: ClassVar[str] = "hedge"

    # IMPLEMENT
    def band(self, seen: HedgeView) -> tuple[Floats, Floats]:
        """(n,) least and (n,) most units to hold; what is held is brought to the nearer edge.

        Infinite edges leave an account alone.
        """
        raise SpilloverError(f"{type(self).__name__} does not define band()")
