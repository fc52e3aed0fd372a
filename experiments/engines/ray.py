"""Runs on a Ray cluster (extra `ray`): an existing one by its address, or one on this machine.

Runs come back as blobs, so the nodes need Spillover and the same source, but no common disk. A run whose worker dies is
computed once more; one that dies twice is a failed run.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any

from experiments.engines.executor import perform
from experiments.engines.limits import Limits
from experiments.engines.worker import Job
from experiments.wording import duration
from sim.errors import ConfigError

if TYPE_CHECKING:
    from experiments.sweep import MakeEngine

POLL = 0.2
"""Seconds between looks at the cluster."""


def engine(address: str | None = None, workers: int | None = None) -> "MakeEngine":
    """What `sweep` takes as its engine.

    address: of a cluster; one is started on this machine, or the one that `ray.init` joined is used, if not given.
    workers: runs at a time at most; one per core of the cluster if not given.
    """
    return lambda job, report, limits: RayEngine(replace(job, folder=None), address, workers, limits)


class RayEngine:
    """An engine over a Ray cluster. limits: its memory limit becomes what a run reserves of its node.

    Raises ConfigError if Ray is not installed or the cluster cannot be reached.
    """

    def __init__(self, job: Job[Any], address: str | None, workers: int | None, limits: Limits) -> None:
        self.job, self.limits = job, limits
        self.ray = _ray(address, workers)
        options: dict[str, Any] = {"num_cpus": 1, "max_retries": 0}
        if limits.memory is not None:
            options["memory"] = limits.memory
        self._perform = self.ray.remote(**options)(perform)
        self._ahead = workers or max(1, int(self.ray.cluster_resources().get("CPU", 1)))
        self._died: list[Any] = []
        self._held: deque[Any] = deque()
        self._draining = False

    def drain(self) -> None:
        """Take no further runs; finish those on the cluster."""
        self._draining = True

    def run(self, source: Callable[[], Any]) -> Iterator[Any]:
        """Finished runs as they become ready; closing the iterator cancels the others."""
        import pickle

        job = self.ray.put(pickle.dumps(self.job))
        flying: dict[Any, tuple[Any, float]] = {}
        try:
            self._submit(flying, job, source)
            while flying:
                ready, _ = self.ray.wait(list(flying), timeout=POLL)
                for reference in ready:
                    yield from self._answer(reference, flying.pop(reference)[0])
                yield from self._late(flying)
                self._submit(flying, job, source)
        finally:
            for reference in flying:
                self.ray.cancel(reference, force=True)

    def _submit(self, flying: dict[Any, tuple[Any, float]], job: Any, source: Callable[[], Any]) -> None:
        while len(flying) < self._ahead and not self._draining:
            task = self._held.popleft() if self._held else source()
            if task is None:
                return
            flying[self._perform.remote(job, self.job.plugins, task)] = (task, monotonic())

    def _answer(self, reference: Any, task: Any) -> Iterator[Any]:
        errors = self.ray.exceptions
        try:
            yield self.ray.get(reference)
        except errors.RayTaskError as error:
            raise error.cause from error
        except errors.RayError as error:
            yield from self._dead(task, f"{type(error).__name__} on the cluster")

    def _late(self, flying: dict[Any, tuple[Any, float]]) -> Iterator[Any]:
        """Stop what is over its time limit."""
        if self.limits.seconds is None:
            return
        for reference, (task, since) in list(flying.items()):
            if monotonic() - since > self.limits.seconds:
                del flying[reference]
                self.ray.cancel(reference, force=True)
                yield from self._dead(task, f"killed at its time limit of {duration(self.limits.seconds)}")

    def _dead(self, task: Any, cause: str) -> Iterator[Any]:
        if task in self._died:
            yield self.job.lost(task, cause)
        else:
            self._died.append(task)
            self._held.append(task)


def _ray(address: str | None, workers: int | None) -> Any:
    """Ray, connected. The caller's own connection is used if there is one."""
    try:
        import ray
        import ray.exceptions
    except ImportError:
        raise ConfigError('--engine ray needs Ray: `pip install "spillover[ray]"`') from None
    if not ray.is_initialized():
        options: dict[str, Any] = {"address": address} if address else {"num_cpus": workers, "include_dashboard": False}
        try:
            ray.init(log_to_driver=False, logging_level=logging.ERROR, **options)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ConfigError(f"no Ray cluster at {address or 'this machine'}: {error}") from None
    return ray
