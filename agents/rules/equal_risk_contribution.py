"""Equal risk contributions."""

import numpy as np
from numpy.typing import NDArray

from agents.shared.estimates import Estimating, tiled
from sim.fields import Share
from sim.interfaces import AllocatorView
from sim.math.portfolio.budgets import risk_budget_weights
from sim.registry import component


@component("rule", "equal_risk_contribution")
class EqualRiskContribution(Estimating):
    """Every asset contributes the same share of the portfolio's variance, correlations included (risk parity)."""

    invested: Share = 1.0
    """Share of wealth in all assets together."""

    def weights(self, view: AllocatorView) -> NDArray[np.float64]:
        """(n, k) shares of wealth."""
        count = len(view.assets)
        return tiled(view, risk_budget_weights(self.covariance(view), np.full(count, 1.0 / count), self.invested))
