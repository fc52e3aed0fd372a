"""Mean-variance optimisation."""

import numpy as np
from numpy.typing import NDArray

from agents.shared.estimates import Boxed, Estimating, Expecting, tiled
from sim.fields import NonNegative
from sim.interfaces import AllocatorView
from sim.math.portfolio.quadratic import efficient_frontier
from sim.registry import component


@component("rule", "mean_variance")
class MeanVariance(Expecting, Boxed, Estimating):
    """A point of the efficient frontier: the least variance, less tolerance times expected return (Markowitz)."""

    tolerance: NonNegative = 0.2
    """Place on the frontier: 0 is minimum variance, growing values buy return with risk; 1 / risk aversion."""

    def weights(self, view: AllocatorView) -> NDArray[np.float64]:
        """(n, k) shares of wealth."""
        covariance = self.covariance(view)
        excess = self.excess(view, covariance, self.history(view))
        return tiled(
            view, efficient_frontier(excess, covariance, [self.tolerance], self.bounds(view), self.invested)[0]
        )
