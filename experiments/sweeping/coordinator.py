"""The one process that owns the folder of a sweep: it hands out runs, hears of finished ones and seals them."""

import shlex
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.design import Plan
from experiments.store import sealing
from experiments.store.blobs import row_of
from experiments.store.hashes import Parts, file_hash, read_parts, write_parts
from experiments.store.journal import JOURNALS, Journal, damaged, of_process, own, remove
from experiments.store.layout import SWEEP_RUNS, sweep_part
from experiments.store.manifest import Request
from experiments.store.sealing import PARAM, Run, Sealer
from experiments.sweeping.job import Done, SweepJob
from experiments.sweeping.schedule import RunId, Schedule
from sim.errors import ConfigError, suggestion

OPEN = 32
"""Journals that are held open; every worker that ever died has left one."""


@dataclass
class Tally:
    """How a sweep stands. computed: runs made by this invocation. seconds: they took together, in their processes."""

    computed: int = 0
    failed: int = 0
    seconds: float = 0.0


class Coordinator:
    """Takes over what earlier invocations left in the folder, then is fed with finished runs.

    Parameters
    ----------
    folder: of the sweep; its manifest is written already. job: makes the runs. request: how the sweep was asked for.
    """

    def __init__(self, folder: Path, job: SweepJob, request: Request) -> None:
        self.folder, self.job, self.plan, self.request = folder, job, job.plan, request
        self.schedule = schedule_of(job.plan)
        self.tally = Tally()
        self._places: dict[RunId, int] = {}
        self._journals: dict[int, Journal] = {}
        self._batch: list[RunId] = []
        self._mixed = {axis["name"] for axis in job.plan.describe()["axes"] if _fractional(axis.get("values", ()))}
        self._own: Journal | None = None
        parts = _settled(folder)
        self._sealer = Sealer(folder, parts, job.keep, _texts(job.plan))
        self._adopt_parts(parts)
        self._adopt_journals()
        self._seal_due()

    def record(self, done: Done) -> None:
        """Note a finished run. Raises OSError if what is due cannot be sealed; the run is not lost then.

        Raises ConfigError if the run is well and has no outcome of the name that [sweep.stop] watches.
        """
        process = done.process
        if done.blob is not None:
            self._own = self._own or Journal(own(self.folder))
            self._own.put(*done.run, done.blob)
            process = self._own.process
        assert process is not None
        self._places[done.run] = process
        self.schedule.finish(done.run, done.value)
        self.tally.computed += 1
        self.tally.failed += not done.ok
        self.tally.seconds += done.seconds
        if done.ok and self.job.watch:
            self._watched(done.run)
        self._seal_due()

    def close(self) -> bool:
        """Seal what is left; whether the sweep is complete. Of an incomplete one, the runs stay in the journals too."""
        complete = self.schedule.complete
        left = [*self._batch, *([] if complete else self.schedule.waiting())]
        if left:
            self._seal(left, partial=not complete)
        self.release()
        if complete:
            shutil.rmtree(self.folder / JOURNALS, ignore_errors=True)
        return complete

    def counts(self) -> tuple[int, int]:
        """Runs in the parts that are there, and how many of them failed."""
        import pyarrow.parquet as pq

        places = (self.folder / SWEEP_RUNS).glob("part-*.parquet")
        status = [text for place in places for text in pq.read_table(place, columns=["status"])["status"].to_pylist()]
        return len(status), sum(text != "ok" for text in status)

    def release(self) -> None:
        """Close all journals."""
        for journal in [*self._journals.values(), *([self._own] if self._own else [])]:
            journal.close()
        self._journals, self._own = {}, None

    def _adopt_parts(self, parts: Parts) -> None:
        """Take over whole parts; partial ones are written anew from the journals."""
        import pyarrow.parquet as pq

        whole = 0
        while whole in parts.sealed and not parts.sealed[whole].partial:
            place = self.folder / sweep_part(SWEEP_RUNS, whole)
            try:
                rows = pq.read_table(place)
            except (OSError, ValueError) as error:
                raise ConfigError(
                    f'"{place}" is damaged ({error}); see `spillover verify {self.folder}`, or begin anew with --force'
                ) from None
            for run, value in _outcomes(rows, self.job.watch):
                self.schedule.finish(run, value)
            whole += 1
        self._whole = whole
        for _ in self.schedule.due():
            pass

    def _adopt_journals(self) -> None:
        for path in sorted((self.folder / JOURNALS).glob("*.sqlite")):
            try:
                with closing(Journal(path)) as journal:
                    runs = journal.runs()
            except (OSError, sqlite3.Error) as error:
                if not damaged(error):
                    raise
                remove(path)  # Its runs are made again.
                continue
            for run in runs:
                self._places[run] = journal.process
                self.schedule.finish(run, self._value(run))

    def _value(self, run: RunId) -> float:
        return self.job.done(run, self._blob(run)).value if self.job.watch else float("nan")

    def _watched(self, run: RunId) -> None:
        watch, row = str(self.job.watch), row_of(self._blob(run))
        if watch not in row:
            known = [name for name, value in row.items() if isinstance(value, float)]
            raise ConfigError(
                f'sweep.stop.outcome: found "{watch}", which no run has{suggestion(watch, known)}; '
                "`spillover run` with --json shows the outcomes of one run"
            )

    def _seal_due(self) -> None:
        for run in self.schedule.due():
            self._batch.append(run)
            if len(self._batch) == sealing.PART_RUNS:
                self._seal(self._batch, partial=False)
                self._batch = []

    def _seal(self, runs: Sequence[RunId], partial: bool) -> None:
        self._sealer.seal(self._whole, [self._run(run) for run in runs], partial)
        if partial:
            return
        self._whole += 1
        by_process: dict[int, list[RunId]] = {}
        for run in runs:
            by_process.setdefault(self._places.pop(run), []).append(run)
        for process, gone in by_process.items():
            self._journal(process).forget(gone)

    def _run(self, run: RunId) -> Run:
        blob = self._blob(run)
        row = row_of(blob)
        point = self.plan.points[run[0]]
        row |= {"point": run[0], "replication": run[1], "repeat": repeat(self.request, point.sets, row["seed"], run[1])}
        mixed = self._mixed
        row |= {f"{PARAM}{name}": float(v) if name in mixed else v for name, v in point.params.items()}
        return Run(*run, row, blob)

    def _blob(self, run: RunId) -> bytes:
        blob = self._journal(self._places[run]).get(*run)
        assert blob is not None, f"run {run} is not in its journal"
        return blob

    def _journal(self, process: int) -> Journal:
        if self._own is not None and process == self._own.process:
            return self._own
        journal = self._journals.pop(process, None) or Journal(of_process(self.folder, process))
        self._journals[process] = journal
        if len(self._journals) > OPEN:
            self._journals.pop(next(iter(self._journals))).close()
        return journal


