"""Inverse-volatility weights."""

import numpy as np
from numpy.typing import NDArray

from agents.shared.estimates import Estimating, tiled
from sim.fields import Positive, Share
from sim.interfaces import AllocatorView
from sim.registry import component


@component("rule", "inverse_volatility")
class InverseVolatility(Estimating):
    """Weights in proportion to 1 / volatility, so that every asset alone contributes the same risk."""

    invested: Share = 1.0
    """Share of wealth in all assets together."""
    floor: Positive = 0.05
    """Least volatility per year, which bounds the weight of an asset that does not move."""

    def weights(self, view: AllocatorView) -> NDArray[np.float64]:
        """(n, k) shares of wealth."""
        inverse = 1.0 / np.maximum(np.sqrt(np.diag(self.realised(view))), self.floor)
        return tiled(view, self.invested * inverse / inverse.sum())
