"""What is fitted, and runs at given values of it: made once, kept in a file, so that a calibration can be resumed."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from experiments.calibration.moments import Target, measure, targets
from experiments.calibration.team import Team
from experiments.config import Config
from experiments.config.calibrate_section import CalibrateTable, FreeParameter
from experiments.run import run_once
from experiments.store.identity import model_digest, run_key
from sim.errors import ConfigError, SpilloverError

Floats = NDArray[np.float64]
RUNS = "evaluations.sqlite"
"""File of the runs that are finished."""
Ask = tuple[tuple[float, ...], int]
"""Values of the parameters, and a replication."""
Heard = Callable[[int, int], None]
"""Called with runs done and runs asked for, of the evaluation that is being made."""


@dataclass
class Task:
    """Runs at given values of the parameters, as every process makes them.

    config: the base. table: its [calibrate]. wanted: numbers to take. digest: of the model. plugins: files.
    """

    config: Config
    table: CalibrateTable
    wanted: tuple[Target, ...]
    digest: str
    plugins: tuple[str, ...] = ()
    _last: tuple[tuple[float, ...], Config] | None = field(default=None, repr=False)

    @classmethod
    def of(cls, config: Config, plugins: Sequence[str] = ()) -> "Task":
        """The task of a config with [calibrate]; ConfigError if it has none or one of its settings does not exist."""
        if config.calibrate is None:
            what = f'config "{config.run.name}" has no [calibrate] section'
            raise ConfigError(f"{what}; docs/calibration.md has one to copy")
        files = tuple(str(Path(plugin).resolve()) for plugin in plugins)
        task = cls(config, config.calibrate, targets(config.calibrate), model_digest(files), files)
        for end in ("low", "high"):
            try:
                task.at(tuple(float(getattr(parameter, end)) for parameter in task.parameters))
            except ConfigError as error:
                raise ConfigError(f"calibrate.parameters, all at their {end}: {error}") from None
        return task

    @property
    def parameters(self) -> list[FreeParameter]:
        """What is fitted."""
        return self.table.parameters

    def at(self, values: tuple[float, ...]) -> Config:
        """The config at given values. Raises ConfigProblems if it is not valid there."""
        if self._last is None or self._last[0] != values:
            sets = [f"{parameter.path}={value!r}" for parameter, value in zip(self.parameters, values, strict=True)]
            self._last = (values, self.config.with_sets(sets))
        return self._last[1]

    def perform(self, task: Ask) -> tuple[Ask, list[float], str]:
        """The numbers of one run; NaN and the cause if it failed."""
        result = run_once(self.at(task[0]), task[1], digest=self.digest)
        if result.status != "ok":
            return task, [float("nan")] * len(self.wanted), result.error or "failed"
        return task, measure(result, self.wanted, self.config.run.dt).tolist(), ""

    def key(self, task: Ask) -> str:
        """What a finished run is kept under: the run, and what is taken of it."""
        taken = [(target.source, target.column, target.statistic, target.log, target.part) for target in self.wanted]
        return run_key(self.at(task[0]), task[1], f"{self.digest}{taken}")


class Simulator:
    """Makes runs, over processes, and keeps them in a folder."""

    def __init__(self, task: Task, folder: Path, workers: int = 1, heard: Heard | None = None) -> None:
        self.task, self.workers = task, workers
        self.heard = heard or (lambda done, asked: None)
        self.made, self.reused = 0, 0
        self._known = _open(folder)
        self._team: Team | None = None

    def moments(self, points: Sequence[tuple[float, ...]], replications: range) -> Floats:
        """(points, replications, targets) numbers; NaN of runs that failed. Raises ConfigError for unknown columns."""
        asked = [(tuple(map(float, values)), number) for values in points for number in replications]
        keys = {ask: self.task.key(ask) for ask in asked}
        found = {ask: row for ask, key in keys.items() if (row := self._look_up(key)) is not None}
        self.reused += len(found)
        missing = [ask for ask in dict.fromkeys(asked) if ask not in found]
        for number, (ask, row, error) in enumerate(self._run(missing), 1):
            found[ask] = row
            self.made += 1
            with self._known:
                text = json.dumps([None if value != value else value for value in row])
                self._known.execute("insert or replace into runs values (?, ?, ?)", (keys[ask], text, error))
            self.heard(number, len(missing))
        shape = (len(points), len(replications), len(self.task.wanted))
        return np.array([found[ask] for ask in asked], dtype=float).reshape(shape)

    def close(self) -> None:
        """Let go of the file and of the processes."""
        if self._team is not None:
            self._team.close()
        self._known.close()

    def failures(self) -> list[str]:
        """Causes of the runs that failed, each once."""
        return [row[0] for row in self._known.execute("select distinct error from runs where error != ''")]

    def _run(self, asked: list[Ask]) -> Iterable[tuple[Ask, list[float], str]]:
        if self.workers == 1 or len(asked) <= 1:
            return (self.task.perform(ask) for ask in asked)
        self._team = self._team or Team(self.task, self.workers)
        return self._team.run(asked)

    def _look_up(self, key: str) -> list[float] | None:
        row = self._known.execute("select moments from runs where key = ?", (key,)).fetchone()
        return None if row is None else [float("nan") if value is None else value for value in json.loads(row[0])]


def _open(folder: Path) -> sqlite3.Connection:
    """The file of finished runs. Raises ConfigError for a folder that holds something else."""
    if folder.is_dir() and any(folder.iterdir()) and not (folder / RUNS).is_file():
        raise ConfigError(f'--out "{folder}": the folder is not empty and holds no calibration; choose another one')
    try:
        folder.mkdir(parents=True, exist_ok=True)
        known = sqlite3.connect(folder / RUNS)
        known.execute("create table if not exists runs (key text primary key, moments text, error text)")
        known.commit()
    except (OSError, sqlite3.Error) as error:
        raise ConfigError(f'--out "{folder}": the folder cannot be written ({error}); choose another one') from error
    return known


def finished(rows: Floats, what: str, causes: Sequence[str] = (), needed: NDArray[np.bool_] | None = None) -> Floats:
    """(runs, targets) of the runs that have all numbers. Raises SpilloverError if fewer than half of them have.

    needed: (targets,) which numbers a run must have; all if not given.
    """
    good = rows[np.isfinite(rows if needed is None else rows[:, needed]).all(axis=1)]
    if 2 * len(good) < len(rows) or len(good) < 2:
        why = f": {causes[0]}" if causes else "; some moment does not exist in them, such as sizes of no liquidation"
        raise SpilloverError(f"calibration: {len(rows) - len(good)} of {len(rows)} runs at {what} are of no use{why}")
    return good
