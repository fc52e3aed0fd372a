"""Where a sweep could lose a run, mix two up, or harm a folder: errors that pass, threads, power cuts, odd types."""

import errno
import os
import shutil
import signal
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from experiments.config import canonical, load
from experiments.design import plan
from experiments.run import RunResult
from experiments.store import open_folder
from experiments.store.blobs import row_of
from experiments.store.hashes import Parts
from experiments.store.journal import JOURNALS, Journal
from experiments.store.sealing import Run, Sealer
from experiments.store.verify import verify
from experiments.sweep import engine_of, sweep
from experiments.sweeping import coordinator
from experiments.sweeping.job import SweepJob
from sim.errors import ConfigError


def stop_at(number):
    def progress(standing):
        if standing.computed == number:
            raise KeyboardInterrupt

    return progress


def stopped(do, number=7):
    """A sweep in `out` that was interrupted after so many runs."""
    with ThreadPoolExecutor(1) as executor, pytest.raises(KeyboardInterrupt):
        do("out", engine=engine_of(1, executor), progress=stop_at(number))


@pytest.mark.parametrize(
    "error", [sqlite3.OperationalError("database or disk is full"), OSError(errno.EMFILE, "Too many open files")]
)
def test_a_journal_that_cannot_be_read_now_is_kept(do, small_parts, errands, monkeypatch, error):
    stopped(do)

    def fail(self):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "runs", fail)
        with pytest.raises((ConfigError, OSError)):
            do("out")
    do("out")
    assert sum(errands().values()) <= 12 + 2  # Those that were on their way when it was interrupted.


def test_journals_of_many_dead_workers_are_not_all_open_at_once(do, small_parts, bytes_of, monkeypatch, tmp_path):
    whole = do("whole")
    stopped(do)
    folder = tmp_path / "out" / JOURNALS
    (only,) = folder.glob("*.sqlite")
    journal = Journal(only)
    for number, run in enumerate(journal.runs()):
        single = Journal(folder / f"{number + 1}.sqlite")
        single.put(*run, journal.get(*run))
        single.close()
    journal.close()
    only.unlink()
    held, most = set(), []
    begin, end = Journal.__init__, Journal.close

    def opened(self, path):
        begin(self, path)
        held.add(id(self))
        most.append(len(held))

    def closed(self):
        held.discard(id(self))
        end(self)

    monkeypatch.setattr(coordinator, "OPEN", 2)
    monkeypatch.setattr(Journal, "__init__", opened)
    monkeypatch.setattr(Journal, "close", closed)
    assert bytes_of(do("out")) == bytes_of(whole) and not held
    assert max(most) <= 4  # One more while the oldest is let go, and the coordinator's own.


