"""Ticks gathered into bins of a round length, so that bars stay readable however long a run is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.plots.run_view import RunView

MOST_BINS = 150
_ROUND = (1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 360, 720, 1440)
"""Bin lengths in minutes that read well."""


@dataclass(frozen=True)
class Bins:
    """Equal bins of time.

    ticks: ticks per bin. edges: (bins + 1,) hours since the start. seconds: length of a bin.
    """

    ticks: int
    edges: NDArray[np.float64]
    seconds: float


def time_bins(ticks: int, dt: float, most: int = MOST_BINS) -> Bins:
    """At most `most` bins over a run of `ticks` ticks of `dt` seconds; one per tick where that is few enough."""
    width = 1
    if ticks > most:
        rounded = [round(60 * minutes / dt) for minutes in _ROUND if (60 * minutes / dt) % 1 == 0]
        width = next((size for size in rounded if ticks / size <= most), -(-ticks // most))
    bins = -(-ticks // width)
    return Bins(width, np.minimum(np.arange(bins + 1) * width, ticks) * dt / 3600.0, width * dt)


def bin_sums(run: RunView, column: str, bins: Bins) -> NDArray[np.float64]:
    """(bins,) sums of a per-sample column of steps; a sample counts where its tick lies."""
    tick = run.steps["tick"].to_numpy()
    sums = np.bincount(tick // bins.ticks, run.series(column), minlength=bins.edges.size - 1)
    return sums.astype(np.float64)
