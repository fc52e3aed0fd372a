"""How far a run is: a bar on a terminal, a line now and then elsewhere. Both write to stderr."""

import sys
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import typer

from experiments.wording import count, duration

if TYPE_CHECKING:
    from experiments.sweep import Standing

EVERY = 30.0
"""Seconds between lines."""
REFRESH = 0.1
"""Seconds between looks at the clock of a bar."""


def reporter(name: str, ticks: int, runs: int) -> "Lines":
    """The reporter that fits stderr. name: of the run. ticks: of one replication. runs: replications."""
    return (Bar if sys.stderr.isatty() else Lines)(name, ticks, runs)


def sweep_reporter(name: str, ticks: int, workers: int) -> "SweepLines":
    """The reporter of a sweep that fits stderr. ticks: of one run. workers: processes at most."""
    return (SweepBar if sys.stderr.isatty() else SweepLines)(name, ticks, workers)


class Lines:
    """A line at the start, every 30 seconds, and at the end. An instance is what `run` takes as its progress."""

    def __init__(self, name: str, ticks: int, runs: int) -> None:
        self.name, self.ticks, self.runs = name, ticks, runs
        self.total, self.done = ticks * runs, 0
        self.began = self.running = self.last = monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.stage(f"done in {duration(monotonic() - self.began)}")

    def stage(self, text: str) -> None:
        """Say what happens now."""
        typer.echo(f"{self.name}: {text}", err=True)

    def __call__(self, ticks: int, runs: int) -> None:
        """Ticks done, of all replications together; replications done."""
        if not self.done:
            self.running = self.last = monotonic()
            self.stage(f"running {count(self.runs, 'replication')} of {count(self.ticks, 'tick')}")
        self.done = max(ticks, 1)
        if monotonic() - self.last >= EVERY:
            self.last = monotonic()
            self.stage(self._far(ticks, runs))

    def _far(self, ticks: int, runs: int) -> str:
        left = (monotonic() - self.running) / self.done * (self.total - ticks)
        share = 100 * ticks // self.total
        return f"{share}%, {runs:,} of {count(self.runs, 'replication')} done, about {duration(round(left))} left"


class Bar(Lines):
    """A bar with replications and the time left, gone when the run ends."""

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self.task = self.bar.add_task(self.name, total=self.total, note="setting up")
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def stage(self, text: str) -> None:
        """Say what happens now, beside the bar."""
        self.bar.update(self.task, note=text)

    def __call__(self, ticks: int, runs: int) -> None:
        """Ticks done, of all replications together; replications done."""
        if monotonic() - self.last >= REFRESH or ticks == self.total:
            self.last = monotonic()
            note = f"replication {min(runs + 1, self.runs)} of {self.runs}" if self.runs > 1 else ""
            self.bar.update(self.task, completed=ticks, note=note)


class SweepLines:
    """A line at the start, every 30 seconds, and at the end. An instance is what `sweep` takes as its progress.

    The time left is what this invocation needs at its own pace so far; runs of earlier invocations do not count as
    fast ones.
    """

    def __init__(self, name: str, ticks: int, workers: int) -> None:
        self.name, self.ticks, self.workers = name, ticks, workers
        self.began = self.last = monotonic()
        self.first: Standing | None = None
        self.standing: Standing | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self.standing:
            typer.echo(f"{self.name}: done in {duration(round(monotonic() - self.began, 1))}", err=True)

    def __call__(self, standing: "Standing") -> None:
        """How far the sweep is."""
        if self.first is None:
            self.first, self.began = standing, monotonic()
            self.start(standing)
        self.standing = standing
        if monotonic() - self.last >= self.every:
            self.last = monotonic()
            self.show(standing)

    every = EVERY

    def start(self, standing: "Standing") -> None:
        """Say what is about to happen."""
        kept = f", {standing.finished:,} of them kept from before" if standing.finished else ""
        typer.echo(f"{self.name}: {count(standing.total, 'run')} with {count(self.workers, 'worker')}{kept}", err=True)

    def show(self, standing: "Standing") -> None:
        """Say how far it is."""
        typer.echo(f"{self.name}: {self.far(standing)}", err=True)

    def far(self, standing: "Standing") -> str:
        """Share, runs, failures and time left in words."""
        share = 100 * standing.finished // max(standing.total, 1)
        failed = f", {standing.failed:,} failed" if standing.failed else ""
        return f"{share}%, {standing.finished:,} of {count(standing.total, 'run')} done{failed}{self.left(standing)}"

    def left(self, standing: "Standing") -> str:
        """The time left at the pace so far, partly done runs included."""
        done = max(standing.computed, standing.ticks / self.ticks if self.ticks else 0.0)
        if done <= 0:
            return ""
        missing = max(0.0, standing.total - standing.finished - (done - standing.computed))
        return f", about {duration(max(1, round((monotonic() - self.began) / done * missing)))} left"


class SweepBar(SweepLines):
    """A bar of runs with the time left, gone when the sweep ends."""

    every = REFRESH

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns: Any = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"))
        self.bar = Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True)
        self.task = self.bar.add_task(self.name, total=None, note="setting up")
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def start(self, standing: "Standing") -> None:
        """Nothing: the bar says it."""

    def show(self, standing: "Standing") -> None:
        """Move the bar."""
        self.bar.update(self.task, total=standing.total, completed=standing.finished, note=self.far(standing))
