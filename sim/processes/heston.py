"""Stochastic volatility."""

import math
from typing import Annotated

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import NDArray

from sim.fields import Positive
from sim.processes.base import PathGrid, PriceProcess, accumulate
from sim.processes.kernels import quadratic_exponential
from sim.registry import component


@component("process", "heston")
class Heston(PriceProcess):
    """Mean-reverting stochastic variance (Heston 1993), simulated by the quadratic-exponential scheme.

    The scheme is that of Andersen, "Simple and efficient simulation of the Heston model", J. Computational Finance
    11(3), 2008, with central weights (gamma1 = gamma2 = 1/2) and without martingale correction. Returns load on the
    given normals, so two Heston assets have the configured correlation whatever their rho; each variance has one more
    normal of its own.

    Settings
    --------
    drift: growth rate of the expected price, per year.
    kappa: speed of mean reversion, per year.
    theta: long-run variance, per year (0.6 is a volatility of 77 %).
    xi: volatility of variance.
    rho: correlation of returns and variance.
    v0: initial variance, per year.
    """

    drift: float = 0.0
    kappa: Positive = 3.0
    theta: Positive = 0.6
    xi: Positive = 1.5
    rho: Annotated[float, Ge(-1.0), Le(1.0)] = -0.4
    v0: Positive = 0.64

    def log_path(self, grid: PathGrid, rng: np.random.Generator, normals: NDArray[np.float64]) -> NDArray[np.float64]:
        variance, rest = self.variance_path(grid, rng, normals)
        return accumulate(self._returns(grid.dt_years, variance, rest))

    def variance_path(
        self, grid: PathGrid, rng: np.random.Generator, normals: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Variance per year (ticks + 1, k), and the normals (ticks, k) of returns given that variance.

        The pair (variance normal, return normal) is a rotation of (given normal, own normal): independent, as the
        scheme needs, while their weighted sum, which drives the return, is the given normal again.
        """
        own = np.stack([child.standard_normal(grid.ticks) for child in rng.spawn(len(self.assets))], axis=1)
        other = math.sqrt(1.0 - self.rho * self.rho)
        decay = math.exp(-self.kappa * grid.dt_years)
        spread = self.xi * self.xi * (1.0 - decay) / self.kappa
        variance = quadratic_exponential(
            self.v0, decay, self.theta, spread * decay, 0.5 * spread * (1.0 - decay) * self.theta,
            self.rho * normals + other * own,
        )  # fmt: skip
        return variance, other * normals - self.rho * own

    def _returns(self, dt: float, variance: NDArray[np.float64], normals: NDArray[np.float64]) -> NDArray[np.float64]:
        load = self.rho / self.xi
        before, after = variance[:-1], variance[1:]
        mean = 0.5 * (before + after) * dt
        follow = load * (after - before - self.kappa * (self.theta * dt - mean))
        return self.drift * dt - 0.5 * mean + follow + np.sqrt((1.0 - self.rho * self.rho) * mean) * normals

    def trend(self, grid: PathGrid) -> NDArray[np.float64]:
        return self.drift * grid.years()
