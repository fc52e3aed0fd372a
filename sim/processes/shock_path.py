"""A designed path, for example a crash, with noise around it."""

import numpy as np
from numpy.typing import NDArray

from sim.errors import ConfigError
from sim.fields import Duration, NonNegative
from sim.processes.base import PathGrid, PriceProcess, accumulate, brownian_returns
from sim.registry import component


@component("process", "shock_path")
class ShockPath(PriceProcess):
    """Straight lines in log price between knots, plus Brownian noise that leaves the expected price on them.

    All assets of the process follow the same knots. The path starts at zero and stays at the last knot's level.

    Settings
    --------
    knots: (time since the start, log change since the start), in order of time: [["6h", 0.0], ["9h", -0.35]] is flat
        for six hours, then falls by 30 % in three. A shorter run sees the first part of the path.
    volatility: annualised, of the noise.
    """

    knots: list[tuple[Duration, float]]
    volatility: NonNegative = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.knots:
            raise ConfigError(f'{self.where}: knots is empty; name at least one, such as ["6h", -0.35]')
        for index, (seconds, level) in enumerate(self.knots):
            earlier = self.knots[index - 1][0] if index else -1.0
            if seconds <= earlier:
                raise ConfigError(
                    f"{self.where}: knots[{index}] is at {seconds:g} s, which must come after {earlier:g} s of "
                    f"knots[{index - 1}]"
                )
            if not np.isfinite(level) or (seconds == 0.0 and level != 0.0):
                raise ConfigError(
                    f"{self.where}: knots[{index}] has log change {level:g} at {seconds:g} s; it must be finite, "
                    "and 0 at the start (set the asset's initial price instead)"
                )

    @property
    def deterministic(self) -> bool:
        return self.volatility == 0.0

    def log_path(self, grid: PathGrid, rng: np.random.Generator, normals: NDArray[np.float64]) -> NDArray[np.float64]:
        noise = accumulate(brownian_returns(0.0, self.volatility, grid.dt_years, normals))
        return self.trend(grid)[:, None] + noise

    def trend(self, grid: PathGrid) -> NDArray[np.float64]:
        """The knots."""
        points = {0.0: 0.0} | dict(self.knots)
        return np.interp(np.arange(grid.ticks + 1) * grid.dt_seconds, list(points.keys()), list(points.values()))
