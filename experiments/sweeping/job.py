"""One run of a sweep, as every process that computes runs knows how to make it."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiments.config import Config
from experiments.design import Plan
from experiments.run import RunResult, run_once, said
from experiments.store.blobs import encode, narrow, row_of
from experiments.store.identity import run_key
from experiments.store.journal import Journal, look_up, of_process, own
from experiments.store.layout import BATCHED
from experiments.sweeping.schedule import RunId
from sim.errors import ConfigError

IDENTITY = ("run_key", "replication")
"""Columns of a run's tables that sealing writes anew."""
Compute = Callable[[Config, int, Callable[[int], None], str], RunResult]
"""How a run is made: config, replication, progress by tick, digest of the model."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """What the coordinator hears of a finished run.

    value: the watched outcome; NaN if there is none. process: whose journal holds the run. blob: the run itself, if it
    is in no journal yet.
    """

    run: RunId
    ok: bool
    seconds: float
    value: float = float("nan")
    error: str | None = None
    process: int | None = None
    blob: bytes | None = None


@dataclass
class SweepJob:
    """Makes the runs of a plan.

    folder: the output folder, for processes that keep a journal there; None for those that send the run back instead.
    keep: tables to keep. watch: outcome that decides on further replications. compute: see `Compute`; its worth is in
    tests and measurements.
    """

    plan: Plan
    digest: str
    keep: tuple[str, ...]
    plugins: tuple[str, ...] = ()
    folder: Path | None = None
    watch: str | None = None
    compute: Compute = run_once
    _config: tuple[int, Config] | None = field(default=None, repr=False)
    _journal: Journal | None = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_config": None, "_journal": None}

    def perform(self, task: RunId, progress: Callable[[], None]) -> Done:
        """Compute a run and put it away, in this process's journal or into what is returned."""
        result, key = self._result(task, progress)
        try:
            blob = self.packed(result, key)
        except (TypeError, ValueError, OverflowError) as error:
            blob = self.packed(self._failed(task, f"it cannot be stored: {said(error)}"), key)
        if self.folder is None:
            return self.done(task, blob)
        if self._journal is None:
            self._journal = Journal(own(self.folder))
        self._journal.put(*task, blob)
        return self.done(task, blob, self._journal.process)

    def saved(self, task: RunId, process: int) -> Done | None:
        """What a dead process left in its journal."""
        if self.folder is None:
            return None
        blob = look_up(of_process(self.folder, process), *task)
        return None if blob is None else self.done(task, blob, process)

    def lost(self, task: RunId, cause: str) -> Done:
        """A run whose process died twice."""
        result = self._failed(task, f"ProcessDied: {cause}")
        return self.done(task, self.packed(result, self._keys(task)[1]))

    def done(self, task: RunId, blob: bytes, process: int | None = None) -> Done:
        """What there is to say of a packed run. process: whose journal holds it."""
        row = row_of(blob)
        value = row.get(self.watch) if self.watch and row["status"] == "ok" else None
        return Done(
            run=task,
            ok=row["status"] == "ok",
            seconds=row["duration_s"],
            value=float("nan") if value is None else float(value),
            error=row["error"],
            process=process,
            blob=blob if process is None else None,
        )

    def config(self, index: int) -> Config:
        """The config of a point; the last one asked for is kept. Raises ConfigError if the point is not valid."""
        held = self._config
        if held is None or held[0] != index:
            held = self._config = (index, self.plan.config(self.plan.points[index]))
        return held[1]  # Another thread may have taken up another point meanwhile.

    def packed(self, result: RunResult, config_key: str) -> bytes:
        """A run as a blob, with the tables to keep."""
        tables = {name: table.drop_columns(IDENTITY) for name, table in result.tables.items() if name in self.keep}
        if BATCHED in tables:
            tables[BATCHED] = narrow(tables[BATCHED])
        numbers = {name: float(value) for name, value in result.outcomes.items()}
        return encode(result.row({}) | numbers | {"config_key": config_key}, tables)

    def _result(self, task: RunId, progress: Callable[[], None]) -> tuple[RunResult, str]:
        index, replication = task
        try:
            config = self.config(index)
        except ConfigError as error:
            return self._failed(task, said(error)), self._keys(task)[1]
        result = self.compute(config, replication, lambda tick: progress(), self.digest)
        return result, run_key(config, replication, "")

    def _failed(self, task: RunId, error: str) -> RunResult:
        try:
            seed = self.config(task[0]).run.seed
        except ConfigError:
            seed = self.plan.base.run.seed
        return RunResult(run_key=self._keys(task)[0], replication=task[1], seed=seed, status="failed", error=error)

    def _keys(self, task: RunId) -> tuple[str, str]:
        """Key of the run with and without the model; of a point without a valid config, of its settings."""
        index, replication = task
        try:
            config = self.config(index)
            return run_key(config, replication, self.digest), run_key(config, replication, "")
        except ConfigError:
            words = json.dumps([run_key(self.plan.base, replication, ""), *self.plan.points[index].sets])
            return tuple(hashlib.sha256(f"{words}{last}".encode()).hexdigest() for last in (self.digest, ""))  # type: ignore[return-value]
