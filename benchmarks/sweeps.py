"""What a sweep costs besides its runs: the local engine's overhead per run, and the size and speed of its store.

Runs are made up and take no time, so all that is measured is handing them out, journaling, sealing and reading them.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.harness import Disagreement, Figure, Report
from experiments.catalogue import load_components
from experiments.config import Config, load
from experiments.design import plan
from experiments.engines.local import Pool
from experiments.run import RunResult
from experiments.store import SweepFolder, open_folder
from experiments.store.blobs import encode, narrow
from experiments.store.hashes import Parts
from experiments.store.manifest import Request
from experiments.store.sealing import PART_RUNS, Run, Sealer
from experiments.store.verify import verify
from experiments.store.writing import replace_manifest
from experiments.sweep import Sweep, engine_of

NAME = "sweeps"
TITLE = "Sweeps: overhead per run, size and reading of the store"
RUNS, OVERHEAD_TARGET = 2000, 3.0
"""Trivial runs; milliseconds each."""
STORED, TICKS, METRICS = 10_000, 500, 40
SIZE_TARGET, MEAN_TARGET, OPEN_TARGET = 1.0, 0.5, 2.0
"""GB, s, s."""


@dataclass
class Nothing:
    """A job that answers at once."""

    plugins: tuple[str, ...] = ()

    def perform(self, task: Any, progress: Callable[[], None]) -> Any:
        return task

    def saved(self, task: Any, process: int) -> Any:
        return None

    def lost(self, task: Any, cause: str) -> Any:
        raise Disagreement(f"task {task} was lost: {cause}")


def trivial(config: Config, replication: int, progress: Callable[[int], None], digest: str) -> RunResult:
    """A run that takes no time."""
    return RunResult(
        run_key=f"{replication}", replication=replication, seed=config.run.seed, outcomes={"loss": 1.0 * replication}
    )


def overhead(runs: int, workers: int) -> tuple[float, float]:
    """Milliseconds of wall time per run: of the engine alone, and of a whole sweep with its store."""
    tasks = iter(range(runs))
    pool: Pool[int] = Pool(Nothing(), workers, lambda ticks: None)
    running = pool.run(lambda: next(tasks, None))
    seen = {next(running)}
    start = perf_counter()
    seen.update(running)
    engine = perf_counter() - start
    if seen != set(range(runs)):
        raise Disagreement(f"{runs} tasks, {len(seen)} answers")
    load_components()
    config = load("quickstart", (f"sweep.replications={runs}", "sweep.keep=[]"))
    with tempfile.TemporaryDirectory() as folder:
        begun: list[float] = []
        asked = Sweep(plan(config), Path(folder) / "out", Request(source="quickstart"), compute=trivial)
        out = asked.run(
            engine_of(workers), lambda standing: begun.append(perf_counter()) if standing.computed else None
        )
        whole = perf_counter() - begun[0]
        if len(open_folder(out).runs) != runs:
            raise Disagreement("the folder does not hold every run")
    return 1e3 * engine / runs, 1e3 * whole / runs


def store(folder: Path, runs: int) -> None:
    """Seal random walks of every metric through the real store."""
    rng = np.random.default_rng(7)
    replace_manifest(
        folder,
        {
            "format": "spillover",
            "schema": 1,
            "status": "complete",
            "name": NAME,
            "runs": {"requested": runs},
            "sweep": {"keep": ["steps"], "axes": [], "method": "grid"},
        },
    )
    sealer = Sealer(folder, Parts(), ("steps",), lambda name: False)
    for first in range(0, runs, PART_RUNS):
        sealer.seal(first // PART_RUNS, [_walks(rng, number) for number in range(first, min(first + PART_RUNS, runs))])


def _walks(rng: np.random.Generator, number: int) -> Run:
    values = 100.0 + rng.normal(size=(TICKS, METRICS)).cumsum(axis=0)
    columns = {f"metric_{column}": values[:, column] for column in range(METRICS)}
    table = narrow(pa.table({"tick": np.arange(TICKS)} | columns))
    row = {"run_key": f"{number:064d}", "config_key": f"{number:064d}", "seed": 1, "status": "ok", "duration_s": 1.0}
    row |= {"point": number, "replication": 0, "repeat": "spillover run quickstart", "loss": float(values.mean())}
    return Run(number, 0, row, encode(row, {"steps": table}))


def read(folder: Path) -> tuple[float, float, float]:
    """GB on disk, seconds to open, seconds for a mean over all runs."""
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e9
    start = perf_counter()
    found = open_folder(folder)
    rows = len(found.runs)
    opened = perf_counter() - start
    if not isinstance(found, SweepFolder) or not rows or verify(folder).damaged:
        raise Disagreement("the folder is not what was written")
    found.mean("metric_0")
    start = perf_counter()
    found.mean("metric_7")
    return size, opened, perf_counter() - start


def run(scale: float = 1.0) -> Report:
    """Overhead of trivial runs, and a store of 10,000 runs of 500 ticks and 40 metrics."""
    engine, whole = overhead(max(50, round(RUNS * scale)), 2)
    with tempfile.TemporaryDirectory() as place:
        runs = max(20, round(STORED * scale))
        store(Path(place), runs)
        size, opened, mean = read(Path(place))
    figures = [
        Figure("engine alone, per run", engine, "ms", OVERHEAD_TARGET, at_most=True),
        Figure("whole sweep, per run", whole, "ms", OVERHEAD_TARGET, at_most=True, detail="journal and parts included"),
        Figure(f"store of {runs:,} runs", size, "GB", SIZE_TARGET, at_most=True),
        Figure("open it and read all rows", opened, "s", OPEN_TARGET, at_most=True),
        Figure("mean of a metric over all runs", mean, "s", MEAN_TARGET, at_most=True, detail="by tick"),
    ]
    return Report(NAME, TITLE, figures, "every run once, every part as it was written")
