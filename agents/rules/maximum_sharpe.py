"""Maximum Sharpe ratio."""

import numpy as np
from numpy.typing import NDArray

from agents.shared.estimates import Boxed, Estimating, Expecting, tiled
from sim.interfaces import AllocatorView
from sim.math.portfolio.quadratic import maximum_sharpe_weights, minimum_variance_weights, most_return
from sim.registry import component


@component("rule", "maximum_sharpe")
class MaximumSharpe(Expecting, Boxed, Estimating):
    """The weights of most expected excess return per risk within the bounds (tangency portfolio).

    Where no portfolio within the bounds is expected to earn more than the riskless rate it takes the minimum-variance
    portfolio and counts the fallback `no_positive_excess`.
    """

    def weights(self, view: AllocatorView) -> NDArray[np.float64]:
        """(n, k) shares of wealth."""
        covariance = self.covariance(view)
        excess = self.excess(view, covariance, self.history(view))
        bounds = self.bounds(view)
        if most_return(excess, bounds, self.invested) > 0.0:
            return tiled(view, maximum_sharpe_weights(excess, covariance, bounds, self.invested))
        self.note("no_positive_excess")
        return tiled(view, minimum_variance_weights(covariance, bounds, self.invested))
