"""`spillover steward`."""

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.commands import console
from experiments.commands.progress import sweep_reporter
from experiments.commands.run import RUNS
from experiments.design import plan
from experiments.exits import FAILED_RUNS, INTERRUPTED, OK
from experiments.steward import Report, propose
from experiments.steward.page import cells, form_of, write
from experiments.steward.proposal import OPENING
from experiments.store import SweepFolder, open_folder
from experiments.store.manifest import Request
from experiments.sweep import Reuse, Sweep, engine_of
from experiments.sweeping.claiming import free_folder
from experiments.wording import count, percent
from sim.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import RenderableType


def main(
    config: str,
    change: str,
    changes: int,
    runs: int,
    volatility: Sequence[float] | None,
    frontier: int,
    level: float,
    workers: int | None,
    out: Path | None,
    sets: Sequence[str] | None,
    plugins: Sequence[str] | None,
    reuse: Reuse,
    force: bool,
    as_json: bool,
) -> int:
    """Judge a proposed parameter, write steward.html and steward.json, and print the measures."""
    if not 0.0 < level < 1.0:
        raise ConfigError(f"--level: found {level:g}; must lie between 0 and 1, such as 0.95")
    loaded = console.load(config, sets, plugins)
    study = propose(loaded, change, changes, runs, volatility or (1.0,), frontier)
    command = ("spillover", *sys.argv[1:])
    known = (*(sets or ()), OPENING)
    request = Request(source=config, sets=known, plugins=tuple(plugins or ()), command=command)
    asked = Sweep(plan(study.config), out or Path(), request, reuse, force)
    path = out or free_folder(RUNS / f"steward-{Path(config).stem}", asked.job(), reuse)
    workers = workers or os.cpu_count() or 1
    try:
        with sweep_reporter(loaded.run.name, loaded.run.ticks, workers) as progress:
            replace(asked, out=path).run(engine_of(workers), progress)
    except KeyboardInterrupt:
        console.complain(f"Interrupted. {path}: finished runs are kept; the same command goes on from there.")
        return INTERRUPTED
    folder = open_folder(path)
    assert isinstance(folder, SweepFolder)
    report, written = write(study, folder, level)
    if as_json:
        console.emit(report.model_dump(mode="json"))
    else:
        console.show(_table(report), "", *map(str, written))
    if report.runs.failed:
        ask = f"""spillover query {path} "select error, repeat from runs where status = 'failed'\""""
        console.complain(f"{count(report.runs.failed, 'run')} failed and left out; see {ask}")
    return FAILED_RUNS if report.runs.failed else OK


def _table(report: Report) -> "RenderableType":
    rows = []
    for measure in report.measures:
        form = form_of(measure)
        columns = [cells(measure.now, form), cells(measure.proposed, form), cells(measure.difference, form, sign=True)]
        rows.append([measure.label, columns[0][0], columns[1][0], columns[2][0], columns[2][1]])
    title = f"{report.market}: {report.change.title}, {percent(report.level, 0)} interval of the difference"
    return console.table(title, ["", "now", "proposed", "difference", "interval"], rows)
