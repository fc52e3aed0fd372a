"""Skew trigger."""

from dataclasses import field
from typing import Annotated

import numpy as np
from annotated_types import Gt, Lt
from numpy.typing import NDArray

from agents.shared.cadence import ticks_in
from sim.fields import AssetName, Duration, NonNegative, ProtocolName
from sim.interfaces import Trigger
from sim.quotes import OptionsQuote
from sim.registry import component
from sim.units import SECONDS_PER_YEAR
from sim.views import View


@component("trigger", "skew_change")
class SkewChange(Trigger):
    """Rebalance, all together, when the implied skew has moved since it last made them do so.

    Skew is the implied volatility of the put of a delta less that of the call of the same delta. While the venue lists
    none of them nobody rebalances.
    """

    venue: ProtocolName
    """Where options are listed."""
    asset: AssetName
    """Their underlying."""
    change: NonNegative = 0.03
    """Move of the skew that counts, in volatility per year."""
    delta: Annotated[float, Gt(0.0), Lt(1.0)] = 0.25
    """Absolute delta of put and call."""
    tenor: Duration = Duration(7 * 86_400.0)
    """Time to expiry of put and call; the nearest is taken."""
    every: Duration = Duration(3_600.0)
    """How often they compare."""

    last: float | None = field(default=None, init=False)
    """Skew when they last rebalanced, or first looked."""

    def due(self, view: View, phase: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Everybody, or nobody."""
        moved = False
        if view.tick % ticks_in(view, self.every) == 0:
            now = self.skew(view)
            moved = now is not None and self.last is not None and abs(now - self.last) > self.change
            if now is not None and (moved or self.last is None):
                self.last = now
        return np.full(phase.size, moved)

    def skew(self, view: View) -> float | None:
        """Put less call, in volatility per year; None if one of them is not listed."""
        quote: OptionsQuote = view.quotes[self.venue]
        token, years = view.token(self.asset), self.tenor / SECONDS_PER_YEAR
        try:
            put, call = (quote.series(token, is_call, years, self.delta) for is_call in (False, True))
        except ValueError:
            return None
        return float(quote.volatility[put] - quote.volatility[call])
