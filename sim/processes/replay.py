"""Recorded prices, resampled to the ticks of the run."""

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from sim.clock import Clock
from sim.errors import ConfigError
from sim.fields import DataFile, Duration
from sim.processes.base import PathGrid, PriceProcess
from sim.processes.recording import Recording, read_recordings, utc
from sim.registry import component


@component("process", "replay")
class Replay(PriceProcess):
    """A price path recorded in a CSV (plain or gzip) or Parquet file, the same for every seed.

    Paths are relative: a run starts at the asset's configured initial price and follows the file's returns.

    Settings
    --------
    file, time, price: the file and its columns; each is one text for all assets, or a list with one for each asset
        (one file with a column for each, or a file for each).
    align: "dates" takes the file's rows at the dates of the run; "first_row" starts the run at the first row.
    fill: price at a tick between two rows: that of the row before, or linear in log price.
    max_gap: longest time between two rows that may be filled.
    """

    gaussian: ClassVar[bool] = False

    file: DataFile | list[DataFile]
    time: str | list[str] = "time"
    price: str | list[str] = "price"
    align: Literal["dates", "first_row"] = "dates"
    fill: Literal["previous", "linear"] = "previous"
    max_gap: Duration = Duration(86_400.0)

    @property
    def deterministic(self) -> bool:
        return True

    def load(self, clock: Clock) -> None:
        """Read the files and see that they cover the run, so that their mistakes are found with the config's."""
        steps = max(clock.ticks - 1, 1)
        grid = PathGrid(steps, clock.dt_years, clock.start, clock.dt, np.ones(len(self.assets)))
        self.log_path(grid, np.random.default_rng(0), np.empty((steps, len(self.assets))))

    def log_path(self, grid: PathGrid, rng: np.random.Generator, normals: NDArray[np.float64]) -> NDArray[np.float64]:
        recordings = read_recordings(self.where, self.assets, self.file, self.time, self.price)
        return np.stack([self._resample(recording, grid) for recording in recordings], axis=1)

    def _resample(self, recording: Recording, grid: PathGrid) -> NDArray[np.float64]:
        ticks = grid.epoch_seconds()
        if self.align == "first_row":
            ticks += recording.times[0] - ticks[0]
        self._check_cover(recording, ticks)
        row = np.searchsorted(recording.times, ticks, side="right") - 1
        self._check_gaps(recording, int(row[0]), int(np.searchsorted(recording.times, ticks[-1])))
        if self.fill == "previous":
            log = np.log(recording.prices)[row]
        else:
            log = np.interp(ticks, recording.times, np.log(recording.prices))
        return log - log[0]

    def _check_cover(self, recording: Recording, ticks: NDArray[np.float64]) -> None:
        first, last = recording.times[0], recording.times[-1]
        if ticks[0] >= first and ticks[-1] <= last:
            return
        covers = f"{recording.file} covers {utc(first)} to {utc(last)}, the run {utc(ticks[0])} to {utc(ticks[-1])}"
        if ticks[0] < first or ticks[0] > last:
            raise ConfigError(
                f"{self.where}: {covers}: it does not contain the run's start; set the run's start to {utc(first)}, "
                'or align = "first_row"'
            )
        enough = int(np.searchsorted(ticks, last, side="right")) - 1
        raise ConfigError(
            f"{self.where}: {covers}: too short; {enough} of {ticks.size - 1} ticks can be replayed. "
            "Shorten the run or give a longer file"
        )

    def _check_gaps(self, recording: Recording, first: int, last: int) -> None:
        gaps = np.diff(recording.times[first : last + 1])
        if gaps.size and gaps.max() > self.max_gap:
            row = first + int(np.argmax(gaps > self.max_gap)) + 1
            raise ConfigError(
                f"{recording.place(row)}: {gaps[row - first - 1]:g} s without a row after "
                f"{utc(recording.times[row - 1])}; allowed: max_gap = {self.max_gap:g} s. "
                f'Raise max_gap to fill it by "{self.fill}", or complete the file'
            )
