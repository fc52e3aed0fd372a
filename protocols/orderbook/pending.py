"""Messages on their way: when each arrives, and those that do not arrive within the tick in which they are sent."""

import numpy as np
from numpy.typing import NDArray

from sim.intents import INT_COLUMNS, TIP

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]
Rows = tuple[Ints, Reals]


class Pending:
    """Messages that arrive in a later tick; their `tip` holds the milliseconds that are left of them in it."""

    def __init__(self) -> None:
        self.ints, self.reals = np.empty((0, INT_COLUMNS), dtype=np.int64), np.empty((0, 2))
        self.tick = np.empty(0, dtype=np.int64)

    def arrivals(self, ints: Ints, reals: Reals, tick: int, latency: int, dt: float) -> Rows:
        """What arrives in a tick of dt seconds of what waits and of the rows that are sent in it.

        latency: ticks on the way before the milliseconds in `tip` begin.
        """
        if latency or (len(reals) and reals[:, TIP].max() >= 1e3 * dt):
            ms = np.maximum(reals[:, TIP], 0.0)
            whole = np.floor(ms / (1e3 * dt))
            reals = reals.copy()
            reals[:, TIP] = ms - whole * (1e3 * dt)
            arrives = tick + latency + whole.astype(np.int64)
            late = arrives > tick
            self._keep(ints[late], reals[late], arrives[late])
            ints, reals = ints[~late], reals[~late]
        waited, waited_reals = self.due(tick)
        if len(waited):
            return np.concatenate([waited, ints]), np.concatenate([waited_reals, reals])
        return ints, reals

    def _keep(self, ints: Ints, reals: Reals, tick: Ints) -> None:
        self.ints, self.reals = np.concatenate([self.ints, ints]), np.concatenate([self.reals, reals])
        self.tick = np.concatenate([self.tick, tick])

    def due(self, tick: int) -> Rows:
        """Take out what has arrived by a tick."""
        if not self.tick.size:
            return self.ints, self.reals
        here = self.tick <= tick
        rows = self.ints[here], self.reals[here]
        self.ints, self.reals, self.tick = self.ints[~here], self.reals[~here], self.tick[~here]
        return rows


def arrival_order(ms: Reals, key: Ints) -> NDArray[np.intp]:
    """(n,) rows by milliseconds, then by key: a permutation of rows changes nothing."""
    order = np.argsort(ms)
    sorted_ms = ms[order]
    if (sorted_ms[1:] == sorted_ms[:-1]).any():
        return np.lexsort((key, ms))
    return order
