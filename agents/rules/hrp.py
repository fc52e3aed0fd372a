"""Hierarchical risk parity."""

import numpy as np
from numpy.typing import NDArray

from agents.shared.estimates import Estimating, tiled
from sim.fields import Share
from sim.interfaces import AllocatorView
from sim.math.portfolio.hierarchy import hierarchical_weights
from sim.registry import component


@component("rule", "hrp")
class HierarchicalRiskParity(Estimating):
    """Assets that move together share one part of the risk: a tree of correlations, split from the top (HRP)."""

    invested: Share = 1.0
    """Share of wealth in all assets together."""

    def weights(self, view: AllocatorView) -> NDArray[np.float64]:
        """(n, k) shares of wealth."""
        return tiled(view, hierarchical_weights(self.covariance(view), self.invested))
