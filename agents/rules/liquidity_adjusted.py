"""Liquidity-adjusted weights."""

from typing import Annotated

import numpy as np
from annotated_types import Gt, Lt, MinLen
from numpy.typing import NDArray

from agents.shared.estimates import Estimating, tiled
from agents.shared.liquidity import spreads
from sim.fields import Duration, Positive, ProtocolName, Share
from sim.interfaces import AllocatorView
from sim.math.risk import liquidity_adjusted_weights
from sim.registry import component
from sim.units import SECONDS_PER_YEAR


@component("rule", "liquidity_adjusted")
class LiquidityAdjusted(Estimating):
    """Weights inversely proportional to value at risk plus half the spread, so that what is dear to leave weighs less.

    The spread is twice what a sale of `size_usd` loses against the mid price at the best venue now, fee and depth
    included.
    """

    invested: Share = 1.0
    """Share of wealth in all assets together."""
    venues: Annotated[list[ProtocolName], MinLen(1)]
    """Where assets would be sold."""
    size_usd: Positive = 10_000.0
    """Sale for which the spread is asked."""
    horizon: Duration = Duration(86_400.0)
    """Of the value at risk."""
    level: Annotated[float, Gt(0.5), Lt(1.0)] = 0.95
    """Of the value at risk."""

    def weights(self, view: AllocatorView) -> NDArray[np.float64]:
        """(n, k) shares of wealth."""
        volatility = np.sqrt(np.diag(self.covariance(view)) * (self.horizon / SECONDS_PER_YEAR))
        spread = spreads(view, self.venues, self.size_usd)
        return tiled(view, self.invested * liquidity_adjusted_weights(volatility, spread, self.level))
