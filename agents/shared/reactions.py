"""How accounts react: after a delay of their own."""

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]

NEVER = -1
"""In a `due` column: not alarmed."""


def ready(rows: Rows, tick: int, delay: Rows, due: Rows) -> NDArray[np.bool_]:
    """(m,) which of the alarmed rows act now, because their delay is over.

    Parameters
    ----------
    rows: (m,) all rows that are alarmed at this tick; must be asked about at every tick at which they are.
    delay: (n,) ticks from alarm to act. due: (n,) tick at which a row acts; one in the past means that the row was
        calm since, so its alarm is new and its delay starts: updated here.
    """
    fresh = rows[due[rows] < tick]
    due[fresh] = tick + delay[fresh]
    return due[rows] == tick


def draw_delays(rng: np.random.Generator, count: int, bounds: tuple[int, int]) -> NDArray[np.int64]:
    """(count,) ticks, each whole number within the bounds equally likely."""
    return rng.integers(bounds[0], bounds[1], size=count, endpoint=True)


def range_faults(name: str, bounds: tuple[float, float]) -> list[tuple[str, str]]:
    """What is wrong with a (lowest, highest) setting, as (field, message)."""
    low, high = bounds
    return [] if low <= high else [(name, f"found [{low:g}, {high:g}]; the first is the lower bound")]
