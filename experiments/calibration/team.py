"""Processes that stay for a whole calibration: its batches are small, and a process takes seconds to be ready."""

import multiprocessing
import pickle
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from experiments.catalogue import load_components
from sim.errors import SpilloverError

_held: dict[str, Any] = {}
"""The job of this worker process."""


class Team:
    """Workers that hold the same job, an object with plugins and perform(task)."""

    def __init__(self, job: Any, workers: int) -> None:
        methods = multiprocessing.get_all_start_methods()
        context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
        arguments = (pickle.dumps(job), job.plugins)
        self._workers = ProcessPoolExecutor(workers, context, initializer=_begin, initargs=arguments)

    def run(self, tasks: Sequence[Any]) -> Iterator[Any]:
        """Results as they are ready. Raises SpilloverError if a process dies; what came before is not lost."""
        futures: list[Future[Any]] = [self._workers.submit(_perform, task) for task in tasks]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool:
            raise SpilloverError(
                "calibration: a worker process died, out of memory perhaps; finished runs are kept: run it again, "
                "with fewer --workers"
            ) from None
        finally:
            for future in futures:
                future.cancel()

    def close(self) -> None:
        """End the processes, after the runs that they are at."""
        self._workers.shutdown(cancel_futures=True)


def _begin(job: bytes, plugins: tuple[str, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    load_components(plugins)
    _held["job"] = pickle.loads(job)


def _perform(task: Any) -> Any:
    return _held["job"].perform(task)