def test_a_disk_that_is_full_from_the_start_leaves_a_folder_that_can_be_used(do, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("experiments.store.writing.os.replace", full)
        with pytest.raises(ConfigError, match=r"the disk is full; .* then run it again"):
            do("out")
    assert len(open_folder(do("out")).runs) == 12


def test_a_replacement_that_is_killed_while_it_deletes_goes_on(do, small_parts, bytes_of, monkeypatch):
    fresh = do("fresh", sizes=(-0.1, -0.2))
    do("out")

    def killed(*_, **__):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(SystemExit):
            do("out", sizes=(-0.1, -0.2), reuse="never", force=True)
    out = do("out", sizes=(-0.1, -0.2))
    assert bytes_of(out) == bytes_of(fresh) and verify(out).damaged == {}


def test_a_folder_that_is_refused_is_not_touched(do, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "main.tex").write_text("years of work")
    with pytest.raises(ConfigError, match=r"no output of Spillover"):
        do("thesis")
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["main.tex"]


def test_a_url_is_no_folder_to_write_to(swept, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = swept()
    with pytest.raises(ConfigError, match=r'"s3:/bucket/swept": a sweep is written to this machine'):
        sweep(config, "s3://bucket/swept")
    assert not (tmp_path / "s3:").exists()


def test_every_file_is_on_the_disk_before_it_has_its_name(do, small_parts, monkeypatch):
    synced, early = set(), []
    fsync, replace = os.fsync, os.replace

    def noted(number):
        synced.add(os.fstat(number).st_ino)
        fsync(number)

    def checked(source, target):
        if os.stat(source).st_ino not in synced:
            early.append(target)
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(os, "replace", checked)
    with ThreadPoolExecutor(1) as executor:
        do(engine=engine_of(1, executor))
    assert synced and early == []


def test_a_second_ctrl_c_waits_until_a_run_is_recorded(do, small_parts, monkeypatch, bytes_of):
    whole, recorded = do("whole"), []
    record = coordinator.Coordinator.record

    def impatient(self, done):
        if self.tally.computed == 3:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        record(self, done)
        recorded.append(done.run)

    with monkeypatch.context() as patch, ThreadPoolExecutor(1) as executor, pytest.raises(KeyboardInterrupt):
        patch.setattr(coordinator.Coordinator, "record", impatient)
        do("out", engine=engine_of(1, executor))
    assert len(recorded) >= 4
    assert bytes_of(do("out")) == bytes_of(whole)


# Jobs -----------------------------------------------------------------------------------------------------------------


def job_of(config, **settings):
    return SweepJob(plan=plan(config), digest="digest", keep=("steps",), **settings)


def test_threads_that_share_a_job_do_not_get_each_others_config(swept):
    class Raced(SweepJob):
        def __setattr__(self, name, value):
            object.__setattr__(self, name, value)
            if name == "_config" and value:  # Another thread takes up another point at this moment.
                object.__setattr__(self, name, (value[0] + 1, "the config of another point"))

    job = Raced(plan=plan(swept()), digest="digest", keep=())
    assert canonical(job.config(1)) == canonical(job.plan.config(job.plan.points[1]))


def test_a_lost_run_has_the_seed_of_its_point(swept, tmp_path):
    swept()
    job = job_of(load(tmp_path / "swept.toml", ('sweep.axes={"run.seed"=[3, 4]}',)))
    assert [row_of(job.lost((point, 0), "killed").blob)["seed"] for point in (0, 1)] == [3, 4]


def result(steps=None, **outcomes):
    known = {"run_key": ["k"] * 3, "replication": [0] * 3, "tick": np.arange(3)}
    tables = {"steps": pa.table(known | {"orders": steps})} if steps is not None else {}
    return RunResult(run_key="k", replication=0, seed=1, outcomes=outcomes, tables=tables)


def test_a_metric_has_one_type_whatever_its_values(swept, tmp_path):
    job = job_of(swept())
    blobs = [job.packed(result(steps), "k") for steps in ([1, 2, 3], [0.5, np.nan, 2.0], [True, False, True])]
    runs = [Run(n, 0, row_of(blob) | {"point": n, "repeat": ""}, blob) for n, blob in enumerate(blobs)]
    Sealer(tmp_path, Parts(), ("steps",), lambda name: False).seal(0, runs)
    steps = pq.read_table(tmp_path / "steps" / "part-00000.parquet")
    assert steps.schema.field("orders").type == pa.float32() and pa.types.is_integer(steps.schema.field("tick").type)
    assert steps["orders"].to_pylist()[:4] == [1.0, 2.0, 3.0, 0.5]


def test_outcomes_of_any_number_type_are_stored_and_others_fail_their_run(swept):
    good = job_of(swept(), compute=lambda *_: result(count=np.int64(3), share=np.float32(0.5)))
    row = row_of(good.perform((0, 0), lambda: None).blob)
    assert (row["count"], row["share"], row["status"]) == (3.0, 0.5, "ok")
    bad = job_of(swept(), compute=lambda *_: result(mood="gloomy")).perform((0, 0), lambda: None)
    assert not bad.ok and "cannot be stored: ValueError: could not convert string to float: 'gloomy'" in bad.error


def test_an_axis_has_one_type_in_all_parts(do, small_parts, swept, tmp_path):
    swept()
    config = load(tmp_path / "swept.toml", ('sweep.axes={"run.dt"=[60, 60.5]}', "sweep.replications=5"))
    parts = sorted((do(config=config) / "runs").glob("part-*.parquet"))
    assert [pq.read_schema(part).field("param.run.dt").type for part in parts] == [pa.float64()] * 2


def test_many_hung_workers_are_given_up_as_fast_as_one(monkeypatch):
    from experiments.engines import local

    now, killed = [0.0], []

    class Hung:
        def join(self, timeout=0.0):
            now[0] += timeout

        def is_alive(self):
            return True

        def kill(self):
            killed.append(self)

        close = kill

    class Nothing:
        plugins = ()

    monkeypatch.setattr(local, "monotonic", lambda: now[0])
    monkeypatch.setattr(local.pickle, "dumps", lambda job: b"")
    pool = local.Pool(Nothing(), 40, lambda ticks: None)
    pool._workers = [local._Worker(Hung(), Hung(), slot) for slot in range(40)]
    pool._end()
    assert now[0] == local.PATIENCE and len(killed) == 80
