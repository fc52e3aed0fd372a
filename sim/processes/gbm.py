"""Geometric Brownian motion."""

import numpy as np
from numpy.typing import NDArray

from sim.fields import NonNegative
from sim.processes.base import PathGrid, PriceProcess, accumulate, brownian_returns
from sim.registry import component


@component("process", "gbm")
class GeometricBrownianMotion(PriceProcess):
    """Constant drift and volatility; no fat tails and no clustering.

    Settings
    --------
    drift: growth rate of the expected price, per year: E[S_t] = S_0 exp(drift t).
    volatility: annualised; the default is near that of hourly BTC/USDT returns 2017-2026 (0.73).
    """

    drift: float = 0.0
    volatility: NonNegative = 0.7

    def log_path(self, grid: PathGrid, rng: np.random.Generator, normals: NDArray[np.float64]) -> NDArray[np.float64]:
        return accumulate(brownian_returns(self.drift, self.volatility, grid.dt_years, normals))

    def trend(self, grid: PathGrid) -> NDArray[np.float64]:
        return self.drift * grid.years()
