"""`spillover sweep`."""

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.commands import console
from experiments.commands.progress import sweep_reporter
from experiments.commands.run import RUNS
from experiments.design import plan
from experiments.engines.limits import size
from experiments.exits import FAILED_RUNS, INTERRUPTED, OK, USAGE
from experiments.store import SweepFolder, open_folder
from experiments.store.manifest import Request
from experiments.sweep import MakeEngine, Sweep, engine_of
from experiments.sweeping.claiming import Reuse, free_folder
from experiments.wording import count, duration
from sim.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

    from experiments.analysis.study import Study

SHOWN_FAILURES = 10


def main(
    config: str,
    workers: int | None,
    out: Path | None,
    sets: Sequence[str] | None,
    plugins: Sequence[str] | None,
    dry_run: bool,
    reuse: Reuse,
    engine: str,
    address: str | None,
    force: bool,
    as_json: bool,
) -> int:
    """Run a sweep and print how its runs ended; the exit code."""
    if address and engine != "ray":
        raise ConfigError(f'--address "{address}": engine "{engine}" has no cluster; add --engine ray, or leave it out')
    loaded = console.load(config, sets, plugins)
    command = ("spillover", *sys.argv[1:])
    request = Request(source=config, sets=tuple(sets or ()), plugins=tuple(plugins or ()), command=command)
    asked = Sweep(plan(loaded), out or Path(), request, reuse, force)
    workers = workers or os.cpu_count() or 1
    if dry_run:
        return _dry_run(asked, workers, as_json)
    path = out or free_folder(RUNS / Path(config).stem, asked.job(), reuse)
    asked = replace(asked, out=path)
    try:
        with sweep_reporter(loaded.run.name, loaded.run.ticks, workers) as progress:
            asked.run(_engine(engine, address, workers), progress)
    except KeyboardInterrupt:
        return _interrupted(path)
    folder = open_folder(path)
    assert isinstance(folder, SweepFolder)
    drawn, wrong = _drawn(path, folder)
    failed = _failed(folder)
    if as_json:
        console.emit(_data(folder) | {"pictures": drawn})
    else:
        shows = not wrong and len(failed) < len(folder.runs)
        more = f"; `spillover analyse {path}` says what it shows" if shows else ""
        console.show(*_tables(folder), *drawn, f"Folder: {path}{more}")
    _complain(failed, path)
    if wrong:
        console.complain(f"[sweep] outcomes or event: {wrong}; correct the config and sweep again: the runs are kept")
    return USAGE if wrong else FAILED_RUNS if len(failed) else OK


def _drawn(path: Path, folder: SweepFolder) -> tuple[list[str], str]:
    """Write what the sweep says and its pictures: their paths as PNG, and what is wrong with the names in [sweep].

    Which outcomes there are is known only once a run has finished. Without finished runs nothing is drawn.
    """
    from experiments.analysis import open_study
    from experiments.analysis.findings import analyse
    from experiments.commands.analyse import write

    if not (folder.runs["status"] == "ok").any():
        return [], ""
    study = open_study(path)
    try:
        found = analyse(study)
    except ConfigError as error:
        return [], str(error)
    drawn = write(path, found) | _compared(path, study)
    return [path for paths in drawn.values() for path in paths if path.endswith(".png")], ""


def _compared(path: Path, study: "Study") -> dict[str, list[str]]:
    """The same of a comparison of rules, if the sweep is one."""
    from experiments.commands import compare as command
    from experiments.compare import compare

    try:
        found = compare(study)
    except ConfigError:
        return {}
    command.write(path, found)
    return command.draw(path, found)[0]


def _engine(name: str, address: str | None, workers: int) -> MakeEngine:
    if name == "ray":
        from experiments.engines.ray import engine

        return engine(address, workers)
    return engine_of(workers)


def _dry_run(asked: Sweep, workers: int, as_json: bool) -> int:
    from experiments.sweeping.pilot import estimate

    found = estimate(replace(asked.job(), folder=None))
    seconds = found.seconds(workers)
    if as_json:
        console.emit(vars(found) | {"seconds": seconds, "bytes": found.bytes, "workers": workers})
    else:
        most = "at most " if asked.plan.table.stop else ""
        console.show(
            f"{most}{count(found.runs, 'run')}: {count(found.points, 'point')} of method {asked.plan.method}, "
            f"{count(asked.plan.replications, 'replication')} each",
            f"about {duration(max(1, round(seconds)))} with {count(workers, 'worker')} "
            f"({found.run_seconds:.3g} s per run), about {size(found.bytes)} on disk ({size(found.run_bytes)} each); "
            f"from {count(found.pilots, 'pilot run')}",
        )
    if found.failed:
        console.complain(f"a pilot run failed: {found.failed}")
        return FAILED_RUNS
    return OK


def _failed(folder: SweepFolder) -> "pd.DataFrame":
    return folder.runs[folder.runs["status"] != "ok"]


def _tables(folder: SweepFolder) -> list[Any]:
    """How runs ended, by cause."""
    failed = _failed(folder)
    rows = [["ok", f"{len(folder.runs) - len(failed):,}"]]
    causes = failed.groupby("error", sort=False).size()
    rows += [[f"failed: {cause}", f"{runs:,}"] for cause, runs in causes.head(SHOWN_FAILURES).items()]
    if len(causes) > SHOWN_FAILURES:
        rest = causes[SHOWN_FAILURES:]
        rows.append([f"failed: {count(len(rest), 'further cause')}", f"{rest.sum():,}"])
    return [console.table(f"{folder.name}: {count(len(folder.runs), 'run')}", ["ended", "runs"], rows)]


def _data(folder: SweepFolder) -> dict[str, Any]:
    failed = _failed(folder)[["point", "replication", "error", "repeat"]]
    runs = {"ok": len(folder.runs) - len(failed), "failed": len(failed)}
    return {"folder": folder.path, "runs": runs, "failures": failed.to_dict(orient="records")}


def _complain(failed: "pd.DataFrame", path: Path) -> None:
    """Name the first failed run of each cause on stderr, with what repeats it."""
    first = failed.drop_duplicates("error").head(SHOWN_FAILURES)
    for row in first.itertuples():
        console.complain(f"point {row.point}, replication {row.replication} failed: {row.error}; repeat: {row.repeat}")
    if len(failed) > len(first):
        ask = f"""spillover query {path} "select error, repeat from runs where status = 'failed'\""""
        console.complain(f"{len(failed) - len(first):,} more failed; see {ask}")


def _interrupted(path: Path) -> int:
    folder = open_folder(path)
    runs = folder.manifest["runs"]
    done, asked = runs["finished"] + runs["failed"], runs["requested"]
    console.complain(f"Interrupted. {path}: {done:,} of {asked:,} runs are kept; the same command goes on from there.")
    return INTERRUPTED
