"""Replications over processes of this machine.

A worker that dies (killed, out of memory) takes its pool with it. What it lost is computed again, each replication in a
process of its own; one that dies there too is a failed run.
"""

import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Generic, Protocol, TypeVar

from experiments.catalogue import load_components
from experiments.provenance import PACKAGES

Result = TypeVar("Result", covariant=True)
POLL = 0.2
"""Seconds between looks at how far the workers are."""


class Job(Protocol[Result]):
    """What workers do; it is pickled and sent to each of them once."""

    @property
    def plugins(self) -> tuple[str, ...]:
        """Paths of plug-in files."""

    def perform(self, replication: int, progress: Callable[[], None]) -> Result:
        """Compute one replication, calling `progress` after each tick."""

    def lost(self, replication: int) -> Result:
        """What stands for a replication whose process died."""


class Pool(Generic[Result]):
    """Processes that all hold the same job.

    Parameters
    ----------
    job: see `Job`. workers: how many processes at most.
    report: called in this process, a few times per second, with the ticks all workers have done so far.
    """

    def __init__(self, job: Job[Result], workers: int, report: Callable[[int], None]) -> None:
        self.job, self.workers, self.report = job, workers, report
        methods = multiprocessing.get_all_start_methods()
        self._context: Any = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
        if "forkserver" in methods:
            ours = sorted(name for name in sys.modules if name.partition(".")[0] in PACKAGES)
            self._context.set_forkserver_preload(ours)
        self._ticks = self._context.Value("q", 0)
        self._stop = self._context.RawValue("b", 0)

    def run(self, replications: Sequence[int]) -> Iterator[Result]:
        """Results in the order in which they are ready. Closing the iterator stops the workers."""
        done: set[int] = set()
        for number, result in self._together(replications, self.workers):
            done.add(number)
            yield result
        for number in [number for number in replications if number not in done]:
            alone = [result for _, result in self._together([number], 1)]
            yield alone[0] if alone else self.job.lost(number)

    def _together(self, replications: Sequence[int], workers: int) -> Iterator[tuple[int, Result]]:
        """(replication, result) of what is not lost to a process that dies."""
        enter = (self.job.plugins, pickle.dumps(self.job), self._ticks, self._stop)
        size = min(workers, len(replications))
        pool = ProcessPoolExecutor(size, mp_context=self._context, initializer=_enter, initargs=enter)
        try:
            futures = {pool.submit(_perform, number): number for number in replications}
            waiting = set(futures)
            while waiting:
                ready, waiting = wait(waiting, timeout=POLL, return_when=FIRST_COMPLETED)
                self.report(self._ticks.value)
                for future in ready:
                    if not isinstance(future.exception(), BrokenProcessPool):
                        yield futures[future], future.result()
        finally:
            self._stop.value = 1
            pool.shutdown(cancel_futures=True)
            self._stop.value = 0


_job: Job[Any]
_count: Any
_halt: Any


def _enter(plugins: tuple[str, ...], job: bytes, ticks: Any, stop: Any) -> None:
    """Prepare a worker. Interrupts are the parent's business; a worker whose parent is gone goes too."""
    global _job, _count, _halt
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_outlive_nobody, daemon=True).start()
    load_components(plugins)
    _job, _count, _halt = pickle.loads(job), ticks, stop


def _outlive_nobody() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _perform(replication: int) -> Any:
    return _job.perform(replication, _tick)


def _tick() -> None:
    if _halt.value:
        raise KeyboardInterrupt
    with _count.get_lock():
        _count.value += 1
