"""Stochastic volatility with jumps."""

from typing import Annotated

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import NDArray

from sim.fields import NonNegative
from sim.math.poisson import poisson_inverse
from sim.processes.base import PathGrid, accumulate
from sim.processes.heston import Heston
from sim.registry import component


@component("process", "bates")
class Bates(Heston):
    """Heston's variance and Gaussian log jumps at Poisson times (Bates, Review of Financial Studies 9, 1996).

    The diffusion is that of the `heston` kind, draw for draw, so that jumps can be added to a Heston run.

    Settings
    --------
    drift, kappa, theta, xi, rho, v0: as of `heston`; the jumps' mean is compensated in the drift.
    intensity: expected jumps per year, of each asset at its own times.
    jump_mean, jump_std: of the log jump.
    """

    intensity: Annotated[float, Ge(0.0), Le(1e6)] = 6.0
    jump_mean: float = -0.05
    jump_std: NonNegative = 0.12

    def log_path(self, grid: PathGrid, rng: np.random.Generator, normals: NDArray[np.float64]) -> NDArray[np.float64]:
        diffusion = super().log_path(grid, rng, normals)
        expected = np.expm1(self.jump_mean + 0.5 * self.jump_std * self.jump_std)
        jumps = np.stack([self._jumps(child, grid) for child in rng.spawn(len(self.assets))], axis=1)
        return diffusion + accumulate(jumps - self.intensity * expected * grid.dt_years)

    def _jumps(self, rng: np.random.Generator, grid: PathGrid) -> NDArray[np.float64]:
        counting, sizing = rng.spawn(2)
        counts = poisson_inverse(counting.random(grid.ticks), self.intensity * grid.dt_years)
        return counts * self.jump_mean + np.sqrt(counts) * self.jump_std * sizing.standard_normal(grid.ticks)
