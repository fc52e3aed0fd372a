"""Jump diffusion with fat-tailed, lopsided jumps."""

from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le, Lt
from numpy.typing import NDArray

from sim.fields import NonNegative, Positive, Share
from sim.math.poisson import poisson_inverse
from sim.processes.base import PathGrid, PriceProcess, accumulate, brownian_returns
from sim.registry import component


@component("process", "kou")
class Kou(PriceProcess):
    """Brownian motion with double exponential log jumps at Poisson times (Kou, Management Science 48, 2002).

    Jumps up and down are two Poisson streams; the sum of k exponentials of one mean is a gamma variable.

    Settings
    --------
    drift: growth rate of the expected price, per year; the jumps' mean is compensated.
    volatility: annualised, of the diffusion alone.
    intensity: expected jumps per year.
    up_share: probability that a jump is upwards.
    up_mean, down_mean: mean size of the log jump up and down; up below 1, or the expected price is infinite.
    """

    drift: float = 0.0
    volatility: NonNegative = 0.6
    intensity: Annotated[float, Ge(0.0), Le(1e6)] = 6.0
    up_share: Share = 0.4
    up_mean: Annotated[float, Gt(0.0), Lt(1.0)] = 0.08
    down_mean: Positive = 0.1

    def log_path(self, grid: PathGrid, rng: np.random.Generator, normals: NDArray[np.float64]) -> NDArray[np.float64]:
        drift = self.drift - self.intensity * self.expected_jump
        diffusion = brownian_returns(drift, self.volatility, grid.dt_years, normals)
        jumps = [self._jumps(child, grid) for child in rng.spawn(len(self.assets))]
        return accumulate(diffusion + np.stack(jumps, axis=1))

    @property
    def expected_jump(self) -> float:
        """Expected relative price change in a jump."""
        return self.up_share / (1.0 - self.up_mean) + (1.0 - self.up_share) / (1.0 + self.down_mean) - 1.0

    def _jumps(self, rng: np.random.Generator, grid: PathGrid) -> NDArray[np.float64]:
        rising, falling = rng.spawn(2)
        up = self._side(rising, grid, self.up_share) * self.up_mean
        return np.asarray(up - self._side(falling, grid, 1.0 - self.up_share) * self.down_mean)

    def _side(self, rng: np.random.Generator, grid: PathGrid, share: float) -> NDArray[np.float64]:
        """(ticks,) sums of unit exponentials, one for each jump of this side; splitting a Poisson stream makes two."""
        counting, sizing = rng.spawn(2)
        counts = poisson_inverse(counting.random(grid.ticks), share * self.intensity * grid.dt_years)
        return np.asarray(sizing.standard_gamma(counts.astype(np.float64)))

    def trend(self, grid: PathGrid) -> NDArray[np.float64]:
        return self.drift * grid.years()
