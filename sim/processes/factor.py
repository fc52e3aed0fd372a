"""Several assets that load on one macro factor."""

import numpy as np
from numpy.typing import NDArray

from sim.errors import ConfigError
from sim.fields import NonNegative
from sim.processes.base import PathGrid, PriceProcess, accumulate, brownian_returns
from sim.registry import component


@component("process", "factor")
class Factor(PriceProcess):
    """Brownian motions that share one factor, such as world equities or the dollar, each with a loading of its own.

    The return of an asset is its loading times the factor's return plus noise of its own (Sharpe, Management Science 9,
    1963). The factor belongs to no asset and nobody in the model moves it. An asset of loading 1 and volatility 0 is
    the factor, for agents to see and trade. Correlations between assets in the config are those of their own noise.

    Settings
    --------
    factor_volatility: annualised; the default is near that of large US shares.
    loadings: return of each asset per unit of the factor's, or one for all.
    volatility: annualised, of each asset's own noise, or one for all.
    drift: growth rate of the expected price of every asset, per year.
    """

    factor_volatility: NonNegative = 0.18
    loadings: float | list[float] = 1.0
    volatility: NonNegative | list[NonNegative] = 0.6
    drift: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for setting, values in (("loadings", self.loadings), ("volatility", self.volatility)):
            if isinstance(values, list) and len(values) != len(self.assets):
                raise ConfigError(
                    f"{self.where}: {setting} lists {len(values)} values for {len(self.assets)} assets "
                    f"({', '.join(self.assets)}); give one number for all of them or one for each, in the same order"
                )

    def log_path(self, grid: PathGrid, rng: np.random.Generator, normals: NDArray[np.float64]) -> NDArray[np.float64]:
        loadings = self._of_each(self.loadings)
        shared = self.factor_returns(grid, rng)[:, None] * loadings
        compensation = 0.5 * (self.factor_volatility * loadings) ** 2 * grid.dt_years
        own = brownian_returns(self.drift, self._of_each(self.volatility), grid.dt_years, normals)
        return accumulate(shared - compensation + own)

    def factor_returns(self, grid: PathGrid, rng: np.random.Generator) -> NDArray[np.float64]:
        """(ticks,) log return of the factor less its mean, from the same stream as `log_path`."""
        return self.factor_volatility * np.sqrt(grid.dt_years) * rng.standard_normal(grid.ticks)

    def trend(self, grid: PathGrid) -> NDArray[np.float64]:
        return self.drift * grid.years()

    def _of_each(self, values: float | list[float]) -> NDArray[np.float64]:
        return np.broadcast_to(np.asarray(values, dtype=np.float64), len(self.assets))
