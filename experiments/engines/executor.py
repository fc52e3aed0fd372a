"""Runs over any executor of concurrent.futures: its own pools, or those of dask, mpi4py and the like.

The executor decides where runs are computed; they come back as blobs, so its processes need no common disk.
"""

import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures import BrokenExecutor as Broken
from functools import lru_cache
from typing import Any

from experiments.engines.worker import Job
from sim.errors import SpilloverError


class ExecutorEngine:
    """An engine over an executor, which stays the caller's.

    executor: with processes or threads. job: its results must not need this machine's disk. ahead: runs submitted at a
    time.
    """

    def __init__(self, executor: Executor, job: Job[Any], ahead: int) -> None:
        self.executor, self.job, self.ahead = executor, job, ahead
        self._pickled = pickle.dumps(job)
        self._draining = False

    def drain(self) -> None:
        """Take no further runs; finish those that are submitted."""
        self._draining = True

    def run(self, source: Callable[[], Any]) -> Iterator[Any]:
        """Finished runs as they become ready. Raises SpilloverError if the executor breaks; finished runs are kept."""
        flying: set[Future[Any]] = set()
        try:
            self._submit(flying, source)
            while flying:
                ready, flying = wait(flying, return_when=FIRST_COMPLETED)
                for future in ready:
                    yield _result(future)
                self._submit(flying, source)
        finally:
            for future in flying:
                future.cancel()

    def _submit(self, flying: "set[Future[Any]]", source: Callable[[], Any]) -> None:
        while len(flying) < self.ahead and not self._draining:
            task = source()
            if task is None:
                return
            flying.add(self.executor.submit(perform, self._pickled, self.job.plugins, task))


def perform(pickled: bytes, plugins: tuple[str, ...], task: Any) -> Any:
    """Compute one run in whatever process this is."""
    return _job(pickled, plugins).perform(task, lambda: None)


@lru_cache(maxsize=1)
def _job(pickled: bytes, plugins: tuple[str, ...]) -> Job[Any]:
    from experiments.catalogue import load_components

    load_components(plugins)
    job: Job[Any] = pickle.loads(pickled)
    return job


def _result(future: "Future[Any]") -> Any:
    try:
        return future.result()
    except Broken as error:
        raise SpilloverError(
            f"the executor broke ({error}); finished runs are kept, and the same call goes on with the rest"
        ) from error
