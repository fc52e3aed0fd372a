"""Regime-switching forecaster."""

from typing import Annotated

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from sim.forecasting import Forecaster
from sim.math.forecast.regimes import fit_regimes, hamilton, mean_ahead
from sim.registry import component


@component("forecaster", "regimes")
class RegimesForecaster(Forecaster):
    """A calm and a wild regime that cannot be seen: Hamilton's filter, fitted anew to all returns it is given."""

    rounds: Annotated[int, Ge(1)] = 50
    """Most iterations of the fit."""

    def expect(self, returns: NDArray[np.float64], horizon: int) -> float:
        """Per return."""
        model = fit_regimes(returns, self.rounds)
        if model.variance[1] <= 0.0:
            return 0.0
        return mean_ahead(model, hamilton(returns, model).probability[-1], horizon)
