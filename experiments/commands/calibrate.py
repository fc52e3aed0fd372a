"""`spillover calibrate`."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from experiments.commands import console
from experiments.commands.run import RUNS
from experiments.exits import INTERRUPTED, OK
from experiments.wording import count, percent

if TYPE_CHECKING:
    from rich.console import RenderableType

    from experiments.calibration import Fit

RESULT = "calibration.json"
EVERY = 15.0
"""Seconds between lines about the progress."""


def main(
    config: str,
    workers: int | None,
    out: Path | None,
    sets: Sequence[str] | None,
    plugins: Sequence[str] | None,
    as_json: bool,
) -> int:
    """Fit, write calibration.json, and print estimates and moments."""
    from experiments.calibration import Task, calibrate

    loaded = console.load(config, sets, plugins)
    task = Task.of(loaded, plugins or ())
    path = out or RUNS / f"calibrate-{Path(config).stem}"
    try:
        fit = calibrate(task, path, workers or os.cpu_count() or 1, Progress(loaded.run.name))
    except KeyboardInterrupt:
        console.complain(f"Interrupted. {path}: finished runs are kept; the same command goes on from there.")
        return INTERRUPTED
    data = console.jsonable({"market": loaded.run.name, "digest": task.digest} | fit.as_data())
    (path / RESULT).write_text(json.dumps(data, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    if as_json:
        console.emit(data)
    else:
        console.show(*_tables(fit), str(path / RESULT))
    return OK


class Progress:
    """A line on stderr now and then: runs done of those asked for at the moment."""

    def __init__(self, name: str) -> None:
        self.name, self.last, self.total = name, monotonic(), 0

    def __call__(self, done: int, asked: int) -> None:
        self.total += 1
        if monotonic() - self.last >= EVERY:
            self.last = monotonic()
            console.complain(f"{self.name}: {done:,} of {asked:,} runs of this step, {count(self.total, 'run')} so far")


def _tables(fit: "Fit") -> "list[RenderableType]":
    level = percent(fit.level, 0)
    rows = [
        [p.path, f"{p.value:.5g}", f"{p.low:.5g}", f"{p.high:.5g}", "at the bound" if p.at_bound else ""]
        for p in fit.parameters
    ]
    compared = [
        [m.name, f"{m.recorded:.5g}", f"{m.fitted:.5g}", f"{m.others:.5g}", f"{m.z:+.2f}", _kept(m.held_out)]
        for m in fit.moments
    ]
    chance = "" if fit.p is None else f", which a right model exceeds with probability {fit.p:.2g}"
    return [
        console.table(f"Estimates from {count(fit.runs, 'run')}", ["", "estimate", f"{level} low", "high", " "], rows),
        "",
        console.table("Moments", ["", "recorded", "fitted", "other seeds", "z", " "], compared),
        "",
        f"distance {fit.distance:.3g} on the runs of the fit, {fit.distance_others:.3g} on other seeds; "
        f"{count(fit.freedom, 'degree')} of freedom{chance}",
    ]


def _kept(held_out: bool) -> str:
    return "held out" if held_out else "fitted"
