"""Killed, hanging and greedy runs; killed workers, coordinators and writers: nothing is lost, nothing made twice."""

import os
import random
import shlex
import signal
import subprocess
import sys
from contextlib import suppress

import pyarrow.parquet as pq
import pytest

from experiments.engines.limits import resident, size
from experiments.engines.local import Pool
from experiments.store import open_folder
from experiments.store.blobs import encode
from experiments.store.hashes import read_parts
from experiments.store.sealing import Run, Sealer
from experiments.store.verify import verify

SCRIPT = """\
import sys
from pathlib import Path
from experiments import sweep
from experiments.catalogue import load_components
from experiments.config import load
from experiments.design import plan
from experiments.store import sealing
from experiments.store.manifest import Request
from experiments.sweep import Sweep, engine_of

if __name__ == "__main__":
    here = Path(sys.argv[1])
    load_components((str(here / "maker.py"),))
    sealing.PART_RUNS = 5
    (here / "coordinator").write_text(str(__import__("os").getpid()))
    request = Request(source=str(here / "swept.toml"), plugins=(str(here / "maker.py"),))
    made = sys.modules["spillover_plugin_maker"].made
    sweep.model_digest = lambda plugins: "digest"
    Sweep(plan(load(here / "swept.toml")), here / "out", request, compute=made).run(engine_of(2), lambda standing: None)
"""
KILL_COORDINATOR = "place.unlink(); os.kill(int(open(place.with_name('coordinator')).read()), 9)"
KILL_ME = "os.kill(os.getpid(), 9)"


def killer(kills, spare=()):
    """An engine of two workers and a progress that kills one of them, never twice at the same run."""
    pools = []

    def engine(job, report, limits):
        pools.append(Pool(job, 2, report, limits))
        return pools[-1]

    def progress(standing):
        workers = pools[0]._workers if pools else []
        victims = [worker for worker in workers if worker.ready and worker.task not in pools[0]._died]
        if kills and standing.computed >= kills[0] and victims:
            with suppress(ProcessLookupError):  # It is dead already, and nobody has noticed yet.
                os.kill(random.Random(standing.computed).choice(victims).process.pid, signal.SIGKILL)
                kills.pop(0)

    return engine, progress


def killed_sweep(do, bytes_of, replications, count):
    whole = do("whole", workers=2, replications=replications)
    kills = sorted(random.Random(7).sample(range(1, 3 * replications - 8), count))
    engine, progress = killer(kills)
    out = do("out", replications=replications, engine=engine, progress=progress)
    assert not kills and bytes_of(out) == bytes_of(whole) and verify(out).damaged == {}
    assert open_folder(out).runs[["point", "replication"]].drop_duplicates().shape[0] == 3 * replications


def test_killed_workers_lose_and_repeat_nothing(do, bytes_of, small_parts, errands):
    killed_sweep(do, bytes_of, 20, 20)
    assert sum(errands().values()) <= 2 * 60 + 20


@pytest.mark.slow
def test_twenty_kills_in_five_hundred_runs(do, bytes_of, small_parts):
    killed_sweep(do, bytes_of, 167, 20)


def coordinator_killed(do, swept, tmp_path, bytes_of, child_environment, moments, replications):
    whole = do("whole", replications=replications)
    swept(replications=replications)
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "errands").unlink()
    for moment in moments:
        (tmp_path / f"{moment}").write_text(KILL_COORDINATOR)
    command = [sys.executable, str(tmp_path / "script.py"), str(tmp_path)]
    codes = [subprocess.run(command, env=child_environment, check=False).returncode for _ in range(len(moments) + 1)]
    assert codes == [-9] * len(moments) + [0]
    assert bytes_of(tmp_path / "out") == bytes_of(whole) and verify(tmp_path / "out").damaged == {}


def test_a_killed_coordinator_goes_on_where_it_was(
    do, swept, tmp_path, bytes_of, small_parts, child_environment, errands
):
    coordinator_killed(do, swept, tmp_path, bytes_of, child_environment, ["-0.2.3"], 8)
    assert sum(errands().values()) <= 24 + 2


@pytest.mark.slow
def test_five_killed_coordinators(do, swept, tmp_path, bytes_of, small_parts, child_environment):
    moments = ["-0.1.3", "-0.1.40", "-0.2.11", "-0.2.50", "-0.3.55"]
    coordinator_killed(do, swept, tmp_path, bytes_of, child_environment, moments, 60)


