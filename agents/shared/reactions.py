"""How accounts react: after a delay of their own, one transaction at a time."""

import numpy as np
from numpy.typing import NDArray

from sim.jit import inline, kernel

Rows = NDArray[np.int64]

NEVER = -1
"""In a `due` column: not alarmed."""


@inline
def takes_turn(row: int, tick: int, delay: Rows, due: Rows, pending: NDArray[np.bool_]) -> bool:
    """Whether one alarmed row acts now, see `ready`."""
    if due[row] < tick:
        due[row] = tick + delay[row]
    if pending[row]:
        due[row] = tick + 1
    return due[row] == tick


def _ready_numpy(rows: Rows, tick: int, delay: Rows, due: Rows, pending: NDArray[np.bool_]) -> NDArray[np.bool_]:
    when = np.where(due[rows] < tick, tick + delay[rows], due[rows])
    due[rows] = np.where(pending[rows], tick + 1, when)
    return due[rows] == tick


@kernel(twin=_ready_numpy)
def ready(rows: Rows, tick: int, delay: Rows, due: Rows, pending: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(m,) which of the alarmed rows act now: their delay is over and no transaction of theirs waits for a block.

    Parameters
    ----------
    rows: (m,) all rows that are alarmed at this tick; must be asked about at every tick at which they are.
    delay: (n,) ticks from alarm to act. due: (n,) tick at which a row acts; one in the past means that the row was
        calm since, so its alarm is new and its delay starts: updated here.
    pending: (n,) rows with a transaction that still waits; they are asked again at the next tick.
    """
    turn = np.empty(rows.size, dtype=np.bool_)
    for j in range(rows.size):
        turn[j] = takes_turn(rows[j], tick, delay, due, pending)
    return turn


def draw_delays(rng: np.random.Generator, count: int, bounds: tuple[int, int]) -> NDArray[np.int64]:
    """(count,) ticks, each whole number within the bounds equally likely."""
    return rng.integers(bounds[0], bounds[1], size=count, endpoint=True)


def range_faults(name: str, bounds: tuple[float, float]) -> list[tuple[str, str]]:
    """What is wrong with a (lowest, highest) setting, as (field, message)."""
    low, high = bounds
    return [] if low <= high else [(name, f"found [{low:g}, {high:g}]; the first is the lower bound")]
