"""New histories from recorded returns."""

from functools import reduce
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sim.errors import ConfigError
from sim.fields import DataFile, Duration
from sim.processes.base import PathGrid, PriceProcess, accumulate
from sim.processes.recording import read_recordings
from sim.registry import component


@component("process", "block_bootstrap")
class BlockBootstrap(PriceProcess):
    """Recorded returns, resampled in blocks of random length (Politis and Romano, J. American Stat. Ass. 89, 1994).

    The stationary bootstrap: blocks have geometric length and wrap around the end of the file. All assets take the
    same rows, so their joint distribution and, within blocks, volatility clustering are kept. Returns are those
    over exactly one tick; pairs of rows that lie further apart (gaps) are left out, as are times that are not in
    every asset's series.

    Settings
    --------
    file, time, price: as in the process kind "replay".
    block: expected length of a block; at least one tick.
    demean: subtract each asset's mean log return.
    """

    gaussian: ClassVar[bool] = False

    file: DataFile | list[DataFile]
    time: str | list[str] = "time"
    price: str | list[str] = "price"
    block: Duration = Duration(86_400.0)
    demean: bool = False

    def log_path(self, grid: PathGrid, rng: np.random.Generator, normals: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.block < grid.dt_seconds:
            raise ConfigError(
                f"{self.where}: block is {self.block:g} s, shorter than one tick of {grid.dt_seconds:g} s; lengthen it"
            )
        returns = self.recorded_returns(grid.dt_seconds)
        return accumulate(returns[stationary_rows(rng, grid.ticks, len(returns), self.block / grid.dt_seconds)])

    def recorded_returns(self, dt_seconds: float) -> NDArray[np.float64]:
        """(n, k) log returns over one tick, in order of time.

        Raises ConfigError if the file is refused or has too few pairs of rows one tick apart.
        """
        recordings = read_recordings(self.where, self.assets, self.file, self.time, self.price)
        stamps = [np.rint(recording.times * 1000.0).astype(np.int64) for recording in recordings]
        common = reduce(np.intersect1d, stamps)
        step = round(dt_seconds * 1000.0)
        common = common[(common - common[:1]) % step == 0]
        together = np.diff(common) == step
        if step * np.count_nonzero(together) < max(2 * step, round(self.block * 1000.0)):
            raise self._too_few(int(np.count_nonzero(together)), dt_seconds, stamps)
        logs = [np.log(r.prices)[np.searchsorted(own, common)] for r, own in zip(recordings, stamps, strict=True)]
        returns = np.diff(np.stack(logs, axis=1), axis=0)[together]
        return returns - returns.mean(axis=0) if self.demean else returns

    def _too_few(self, found: int, dt_seconds: float, stamps: list[NDArray[np.int64]]) -> ConfigError:
        spacing = ", ".join(f"{np.median(np.diff(own)) / 1000.0:g} s" if own.size > 1 else "none" for own in stamps)
        return ConfigError(
            f"{self.where}: {found} pairs of rows lie one tick ({dt_seconds:g} s) apart in {self.file}, fewer than one "
            f"block of {self.block:g} s needs; median spacing of rows: {spacing}. "
            "Take a tick that is a multiple of that spacing, a shorter block or a longer file"
        )


def stationary_rows(rng: np.random.Generator, ticks: int, rows: int, mean_block: float) -> NDArray[np.int64]:
    """(ticks,) recorded row for each tick: runs of consecutive rows, each of geometric length with this mean."""
    ending, starting = rng.spawn(2)
    begins = ending.random(ticks) < 1.0 / mean_block
    begins[0] = True
    clock = np.arange(ticks)
    origin = np.maximum.accumulate(np.where(begins, clock, 0))
    starts = np.floor(starting.random(ticks) * rows).astype(np.int64)
    return (starts[origin] + clock - origin) % rows
