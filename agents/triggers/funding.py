"""Funding trigger."""

from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from agents.shared.cadence import ticks_in
from sim.fields import AssetName, Duration, NonNegative, ProtocolName
from sim.interfaces import Trigger
from sim.quotes import FuturesQuote
from sim.registry import component
from sim.views import View


@component("trigger", "funding")
class Funding(Trigger):
    """Rebalance, all together, when the funding rate of a perpetual becomes extreme on either side, or stops being so.

    A rate far above zero says that longs crowd the contract, one far below it that shorts do. Nobody rebalances on what
    the first look finds, nor while the venue lists no perpetual on the asset.
    """

    venue: ProtocolName
    """Where the perpetual is listed."""
    asset: AssetName
    """Its underlying."""
    extreme: NonNegative = 0.3
    """Distance from zero from which funding is extreme, per year of notional."""
    every: Duration = Duration(3_600.0)
    """How often they look."""

    last: int | None = field(default=None, init=False)
    """Side on which funding was extreme at the last look, -1 or 1, or 0; None before the first."""

    def due(self, view: View, phase: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Everybody, or nobody."""
        changed = False
        if view.tick % ticks_in(view, self.every) == 0:
            now = self.side(view)
            changed = now is not None and self.last is not None and now != self.last
            self.last = self.last if now is None else now
        return np.full(phase.size, changed)

    def side(self, view: View) -> int | None:
        """Where funding is now: -1, 0 or 1; None if there is no such perpetual."""
        quote: FuturesQuote = view.quotes[self.venue]
        contract = quote.contract(view.token(self.asset))
        if contract is None:
            return None
        return int(np.sign(contract.funding)) if abs(contract.funding) > self.extreme else 0
