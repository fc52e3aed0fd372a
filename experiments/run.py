"""Runs: one replication, or all replications of a config into an output folder."""

import signal
import threading
import tomllib
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial, wraps
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from experiments.build import build
from experiments.config import Config
from experiments.engines.local import Pool
from experiments.store.identity import model_digest, run_key
from experiments.store.layout import BATCHED, HOST_PREFIX, RUNNING
from experiments.store.manifest import Request, describe
from experiments.store.tables import collect, identified
from experiments.store.writing import Writer, occupied, stage
from sim.errors import ConfigError
from sim.model import SpilloverModel
from sim.phases import Phase, tick_table
from sim.recorder import outcomes
from sim.world import World

if TYPE_CHECKING:
    import pyarrow as pa

Progress = Callable[[int, int], None]
"""Called with the ticks done, of all replications together, and the replications done."""


SEEDS = 2**63
"""Seeds are stored as 64-bit integers."""


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """One replication.

    status: "ok" or "failed". error: of a failed run, type and text of the exception, with phase and tick.
    phase_s: seconds by phase. outcomes: final metrics. tables: steps, events, flows, edges, accounts and, if they were
    kept, postings, as Arrow tables; of a failed run, none.
    """

    run_key: str
    replication: int
    seed: int
    status: str = "ok"
    duration_s: float = 0.0
    error: str | None = None
    traceback: str | None = None
    phase_s: dict[str, float] = field(default_factory=dict)
    outcomes: dict[str, float] = field(default_factory=dict)
    tables: "dict[str, pa.Table]" = field(default_factory=dict)

    def row(self, params: dict[str, Any]) -> dict[str, Any]:
        """The run's columns of runs.parquet. params: settings given on the command line, by path."""
        head = ("run_key", "replication", "seed", "status", "duration_s", "error", "traceback")
        row = {name: getattr(self, name) for name in head}
        row |= {f"param.{path}": value for path, value in params.items()}
        return row | self.outcomes | {f"{HOST_PREFIX}{name}": value for name, value in self.phase_s.items()}


def run_once(
    config: Config,
    replication: int = 0,
    progress: Callable[[int], None] | None = None,
    digest: str | None = None,
    world: World | None = None,
) -> RunResult:
    """Build and run one replication; what goes wrong in it is part of the result.

    progress: called with the number of ticks done, after each tick. digest: of the model, from `model_digest`, if it is
    known already. world: a fresh world of this replication, if it is built already.
    """
    key = run_key(config, replication, model_digest() if digest is None else digest)
    result = RunResult(run_key=key, replication=replication, seed=config.run.seed)
    start, phases = perf_counter(), tick_table()
    try:
        world = build(config, replication) if world is None else world
        health = _photograph(phases)
        SpilloverModel(world, phases).run(progress)
        found = outcomes(world)
        tables = collect(world, [phase.name for phase in phases], health)
    except Exception as error:
        done = replace(result, status="failed", error=said(error), traceback="".join(traceback.format_exception(error)))
    else:
        tables = {name: identified(table, key, replication) for name, table in tables.items()}
        done = replace(result, outcomes=found, tables=tables)
    seconds = {phase.name: phase.nanoseconds * 1e-9 for phase in phases}
    return replace(done, duration_s=perf_counter() - start, phase_s=seconds)


def said(error: BaseException) -> str:
    """Type, text and notes of an error in one line."""
    notes = getattr(error, "__notes__", [])
    return " ".join(f"{type(error).__name__}: {error}{''.join(f' ({note})' for note in notes)}".split())


def _photograph(phases: list[Phase]) -> dict[str, NDArray[np.float64]]:
    """Health factors by lending protocol, filled in when positions are marked for the first time."""
    health: dict[str, NDArray[np.float64]] = {}
    margin = next(phase for phase in phases if phase.name == "margin")
    mark = margin.run

    @wraps(mark)
    def marked(world: World) -> None:
        mark(world)
        for protocol in world.protocols if not health else ():
            if protocol.health.size:
                health[protocol.name] = np.array(protocol.health)
        margin.run = mark

    margin.run = marked
    return health


@dataclass(frozen=True)
class Job:
    """One config, as every process that computes its replications holds it."""

    config: Config
    path: Path
    digest: str
    plugins: tuple[str, ...]

    def perform(self, replication: int, progress: Callable[[], None], world: World | None = None) -> RunResult:
        """Compute one replication and stage its parts; only its row and its steps come back."""
        result = run_once(self.config, replication, lambda tick: progress(), self.digest, world)
        stage(self.path, replication, result.tables)
        return replace(result, tables={name: table for name, table in result.tables.items() if name == BATCHED})

    def saved(self, replication: int, process: int) -> RunResult | None:
        """Nothing: the parts that a dead process staged are written again."""
        return None

    def lost(self, replication: int, cause: str) -> RunResult:
        """The result of a replication whose process died twice."""
        return RunResult(
            run_key=run_key(self.config, replication, self.digest),
            replication=replication,
            seed=self.config.run.seed,
            status="failed",
            error=f"ProcessDied: {cause}, twice; out of memory? Try fewer workers",
        )