def test_bad_ends_are_rows_with_their_cause_and_a_command(do, tmp_path, maker, small_parts, bytes_of):
    (tmp_path / "-0.1.0").write_text("raise ZeroDivisionError('no depth left')")
    (tmp_path / "-0.1.2").write_text(KILL_ME)
    (tmp_path / "-0.2.1").write_text("while True: pass")
    (tmp_path / "-0.3.3").write_text("kept = [b'x' * (1 << 24) for _ in range(1000)]")
    limit = (resident(os.getpid()) + 300_000_000) // 10**6
    more = f'time_limit = "5s"\nmemory_limit = "{limit}MB"'
    out = do(workers=2, more=more)
    runs = open_folder(out).runs
    failed = runs[runs["status"] == "failed"].set_index(["point", "replication"])
    assert len(runs) == 12 and failed["loss"].isna().all() and not runs.loc[runs["status"] == "ok", "loss"].isna().any()
    assert failed["error"].to_dict() == {
        (0, 0): "ZeroDivisionError: no depth left",
        (0, 2): "ProcessDied: killed by signal 9 (SIGKILL)",
        (1, 1): "ProcessDied: killed at its time limit of 5 seconds",
        (2, 3): f"ProcessDied: killed at its memory limit of {size(limit * 1e6)}",
    }
    words = shlex.split(failed["repeat"][(1, 1)])
    assert words[:2] == ["spillover", "run"] and words[-4:] == ["--seed", "7", "--replication", "1"]
    assert "shocks.slump.size=-0.2" in words
    assert open_folder(out).manifest["runs"] == {"requested": 12, "finished": 8, "failed": 4}


def test_ctrl_c_drains_and_a_second_call_goes_on(do, small_parts, bytes_of, errands):
    whole = do("whole")

    def impatient(standing):
        if standing.computed == 3:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        do("out", workers=2, progress=impatient)
    folder = open_folder(whole.with_name("out"))
    assert folder.interrupted and 3 <= len(folder.runs) <= 5 and (folder.runs["status"] == "ok").all()
    assert len(folder.steps()) == 20 * len(folder.runs) and verify(whole.with_name("out")).damaged == {}
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    out = do("out", workers=2)
    assert bytes_of(out) == bytes_of(whole) and set(errands().values()) == {2}


# Writers --------------------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """Stands for a kill: after it, nothing of the writer runs."""


def runs_of(first, count):
    rng = np_rng(first)
    import pyarrow as pa

    made = []
    for number in range(first, first + count):
        steps = pa.table({"tick": range(10), "price": rng.normal(size=10)})
        row = {
            "run_key": f"{number}",
            "config_key": f"{number}",
            "replication": 0,
            "seed": 1,
            "status": "ok",
            "error": None,
            "traceback": None,
            "duration_s": 1.0,
            "loss": float(number),
        }
        blob = encode(row, {"steps": steps})
        made.append(Run(number, 0, row | {"point": number, "repeat": "spillover run x"}, blob))
    return made


def np_rng(seed):
    import numpy as np

    return np.random.default_rng(seed)


def killed_at(line, work):
    """Do some work and die at its line of that number, counted over the modules that write; whether it came so far."""
    seen = 0

    def trace(frame, event, _):
        nonlocal seen
        if not frame.f_code.co_filename.endswith(("sealing.py", "hashes.py")):
            return None
        if event == "line":
            seen += 1
            if seen >= line:
                raise Killed
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    except Killed:
        return True
    finally:
        sys.settrace(before)
    return False


def sealer(folder):
    return Sealer(folder, read_parts(folder), ("steps",), lambda name: False)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # The dead close no files.
def test_a_writer_killed_at_any_moment_leaves_every_sealed_part_readable(tmp_path):
    folder, runs = tmp_path / "swept", [runs_of(first, 5) for first in (0, 5, 10)]
    folder.mkdir()
    (folder / "manifest.json").write_text(
        '{"format": "spillover", "schema": 1, "status": "running", "sweep": {"keep": ["steps"], "axes": []}}'
    )
    sealer(folder).seal(0, runs[0])
    sealer(folder).seal(1, runs[1][:2], partial=True)
    tries = 0
    for line in range(1, 10_000, 3):
        if not killed_at(line, lambda: sealer(folder).seal(1, runs[1])):
            break
        tries += 1
        found = open_folder(folder)
        points = found.runs["point"].tolist()
        assert points in ([0, 1, 2, 3, 4, 5, 6], list(range(10))), line
        assert set(found.steps()["point"]) >= set(points) and found.runs["loss"].tolist() == points
        assert verify(folder).damaged == {}, line
    assert tries >= 50
    sealer(folder).seal(2, runs[2])
    assert open_folder(folder).runs["point"].tolist() == list(range(15)) and verify(folder).files == 9


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # The dead close no files.
def test_a_part_is_whole_when_it_has_its_name(tmp_path):
    folder = tmp_path
    for line in range(1, 400, 7):
        if killed_at(line, lambda: sealer(folder).seal(0, runs_of(0, 3))):
            for place in folder.glob("*/part-*.parquet"):
                assert pq.read_table(place).num_rows in (3, 30)
