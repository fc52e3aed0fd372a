"""EWMA forecaster."""

from typing import Annotated

import numpy as np
from annotated_types import Gt, Le
from numpy.typing import NDArray

from sim.forecasting import Forecaster
from sim.math.volatility import ewma_variance
from sim.registry import component


@component("forecaster", "ewma")
class Ewma(Forecaster):
    """The discounted mean of squared returns, whatever the horizon (RiskMetrics, 1996)."""

    decay: Annotated[float, Gt(0.0), Le(1.0)] = 0.94
    """Weight of a return over that of the next one; 1 counts all the same."""

    def expect(self, returns: NDArray[np.float64], horizon: int) -> float:
        """Per return."""
        return ewma_variance(returns, 1.0, self.decay)
