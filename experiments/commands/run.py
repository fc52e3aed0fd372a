"""`spillover run`."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.commands import console, outcomes
from experiments.commands.progress import reporter
from experiments.exits import FAILED_RUNS, INTERRUPTED, INVARIANT, OK
from experiments.run import claim, free_folder, run
from experiments.store import Folder, open_run
from experiments.store.identity import model_digest
from experiments.store.layout import RUNNING
from experiments.store.manifest import Request
from experiments.store.reading import read_manifest
from sim.errors import ConfigError

if TYPE_CHECKING:
    from experiments.commands.progress import Lines
    from experiments.config import Config

SHOWN_FAILURES = 5
RUNS = Path("runs")
"""Folder of output folders that nobody named."""


def main(
    config: str,
    seed: int | None,
    replications: int | None,
    workers: int | None,
    out: Path | None,
    sets: Sequence[str] | None,
    plugins: Sequence[str] | None,
    as_json: bool,
    report: bool,
    force: bool,
    replication: int | None = None,
) -> int:
    """Run a config, print its outcomes and write its report; the exit code."""
    chosen = {"run.seed": seed, "run.replications": replications}
    numbers = [f"{path}={value}" for path, value in chosen.items() if value is not None]
    loaded = console.load(config, [*(sets or ()), *numbers], plugins)
    request = Request(
        source=config, sets=tuple(sets or ()), plugins=tuple(plugins or ()), command=("spillover", *sys.argv[1:])
    )
    path = out or free_folder(RUNS / Path(config).stem, loaded, request.plugins, replication)
    claim(path, loaded, model_digest(request.plugins), force, replication)
    progress = reporter(loaded.run.name, loaded.run.ticks, loaded.run.replications if replication is None else 1)
    try:
        with progress:
            run(loaded, path, workers or _workers(loaded), progress, request, force, replication)
            page = _report(path, progress) if report else None
    except KeyboardInterrupt:
        return _interrupted(path)
    folder = open_run(path)
    if as_json:
        console.emit({"folder": str(path), "report": str(page) if page else None, **outcomes.as_data(folder)})
    else:
        console.show(*outcomes.tables(folder), f"Report: {page}" if page else f"Folder: {path}")
    return _failures(folder)


def _workers(config: "Config") -> int:
    return min(config.run.replications, os.cpu_count() or 1)


def _report(path: Path, progress: "Lines") -> Path | None:
    """Write the report, unless there is no finished replication to report on."""
    if not open_run(path).replications:
        return None
    from experiments import report

    progress.stage("writing the report")
    return report.write(path)


def _interrupted(path: Path) -> int:
    try:
        manifest = read_manifest(path)
    except ConfigError:
        console.complain("Interrupted before anything was written.")
        return INTERRUPTED
    runs, status = manifest["runs"], manifest["status"]
    kept = f"{runs['finished']} of {runs['requested']} replications are finished" if status != RUNNING else "incomplete"
    console.complain(f"Interrupted. {path}: {kept}.")
    return INTERRUPTED


def _failures(folder: Folder) -> int:
    """Name failed replications on stderr; the exit code they call for."""
    failed = folder.runs[folder.runs["status"] != "ok"]
    for row in failed.head(SHOWN_FAILURES).itertuples():
        console.complain(f"replication {row.replication} failed: {row.error}")
    if len(failed) > SHOWN_FAILURES:
        console.complain(
            f"{len(failed) - SHOWN_FAILURES} more failed; see the column error of {folder.path}/runs.parquet"
        )
    if not len(failed):
        return OK
    return INVARIANT if failed["error"].str.startswith("InvariantError").any() else FAILED_RUNS
