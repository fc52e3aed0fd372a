"""Minimum variance."""

import numpy as np
from numpy.typing import NDArray

from agents.shared.estimates import Boxed, Estimating, tiled
from sim.interfaces import AllocatorView
from sim.math.portfolio.quadratic import minimum_variance_weights
from sim.registry import component


@component("rule", "minimum_variance")
class MinimumVariance(Boxed, Estimating):
    """The weights of least variance within the bounds, whatever returns are expected."""

    def weights(self, view: AllocatorView) -> NDArray[np.float64]:
        """(n, k) shares of wealth."""
        return tiled(view, minimum_variance_weights(self.covariance(view), self.bounds(view), self.invested))
