"""How far a run is: a bar on a terminal, a line now and then elsewhere. Both write to stderr."""

import sys
from time import monotonic
from types import TracebackType
from typing import Self

import typer

from experiments.wording import count, duration

EVERY = 30.0
"""Seconds between lines."""
REFRESH = 0.1
"""Seconds between looks at the clock of a bar."""


def reporter(name: str, ticks: int, runs: int) -> "Lines":
    """The reporter that fits stderr. name: of the run. ticks: of one replication. runs: replications."""
    return (Bar if sys.stderr.isatty() else Lines)(name, ticks, runs)


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
