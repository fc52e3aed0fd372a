"""How accounts react: after a delay of their own, one transaction at a time, again when it had no effect."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]

NEVER = -1
"""In a `due` column: not alarmed."""
_MIX, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(29)


def seal(*columns: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) hashes that change when any entry of a row's columns does; never 0."""
    total = np.zeros(columns[0].size, dtype=np.uint64)
    for entries in columns:
        total = (total ^ entries.astype(np.uint64)) * _MIX
        total ^= total >> _SHIFT
    return np.where(total == 0, np.uint64(1), total).astype(np.int64)


def ready(
    rows: Rows,
    tick: int,
    delay: NDArray[np.int64],
    due: NDArray[np.int64],
    sealed: NDArray[np.int64],
    seals: Callable[[Rows], NDArray[np.int64]],
) -> NDArray[np.bool_]:
    """(m,) which of the alarmed rows act now: their delay is over, or their last transaction has shown an effect.

    Parameters
    ----------
    rows: (m,) all rows that are alarmed at this tick; must be asked about at every tick at which they are.
    delay: (n,) ticks from alarm to act. due: (n,) tick at which a row acts; one in the past means that the row was
        calm since, so its alarm is new and its delay starts: updated here.
    sealed: (n,) seal of a row's balances at its last transaction, 0 if none is under way; cleared for new alarms.
    seals: the seals of some rows' balances now.
    """
    when = due[rows]
    fresh = rows[when < tick]
    if fresh.size:
        due[fresh] = tick + delay[fresh]
        sealed[fresh] = 0
        when = due[rows]
    turn = when == tick
    under_way = np.flatnonzero((sealed[rows] != 0) & ~turn)
    if under_way.size:
        some = rows[under_way]
        turn[under_way] = sealed[some] != seals(some)
    return turn


def draw_delays(rng: np.random.Generator, count: int, bounds: tuple[int, int]) -> NDArray[np.int64]:
    """(count,) ticks, each whole number within the bounds equally likely."""
    return rng.integers(bounds[0], bounds[1], size=count, endpoint=True)


def range_faults(name: str, bounds: tuple[float, float]) -> list[tuple[str, str]]:
    """What is wrong with a (lowest, highest) setting, as (field, message)."""
    low, high = bounds
    return [] if low <= high else [(name, f"found [{low:g}, {high:g}]; the first is the lower bound")]
