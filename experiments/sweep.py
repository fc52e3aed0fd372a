"""Sweeps: all runs of a plan into one folder, over processes, a cluster, or any executor."""

import errno
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from experiments.build import build
from experiments.config import Config
from experiments.design import Plan, plan
from experiments.engines.limits import Limits
from experiments.run import SEEDS, run_once, undisturbed
from experiments.store.identity import model_digest
from experiments.store.layout import COMPLETE, INTERRUPTED
from experiments.store.manifest import Request, describe, now
from experiments.store.reading import read_manifest
from experiments.store.writing import replace_manifest
from experiments.sweeping.claiming import Reuse as Reuse
from experiments.sweeping.claiming import claim, locked, usable
from experiments.sweeping.coordinator import Coordinator
from experiments.sweeping.job import Compute, Done, SweepJob
from sim.errors import ConfigError
from sim.phases import tick_table


@dataclass(frozen=True)
class Standing:
    """How far a sweep is.

    finished, total: runs, those of earlier invocations included; with [sweep.stop] the total grows. computed: by this
    invocation. failed: of these. ticks: done by all workers.
    """

    finished: int
    total: int
    computed: int
    failed: int
    ticks: int


Progress = Callable[[Standing], None]

STORAGE = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.EFBIG}
"""System errors that are about the disk. Errors of SQLite have no number."""


class Engine(Protocol):
    """Where runs are computed."""

    def run(self, source: Callable[[], Any]) -> Iterator[Done]:
        """Finished runs in the order in which they are ready; see `Pool.run`."""

    def drain(self) -> None:
        """Take no further runs; finish those that are being computed."""


MakeEngine = Callable[[SweepJob, Callable[[int], None], Limits], Engine]
"""Makes the engine of a sweep: its job, what to call with the ticks done so far, and the limits of one run."""


def sweep(
    config: Config,
    out: Path | str,
    workers: int = 1,
    *,
    executor: Executor | None = None,
    engine: MakeEngine | None = None,
    progress: Progress | None = None,
    request: Request | None = None,
    reuse: Reuse = "code",
    force: bool = False,
) -> Path:
    """Run the [sweep] of a config into a folder and return its path; called again, it goes on where it was stopped.

    What is stored depends on the config and the code alone, byte by byte, apart from the table `host`. A run that fails
    is a row with its cause and a command that repeats it.

    Parameters
    ----------
    config: a loaded config with a [sweep] section. out: a folder; made if it is missing. workers: processes.
    executor: any concurrent.futures executor, in place of our processes; time and memory limits are then its business.
    engine: another engine, such as `experiments.engines.ray.engine()`. progress, request: see `Progress`, `Request`.
    reuse: which runs of an earlier sweep in the folder are used again. force: replace what the folder holds.

    Raises ConfigError for a bad plan or folder, with nothing written, and for a full disk, with all runs kept.
    """
    return Sweep(plan(config), Path(out), request or Request(), reuse, force).run(
        engine or engine_of(workers, executor), progress or (lambda standing: None)
    )


def engine_of(workers: int, executor: Executor | None = None) -> MakeEngine:
    """Supervised processes of this machine, or an executor."""
    if executor is not None:
        from experiments.engines.executor import ExecutorEngine

        return lambda job, report, limits: ExecutorEngine(executor, replace(job, folder=None), 2 * workers)
    from experiments.engines.local import Pool

    return lambda job, report, limits: Pool(job, workers, report, limits)


@dataclass
class Sweep:
    """A sweep about to be run. compute: see `SweepJob`."""

    plan: Plan
    out: Path
    request: Request
    reuse: Reuse = "code"
    force: bool = False
    compute: Compute = run_once

    def run(self, engine: MakeEngine, progress: Progress) -> Path:
        """See `sweep`."""
        job = self.job()
        with _storage(self.out):
            usable(self.out, self.force)
            description = self._description(job)
            self.out.mkdir(parents=True, exist_ok=True)
            with locked(self.out):
                claim(self.out, job, self.reuse, self.force, description)
                return self._computed(job, engine, progress)

    def job(self) -> SweepJob:
        """What computes the runs. Raises ConfigError if the seed cannot be stored."""
        if self.plan.base.run.seed >= SEEDS:
            raise ConfigError(f"run.seed: found {self.plan.base.run.seed}; must be below 2^63")
        stop = self.plan.table.stop
        return SweepJob(
            plan=self.plan,
            digest=model_digest(self.request.plugins),
            keep=tuple(self.plan.table.keep),
            plugins=tuple(str(Path(plugin).resolve()) for plugin in self.request.plugins),
            folder=self.out.absolute(),
            watch=stop.outcome if stop else None,
            compute=self.compute,
        )

    def _description(self, job: SweepJob) -> dict[str, Any]:
        """The manifest. Raises ConfigError if the world of the first point cannot be set up."""
        config = self.plan.config(self.plan.points[0])
        names = [phase.name for phase in tick_table()]
        manifest = describe(config, build(config), self.request, job.digest, names)
        manifest["runs"]["requested"] = self.plan.size
        return manifest | {"sweep": self.plan.describe()}

    def _computed(self, job: SweepJob, engine: MakeEngine, progress: Progress) -> Path:
        coordinator = Coordinator(self.out, job, self.request)
        try:
            self._drive(coordinator, job, engine, progress)
        except (OSError, sqlite3.Error):
            coordinator.release()
            raise
        except BaseException:
            with undisturbed():
                self._close(coordinator)
            raise
        with undisturbed():
            complete = self._close(coordinator)
        if not complete:
            raise KeyboardInterrupt
        return self.out

    def _drive(self, coordinator: Coordinator, job: SweepJob, make: MakeEngine, progress: Progress) -> None:
        schedule, tally, ticks = coordinator.schedule, coordinator.tally, 0

        def report(done: int) -> None:
            nonlocal ticks
            ticks = done
            progress(Standing(schedule.finished, schedule.total, tally.computed, tally.failed, ticks))

        report(0)
        table = self.plan.table
        engine = make(job, report, Limits(seconds=table.time_limit, memory=table.memory_bytes))
        with draining(engine.drain):
            for done in engine.run(schedule.take):
                with undisturbed():
                    coordinator.record(done)
                report(ticks)

    def _close(self, coordinator: Coordinator) -> bool:
        complete = coordinator.close()
        manifest, (rows, failed) = read_manifest(self.out), coordinator.counts()
        manifest["runs"] |= {"finished": rows - failed, "failed": failed}
        if complete:
            manifest["runs"]["requested"] = rows
        manifest |= {"status": COMPLETE if complete else INTERRUPTED, "ended": now()}
        replace_manifest(self.out, manifest)
        return complete


@contextmanager
def draining(drain: Callable[[], None]) -> Iterator[None]:
    """Turn the first Ctrl-C into a call of `drain`; the second one interrupts."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: Any = signal.getsignal(signal.SIGINT)

    def first(*_: Any) -> None:
        signal.signal(signal.SIGINT, before)
        drain()

    signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _storage(path: Path) -> Iterator[None]:
    """Say in one line that the folder cannot be written; what is finished stays in it."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        number = getattr(error, "errno", None)
        if number is not None and number not in STORAGE:
            raise
        full = number in (errno.ENOSPC, errno.EDQUOT) or "full" in str(error)
        what = "the disk is full" if full else f"the folder cannot be written ({error})"
        todo = "free some space" if full else "see to it"
        raise ConfigError(f'--out "{path}": {what}; all finished runs are kept: {todo}, then run it again') from error