def schedule_of(plan: Plan) -> Schedule:
    """The schedule of a plan."""
    stop = plan.table.stop
    return Schedule(len(plan.points), plan.replications, stop.least if stop else None, plan.enough if stop else None)


def repeat(request: Request, sets: Sequence[str], seed: int, replication: int) -> str:
    """The command that makes one run of a sweep again. sets: of its point."""
    words = ["spillover", "run", request.source]
    for item in [*(item for item in request.sets if not item.lstrip().startswith("sweep.")), *sets]:
        words += ["--set", item]
    for plugin in request.plugins:
        words += ["--plugin", plugin]
    return shlex.join([*words, "--seed", str(seed), "--replication", str(replication)])


def _settled(folder: Path) -> Parts:
    """The list of parts, with a part that was being replaced when its writer died either in or out of it."""
    try:
        parts = read_parts(folder)
    except ValueError as error:
        raise ConfigError(f'"{folder}": parts.json is damaged ({error}); begin anew with --force') from None
    if parts.pending is not None:
        number, part = parts.pending
        there = all((folder / name).is_file() and file_hash(folder / name) == has for name, has in part.files.items())
        if there:
            parts.sealed[number] = part
        parts.pending = None
        write_parts(folder, parts)
    return parts


def _outcomes(rows: Any, watch: str | None) -> list[tuple[RunId, float]]:
    count = rows.num_rows
    values = rows[watch].to_pylist() if watch in rows.column_names else [float("nan")] * count
    runs = zip(rows["point"].to_pylist(), rows["replication"].to_pylist(), strict=True)
    return list(zip(runs, values, strict=True))


def _texts(plan: Plan) -> Any:
    """Which axes have values that are texts in at least one point."""
    texts = {axis["name"] for axis in plan.describe()["axes"] if not _alike(axis.get("values", ()))}
    return texts.__contains__


def _fractional(values: Sequence[Any]) -> bool:
    """Whether values are numbers of which some are no integers, so that all are stored as floats."""
    return not any(isinstance(value, bool | str) for value in values) and any(isinstance(v, float) for v in values)


def _alike(values: Sequence[Any]) -> bool:
    """Whether values are all numbers, or all true and false."""
    if all(isinstance(value, bool) for value in values):
        return True
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
