"""Which run comes next, and in which order finished runs are stored.

The order of a sweep is point by point, replication by replication. Whether a point needs more replications is decided
from its first outcomes in that order, at fixed numbers of them, so neither the runs made nor their order depend on who
finishes first.
"""

import heapq
from collections.abc import Callable, Iterator, Sequence

RunId = tuple[int, int]
"""Point and replication."""
GROWTH = 4
"""A point that is not done gets a quarter more replications before it is looked at again."""


class Schedule:
    """The runs of a sweep.

    Parameters
    ----------
    points: how many there are. most: replications of a point at most. least: replications of each point that are made
    in any case. enough: from the watched outcomes of a point's first replications, whether it is done; None to make
    all replications.
    """

    def __init__(
        self, points: int, most: int, least: int | None = None, enough: Callable[[Sequence[float]], bool] | None = None
    ) -> None:
        self.points, self.most = points, most
        self.least = most if least is None or enough is None else min(least, most)
        self._enough = enough or (lambda outcomes: True)
        self._ready: set[RunId] = set()
        self._next: RunId = (0, 0)
        self._extra: list[RunId] = []
        self._wanted: dict[int, int] = {}
        self._values: dict[int, dict[int, float]] = {}
        self._lengths: dict[int, int] = {}
        self._due: RunId = (0, 0)
        self.finished = 0
        self.total = points * self.least

    def take(self) -> RunId | None:
        """The next run to compute; None if none is certain to be needed at the moment."""
        while self._extra:
            run = heapq.heappop(self._extra)
            if not self._known(run):
                return run
        while self._next[0] < self.points:
            run = self._next
            point, replication = run
            self._next = (point, replication + 1) if replication + 1 < self.least else (point + 1, 0)
            if not self._known(run):
                return run
        return None

    def finish(self, run: RunId, value: float) -> None:
        """Note a finished run. value: its watched outcome, NaN of a failed run; anything if none is watched."""
        if self._known(run):
            return
        self._ready.add(run)
        point, replication = run
        if self.least == self.most:
            self.finished += 1
            return
        self._values.setdefault(point, {})[replication] = value
        if replication < self._wanted.get(point, self.least):
            self.finished += 1
        self._decide(point)

    def due(self) -> Iterator[RunId]:
        """Finished runs that are next in the order of the sweep, each once."""
        while self._due in self._ready and self._due[1] < self._length(self._due[0]):
            run = self._due
            self._ready.discard(run)
            self._advance()
            yield run

    def waiting(self) -> list[RunId]:
        """Finished runs that wait for others before them, in order."""
        return sorted(run for run in self._ready if run >= self._due and run[1] < self._length(run[0]))

    @property
    def complete(self) -> bool:
        """Whether all runs are finished and handed out by `due`."""
        return self._due[0] >= self.points

    def _known(self, run: RunId) -> bool:
        return run in self._ready or run < self._due

    def _length(self, point: int) -> int:
        """Replications of a point that are certain to be needed."""
        return self._lengths.get(point, self._wanted.get(point, self.least))

    def _advance(self) -> None:
        point, replication = self._due
        last = replication + 1 >= self._length(point) and (self.least == self.most or point in self._lengths)
        if last:
            self._wanted.pop(point, None)
            self._lengths.pop(point, None)
        self._due = (point + 1, 0) if last else (point, replication + 1)

    def _decide(self, point: int) -> None:
        """Look at a point whenever all replications it was given are in."""
        values = self._values[point]
        while point not in self._lengths:
            wanted = self._wanted.get(point, self.least)
            if any(number not in values for number in range(wanted)):
                return
            if wanted >= self.most or self._enough([values[number] for number in range(wanted)]):
                self._lengths[point] = wanted
                del self._values[point]
                return
            more = min(wanted + max(1, wanted // GROWTH), self.most)
            self._wanted[point] = more
            self.total += more - wanted
            self.finished += sum(number in values for number in range(wanted, more))
            for number in range(wanted, more):
                heapq.heappush(self._extra, (point, number))
