"""GARCH forecaster."""

import numpy as np
from numpy.typing import NDArray

from sim.forecasting import Forecaster
from sim.math.forecast.garch import conditional_variance, fit_garch, mean_ahead
from sim.registry import component


@component("forecaster", "garch")
class GarchForecaster(Forecaster):
    """GARCH(1,1), fitted anew to all returns it is given: shocks fade geometrically towards the mean variance."""

    def expect(self, returns: NDArray[np.float64], horizon: int) -> float:
        """Per return."""
        model = fit_garch(returns)
        if model.omega <= 0.0:
            return 0.0
        return mean_ahead(model, float(conditional_variance(returns, model)[-1]), horizon)
