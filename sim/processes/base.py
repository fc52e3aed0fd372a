"""What every price process is: settings, a grid of ticks, and one method that makes a log path.

IMPLEMENT  log_path
OPTIONAL   trend, deterministic, gaussian
FREE       mixing the Gaussian innovations of all assets, volatility shocks, coverage checks (fundamentals.py)
"""

from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sim.errors import ConfigError
from sim.fields import AssetName
from sim.units import SECONDS_PER_YEAR


@dataclass(frozen=True, eq=False)
class PathGrid:
    """The ticks of a run and the prices it starts from.

    Attributes
    ----------
    ticks: number of steps; paths have one row more.
    dt_years, dt_seconds: length of a tick, in 365-day years and in seconds.
    start: date of row 0; UTC if it names no time zone.
    initial: (assets,) price of each asset at row 0, in numeraire.
    """

    ticks: int
    dt_years: float
    start: datetime
    dt_seconds: float
    initial: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.ticks < 1 or not self.dt_seconds > 0.0:
            raise ConfigError(f"a run of {self.ticks} ticks of {self.dt_seconds:g} s is empty; both must be positive")
        if not np.isclose(self.dt_years * SECONDS_PER_YEAR, self.dt_seconds, rtol=1e-9, atol=0.0):
            raise ConfigError(
                f"a tick of {self.dt_seconds:g} s is {self.dt_seconds / SECONDS_PER_YEAR:g} years of 365 days, "
                f"not {self.dt_years:g}"
            )

    def years(self) -> NDArray[np.float64]:
        """(ticks + 1,) years since the start."""
        return np.arange(self.ticks + 1, dtype=np.float64) * self.dt_years

    def epoch_seconds(self) -> NDArray[np.float64]:
        """(ticks + 1,) seconds since 1970-01-01 UTC."""
        start = self.start if self.start.tzinfo else self.start.replace(tzinfo=UTC)
        return start.timestamp() + np.arange(self.ticks + 1, dtype=np.float64) * self.dt_seconds


@dataclass(kw_only=True, eq=False)
class PriceProcess(ABC):
    """Base of all exogenous fundamentals. Volatilities and drifts are per 365-day year.

    Settings
    --------
    name: unique among processes; names the random stream.
    assets: the assets whose fundamental this process makes, in the order of its columns.
    """

    family: ClassVar[str]
    kind: ClassVar[str]
    gaussian: ClassVar[bool] = True
    """Whether paths follow the innovations they are given, so that correlations with other assets take effect."""

    name: str
    assets: list[AssetName]

    def __post_init__(self) -> None:
        if not self.assets:
            raise ConfigError(f"{self.where}: assets is empty; name at least one asset")
        twice = [asset for asset, count in Counter(self.assets).items() if count > 1]
        if twice:
            raise ConfigError(f"{self.where}: assets names {', '.join(twice)} more than once")

    @property
    def where(self) -> str:
        """How error messages name this process."""
        return f'process "{self.name}" ({self.kind})'

    @property
    def deterministic(self) -> bool:
        """Whether every seed and replication gives the same path."""
        return False

    @abstractmethod
    def log_path(self, grid: PathGrid, rng: np.random.Generator, normals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log prices relative to the initial price.

        Parameters
        ----------
        grid: ticks, dates, and the initial prices of this process's assets.
        rng: this process's own stream for jumps, variances, regimes and resampling. Whatever is drawn for one asset
            must not depend on how many assets follow it (`rng.spawn` gives each its own).
        normals: (ticks, len(assets)) standard normals, independent in time and correlated across assets.

        Returns
        -------
        (ticks + 1, len(assets)); row 0 is zero.
        """

    def trend(self, grid: PathGrid) -> NDArray[np.float64]:
        """(ticks + 1,) deterministic part of the log path, which volatility shocks leave as it is."""
        return np.zeros(grid.ticks + 1)


def accumulate(returns: NDArray[np.float64]) -> NDArray[np.float64]:
    """(ticks, k) log returns to a (ticks + 1, k) log path that starts at zero."""
    path = np.zeros((returns.shape[0] + 1, returns.shape[1]))
    np.cumsum(returns, axis=0, out=path[1:])
    return path


def brownian_returns(
    drift: float | NDArray[np.float64],
    volatility: float | NDArray[np.float64],
    dt_years: float,
    normals: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Log returns over one tick, exact in distribution; drift and volatility broadcast against `normals`."""
    mean = (drift - 0.5 * volatility * volatility) * dt_years
    return mean + volatility * np.sqrt(dt_years) * normals
