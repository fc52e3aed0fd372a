"""The last event that befell each of some accounts, found by reading the log once."""

import numpy as np
from numpy.typing import NDArray

from sim.events import EventLog, Kind


class LastBySubject:
    """Ids of the last event of a kind whose subject each account in [lo, hi) was.

    Only kinds whose subject is an account make sense: LIQUIDATION, DELEVERAGE, BACKSTOP, SOCIALISED.
    """

    def __init__(self, lo: int, hi: int) -> None:
        self.lo, self.hi = lo, hi
        self._read: dict[Kind, int] = {}
        self._last: dict[Kind, NDArray[np.int64]] = {}

    def of(self, events: EventLog, kind: Kind) -> NDArray[np.int64]:
        """(hi - lo,) ids; 0 where there is none. Reads only what was logged since it was last asked for the kind."""
        last = self._last.setdefault(kind, np.zeros(self.hi - self.lo, dtype=np.int64))
        start = self._read.get(kind, 0)
        if start < events.count:
            ids = start + np.flatnonzero(events.column("kind")[start:] == kind)
            row = events.column("subject")[ids] - self.lo
            mine = (row >= 0) & (row < last.size)
            np.maximum.at(last, row[mine], ids[mine])
            self._read[kind] = events.count
        return last
