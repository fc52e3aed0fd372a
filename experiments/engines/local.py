"""Runs over supervised processes of this machine.

Every worker holds one run at a time. A worker that dies, or that is killed because its run broke a limit, loses that
run only: a new process computes it once more, and a run that dies there too is a failed run.
"""

import multiprocessing
import pickle
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from time import monotonic
from typing import Any, Generic, TypeVar

from experiments.engines.limits import Limits, cause
from experiments.engines.worker import Job, Word, serve
from experiments.provenance import PACKAGES
from sim.errors import SpilloverError

Result = TypeVar("Result")
POLL = 0.2
"""Seconds between looks at how far the workers are."""
WATCH = 0.05
"""Seconds between looks if a limit must be kept."""
PATIENCE = 10.0
"""Seconds that workers have to leave on their own, all together."""
STILLBORN = 3
"""Processes in a row that may die while they start."""


@dataclass(eq=False)
class _Worker:
    """A worker process as its supervisor sees it.

    task: what it computes, if anything. since: when it got it. begun: runs begun in its slot before that.
    """

    process: Any
    pipe: Connection
    slot: int
    ready: bool = False
    task: Any = None
    since: float = 0.0
    begun: int = 0
    verdict: str | None = field(default=None)

    def give(self, task: Any, begun: int) -> None:
        self.task, self.since, self.begun = task, monotonic(), begun
        with suppress(OSError):  # It may be dead; the sentinel says so at the next look.
            self.pipe.send(task)


class Pool(Generic[Result]):
    """Processes that all hold the same job.

    Parameters
    ----------
    job: see `Job`. workers: how many processes at most.
    report: called in this process, a few times per second, with the ticks all workers have done so far.
    limits: of one run.
    """

    def __init__(
        self, job: Job[Result], workers: int, report: Callable[[int], None], limits: Limits | None = None
    ) -> None:
        self.job, self.size, self.report = job, workers, report
        self.limits = limits or Limits()
        methods = multiprocessing.get_all_start_methods()
        self._context: Any = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
        if "forkserver" in methods:
            ours = sorted(name for name in sys.modules if name.partition(".")[0] in PACKAGES)
            self._context.set_forkserver_preload(ours)
        self._pickled = pickle.dumps(job)
        self._counts = self._context.RawArray("q", 2 * workers)
        self._stop = self._context.RawValue("b", 0)
        self._workers: list[_Worker] = []
        self._held: deque[Any] = deque()
        self._died: list[Any] = []
        self._stillborn = 0
        self._draining = False

    @property
    def processes(self) -> list[int]:
        """Ids of the living workers."""
        return [worker.process.pid for worker in self._workers]

    def run(self, source: Callable[[], Any]) -> Iterator[Result]:
        """Results in the order in which they are ready; closing the iterator gives up what is being computed.

        source: called whenever a worker is free; the next task, or None if there is none at the moment. The iterator
        ends when there is none and nothing is being computed.
        """
        try:
            self._assign(source)
            while any(worker.task is not None for worker in self._workers) or self._held:
                yield from self._look()
                self._assign(source)
        finally:
            self._end()

    def drain(self) -> None:
        """Take no further tasks; what is being computed is still finished."""
        self._draining = True

    def _assign(self, source: Callable[[], Any]) -> None:
        for worker in self._workers:
            if worker.ready and worker.task is None:
                if not self._holds(1, source):
                    return
                worker.give(self._held.popleft(), self._begun(worker))
        starting = sum(not worker.ready for worker in self._workers)
        while len(self._workers) < self.size and self._holds(starting + 1, source):
            self._start()
            starting += 1

    def _holds(self, count: int, source: Callable[[], Any]) -> bool:
        """Whether so many tasks wait, after asking for more."""
        if self._draining:
            self._held.clear()
            return False
        while len(self._held) < count:
            task = source()
            if task is None:
                return False
            self._held.append(task)
        return True

    def _start(self) -> None:
        slot = min(set(range(self.size)) - {worker.slot for worker in self._workers})
        ours, theirs = self._context.Pipe()
        arguments = (theirs, self.job.plugins, self._pickled, self._counts, slot, self._stop)
        process = self._context.Process(target=serve, args=arguments, daemon=True)
        process.start()
        theirs.close()
        self._workers.append(_Worker(process, ours, slot))

    def _look(self) -> Iterator[Result]:
        """Wait a moment, then hear what workers have to say and see to those that died or broke a limit."""
        sources = [source for worker in self._workers for source in (worker.pipe, worker.process.sentinel)]
        limited = self.limits != Limits()
        ready = set(wait(sources, WATCH if limited else POLL))
        self.report(sum(self._counts[: self.size]))
        for worker in list(self._workers):
            gone = worker.process.sentinel in ready
            if worker.pipe in ready or gone:
                yield from self._hear(worker, gone)
            if limited and worker in self._workers and worker.task is not None and worker.verdict is None:
                worker.verdict = self.limits.broken(monotonic() - worker.since, worker.process.pid)
                if worker.verdict:
                    worker.process.kill()

    def _hear(self, worker: _Worker, gone: bool) -> Iterator[Result]:
        said, ended = _messages(worker.pipe)
        for word, content in said:
            if word == Word.RAISED:
                raise content
            worker.ready, self._stillborn = True, 0
            if word == Word.DONE:
                worker.task = None
                yield content
        if gone or ended:
            yield from self._bury(worker)

    def _bury(self, worker: _Worker) -> Iterator[Result]:
        """Let a dead worker go; its run is saved, computed again, or lost."""
        worker.process.join()
        worker.pipe.close()
        self._workers.remove(worker)
        if not worker.ready:
            self._stillborn += 1
            if self._stillborn >= STILLBORN:
                raise SpilloverError(
                    f"worker processes end while they start ({cause(worker.process.exitcode)}): out of memory (try "
                    'fewer workers), or started by a script that lacks `if __name__ == "__main__":`'
                )
        if worker.task is None:
            return
        saved = self.job.saved(worker.task, worker.process.pid)
        if saved is not None:
            yield saved
        elif self._begun(worker) == worker.begun:
            self._held.appendleft(worker.task)  # It was dead before it got the task.
        elif worker.task in self._died:
            yield self.job.lost(worker.task, worker.verdict or cause(worker.process.exitcode))
        else:
            self._died.append(worker.task)
            self._held.appendleft(worker.task)

    def _begun(self, worker: _Worker) -> int:
        return int(self._counts[self.size + worker.slot])

    def _end(self) -> None:
        self._stop.value = 1
        for worker in self._workers:
            worker.pipe.close()
        until = monotonic() + PATIENCE
        for worker in self._workers:
            worker.process.join(max(0.0, until - monotonic()))
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self._workers, self._draining = [], False
        self._stop.value = 0


def _messages(pipe: Connection) -> tuple[list[tuple[Word, Any]], bool]:
    """What has arrived whole, and whether nothing more will."""
    said: list[tuple[Word, Any]] = []
    try:
        while pipe.poll():
            said.append(pipe.recv())
    except (EOFError, OSError):
        return said, True
    return said, False
