"""Jump diffusion."""

from typing import Annotated

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import NDArray

from sim.fields import NonNegative
from sim.math.poisson import poisson_inverse
from sim.processes.base import PathGrid, PriceProcess, accumulate, brownian_returns
from sim.registry import component


@component("process", "merton")
class Merton(PriceProcess):
    """Brownian motion with Gaussian log jumps at Poisson times (Merton, J. Financial Economics 3, 1976).

    Settings
    --------
    drift: growth rate of the expected price, per year; the jumps' mean is compensated.
    volatility: annualised, of the diffusion alone.
    intensity: expected jumps per year.
    jump_mean, jump_std: of the log jump.
    joint: all assets of this process jump together and by the same amount; otherwise each at its own times.
    """

    drift: float = 0.0
    volatility: NonNegative = 0.6
    intensity: Annotated[float, Ge(0.0), Le(1e6)] = 6.0
    jump_mean: float = -0.05
    jump_std: NonNegative = 0.12
    joint: bool = False

    def log_path(self, grid: PathGrid, rng: np.random.Generator, normals: NDArray[np.float64]) -> NDArray[np.float64]:
        expected_jump = np.expm1(self.jump_mean + 0.5 * self.jump_std * self.jump_std)
        drift = self.drift - self.intensity * expected_jump
        diffusion = brownian_returns(drift, self.volatility, grid.dt_years, normals)
        sources = 1 if self.joint else len(self.assets)
        jumps = [self._jumps(child, grid) for child in rng.spawn(sources)]
        return accumulate(diffusion + np.stack(jumps, axis=1))

    def _jumps(self, rng: np.random.Generator, grid: PathGrid) -> NDArray[np.float64]:
        counting, sizing = rng.spawn(2)
        counts = poisson_inverse(counting.random(grid.ticks), self.intensity * grid.dt_years)
        return counts * self.jump_mean + np.sqrt(counts) * self.jump_std * sizing.standard_normal(grid.ticks)

    def trend(self, grid: PathGrid) -> NDArray[np.float64]:
        return self.drift * grid.years()