def run(
    config: Config,
    out: Path | str,
    workers: int = 1,
    progress: Progress | None = None,
    request: Request | None = None,
    force: bool = False,
    only: int | None = None,
) -> Path:
    """Run all replications of a config into a folder and return its path.

    Values do not depend on the number of workers. A replication that fails is a row with status "failed". When
    interrupted, the finished replications are written before KeyboardInterrupt is passed on.

    Parameters
    ----------
    config: a loaded config. out: a folder; made if it is missing. workers: processes; 1 runs in this one.
    progress: see `Progress`. request: what the manifest says about how the run was asked for.
    force: replace the folder even if it holds another run. only: a single replication, which may be any; all those of
    the config if not given.

    Raises ConfigError, with nothing written, if the folder holds something else or the world cannot be set up.
    """
    if config.run.seed >= SEEDS:
        raise ConfigError(f"run.seed: found {config.run.seed}; must be below 2^63")
    request, path = request or Request(), Path(out)
    digest = model_digest(request.plugins)
    replications = range(config.run.replications) if only is None else range(only, only + 1)
    claim(path, config, digest, force, only)
    world = build(config, replications[0])
    manifest = describe(config, world, request, digest, [phase.name for phase in tick_table()])
    manifest["runs"]["requested"] = len(replications)
    plugins = tuple(str(Path(plugin).resolve()) for plugin in request.plugins)
    job = Job(config, path.absolute(), digest, plugins)
    report = progress or (lambda ticks, runs: None)
    writer, finished = Writer(path, manifest | {"run_key": run_key(config, replications[0], digest)}), False
    try:
        here = workers == 1 or len(replications) == 1
        results = _here(job, replications, world, report) if here else _apart(job, replications, workers, report)
        del world
        _commit(results, writer, parameters(request.sets), replications[0])
        finished = True
    finally:
        with undisturbed():
            writer.close(finished)
    return path


def parameters(sets: Iterable[str]) -> dict[str, Any]:
    """Settings given as `path=value`, by path; lists and tables stay texts."""
    params = {}
    for item in sets:
        path, _, text = item.partition("=")
        try:
            value = tomllib.loads(f"value={text}").get("value")
        except tomllib.TOMLDecodeError:
            value = text.strip()
        params[path.strip()] = value if isinstance(value, bool | int | float | str) else text.strip()
    return params


def free_folder(wanted: Path, config: Config, plugins: tuple[str, ...] = (), only: int | None = None) -> Path:
    """The first of NAME, NAME-2, NAME-3, ... that is free or holds the same run. Raises ConfigError if none can be."""
    digest, path, number = model_digest(plugins), wanted, 1
    while True:
        try:
            claim(path, config, digest, only=only)
            return path
        except ConfigError:
            if not path.is_dir():
                raise
        number += 1
        path = wanted.with_name(f"{wanted.name}-{number}")


def claim(path: Path, config: Config, digest: str, force: bool = False, only: int | None = None) -> None:
    """Refuse, with ConfigError, a folder that holds another run or something else; the same run may be done again."""
    manifest = occupied(path)
    if manifest is None or force:
        return
    same = manifest.get("run_key") == run_key(config, only or 0, digest)
    if manifest.get("status") == RUNNING:
        raise ConfigError(f'--out "{path}": its run is still going on, or was killed; replace it with --force')
    if not same or manifest["runs"]["requested"] > (config.run.replications if only is None else 1):
        raise ConfigError(
            f'--out "{path}" holds the results of another config, seed or version of the model; '
            "choose another folder, or replace it with --force"
        )


def _here(job: Job, replications: range, first: World | None, report: Progress) -> Iterator[RunResult]:
    """Replications one after the other in this process."""
    done, length = 0, job.config.run.ticks

    def tick() -> None:
        nonlocal done
        done += 1
        report(done, runs)

    for runs, number in enumerate(replications):
        yield job.perform(number, tick, first)
        first, done = None, (runs + 1) * length
        report(done, runs + 1)


def _apart(job: Job, replications: range, workers: int, report: Progress) -> Iterator[RunResult]:
    """Replications over processes, as they become ready."""
    runs = 0
    pool: Pool[RunResult] = Pool(job, min(workers, len(replications)), lambda ticks: report(ticks, runs))
    for result in pool.run(partial(next, iter(replications), None)):
        runs += 1
        yield result
    report(len(replications) * job.config.run.ticks, runs)


def _commit(results: Iterator[RunResult], writer: Writer, params: dict[str, Any], due: int) -> None:
    """Commit in the order of replications from `due` on; when stopped, also what is ready behind a gap."""
    held: dict[int, RunResult] = {}
    try:
        for result in results:
            held[result.replication] = result
            while due in held:
                with undisturbed():
                    result = held.pop(due)
                    writer.commit(result.row(params), result.tables.get(BATCHED))
                due += 1
    finally:
        results.close()  # type: ignore[attr-defined]
        for _, result in sorted(held.items()):
            writer.commit(result.row(params), result.tables.get(BATCHED))


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hold back Ctrl-C until the end of the block, so that a run is in the folder with all its parts or not at all."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[Any] = []
    handler = signal.signal(signal.SIGINT, lambda *call: held.append(call))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if held and callable(handler):
            handler(*held[0])
