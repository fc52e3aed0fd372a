"""`spillover phases`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.commands import console
from experiments.commands.progress import reporter
from experiments.exits import FAILED_RUNS, OK
from sim.phases import tick_table

if TYPE_CHECKING:
    from rich.console import RenderableType


def main(target: str | None, sets: Sequence[str] | None, plugins: Sequence[str] | None, as_json: bool) -> int:
    """The tick table; with a config or a folder also the time of each phase. The exit code."""
    seconds, ticks = ({}, 0) if target is None else _times(target, sets, plugins)
    if seconds is None:
        return FAILED_RUNS
    rows = [{"number": n, "name": phase.name, "about": phase.about} for n, phase in enumerate(tick_table())]
    if seconds:
        total = sum(seconds.values()) or 1.0
        for row in rows:
            spent = seconds.get(str(row["name"]), 0.0)
            row |= {"seconds": spent, "share": spent / total, "microseconds_per_tick": 1e6 * spent / ticks}
    if as_json:
        console.emit(rows)
    else:
        console.show(_table(rows, f"One tick{f' of {target}, {ticks:,} ticks' if target else ''}"))
    return OK


def _times(
    target: str, sets: Sequence[str] | None, plugins: Sequence[str] | None
) -> tuple[dict[str, float] | None, int]:
    """(seconds by phase, ticks) of a folder's median run, or of a run made now; None if that fails."""
    from experiments.store import open_run
    from experiments.store.layout import HOST_PREFIX

    if Path(target).is_dir():
        folder = open_run(target)
        runs = folder.runs[folder.runs["status"] == "ok"]
        columns = [name for name in runs if name.startswith(HOST_PREFIX)]
        medians = {name.removeprefix(HOST_PREFIX): float(runs[name].median()) for name in columns} if len(runs) else {}
        return medians, folder.world["ticks"]
    from experiments.run import run_once

    config = console.load(target, sets, plugins)
    with reporter(config.run.name, config.run.ticks, 1) as progress:
        result = run_once(config, progress=lambda ticks: progress(ticks, 0))
    if result.status != "ok":
        console.complain(f"the run failed: {result.error}")
        return None, config.run.ticks
    return result.phase_s, config.run.ticks


def _table(rows: list[dict[str, Any]], title: str) -> "RenderableType":
    timed = "seconds" in rows[0]
    columns = ["", *(["seconds", "share", "µs per tick"] if timed else []), "what happens "]
    cells = []
    for row in rows:
        times = (
            [f"{row['seconds']:.3f}", f"{row['share']:.1%}", f"{row['microseconds_per_tick']:,.1f}"] if timed else []
        )
        cells.append([f"{row['number']} {row['name']}", *times, row["about"]])
    return console.table(title, columns, cells)
