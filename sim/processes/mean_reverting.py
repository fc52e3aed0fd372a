"""Prices that return to a peg."""

# mypy: allow-untyped-defs, allow-incomplete-defs

import math

import numpy as np
from numpy.typing import NDArray

from sim.errors import ConfigError
from sim.fields import Duration, NonNegative, Positive
from sim.jit import kernel
from sim.processes.base import PathGrid, PriceProcess
from sim.registry import component


def _pulled_path_numpy(decay, level, noise):
    path = np.zeros((noise.shape[0] + 1, noise.shape[1]))
    for t in range(noise.shape[0]):
        path[t + 1] = level + (path[t] - level) * decay + noise[t]
    return path


@kernel(twin=_pulled_path_numpy)
def pulled_path(decay, level, noise):
    """Path (ticks + 1, k) from zero: each step keeps a share `decay` of the distance to `level` and adds its noise."""
    path = np.zeros((noise.shape[0] + 1, noise.shape[1]))
    for t in range(noise.shape[0]):
        for i in range(noise.shape[1]):
            path[t + 1, i] = level + (path[t, i] - level) * decay + noise[t, i]
    return path


@component("process", "mean_reverting")
class MeanReverting(PriceProcess):
    """Ornstein-Uhlenbeck in the log price (Uhlenbeck and Ornstein, Physical Review 36, 1930), for pegged assets.

    Steps are exact in distribution: the log price falls back by half of its distance to the peg in every half-life, and
    in the long run its standard deviation is volatility x sqrt(half_life / (2 ln 2)), half_life in years. The level is
    the median of the price, not its mean. A volatility shock scales returns as they come, so when it ends it leaves a
    price off its peg by what it added.

    Settings
    --------
    level: price it returns to, in numeraire; none means the initial price of each asset.
    half_life: time in which half of a distance to the level is gone.
    volatility: annualised, of the noise that pushes the price away.
    """

    level: Positive | None = None
    half_life: Duration = Duration(86_400.0)
    volatility: NonNegative = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.half_life > 0.0:
            raise ConfigError(f"{self.where}: half_life is {self.half_life:g} s; it must be positive")
        if self.level is not None and len(self.assets) > 1:
            raise ConfigError(
                f"{self.where}: level is one price for {len(self.assets)} assets ({', '.join(self.assets)}); "
                "leave it out to return to their initial prices, or give each asset a process of its own"
            )

    def log_path(self, grid: PathGrid, rng: np.random.Generator, normals: NDArray[np.float64]) -> NDArray[np.float64]:
        pull = self._pull(grid)
        spread = self.volatility * math.sqrt(grid.dt_years * -math.expm1(-2.0 * pull) / (2.0 * pull))
        path: NDArray[np.float64] = pulled_path(math.exp(-pull), self._log_level(grid), spread * normals)
        return path

    def trend(self, grid: PathGrid) -> NDArray[np.float64]:
        return self._log_level(grid) * -np.expm1(-self._pull(grid) * np.arange(grid.ticks + 1.0))

    def _pull(self, grid: PathGrid) -> float:
        """Minus the log of the share of a distance that is left after a tick."""
        return math.log(2.0) * grid.dt_seconds / self.half_life

    def _log_level(self, grid: PathGrid) -> float:
        return 0.0 if self.level is None else math.log(self.level / float(grid.initial[0]))
