"""Which earlier runs a sweep uses again, and folders it refuses: nothing that is there is lost by accident."""

import errno
import json

import pyarrow.parquet as pq
import pytest

from experiments.run import run
from experiments.store import open_folder
from experiments.store.journal import Journal
from experiments.store.verify import verify
from experiments.sweeping.claiming import locked
from sim.errors import ConfigError


def test_a_finished_sweep_is_not_made_again(do, small_parts, errands, bytes_of):
    before = bytes_of(do())
    assert bytes_of(do()) == before and set(errands().values()) == {1}


def test_more_replications_and_points_use_what_is_there(do, small_parts, errands, bytes_of):
    do("out", sizes=(-0.2, -0.3), replications=3)
    out = do("out", sizes=(-0.1, -0.2, -0.3), replications=4)
    assert set(errands().values()) == {1} and len(errands()) == 12
    assert bytes_of(out) == bytes_of(do("fresh")) and verify(out).damaged == {}


def test_runs_that_would_be_dropped_are_refused(do, small_parts, bytes_of):
    before = bytes_of(do("out"))
    with pytest.raises(ConfigError, match=r'out" holds 4 runs that this sweep would drop.* replace it with --force'):
        do("out", sizes=(-0.1, -0.2))
    assert bytes_of(do("out")) == before
    out = do("out", sizes=(-0.1, -0.2), force=True)
    assert len(open_folder(out).runs) == 8 and bytes_of(out) == bytes_of(do("fresh", sizes=(-0.1, -0.2)))


def test_reuse_chooses_between_code_config_and_never(do, small_parts, errands, monkeypatch):
    do("out")
    monkeypatch.setattr("experiments.sweep.model_digest", lambda plugins: "newer")
    with pytest.raises(ConfigError, match=r"12 runs that this sweep would drop.*--reuse config keeps them"):
        do("out")
    keys = open_folder(do("out", reuse="config")).runs["run_key"].tolist()
    assert set(errands().values()) == {1}
    again = open_folder(do("out", reuse="never")).runs["run_key"].tolist()
    assert set(errands().values()) == {2} and not set(again) & set(keys)


def test_a_reuse_that_is_killed_on_its_way_leaves_the_old_sweep_or_the_new_one(do, small_parts, bytes_of, monkeypatch):
    do("out", replications=3)
    from experiments.sweeping import reuse

    def killed(*_):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(reuse, "replace_manifest", killed)
        with pytest.raises(SystemExit):
            do("out")
    assert len(open_folder(do("out", replications=3)).runs) == 9
    with monkeypatch.context() as patch:
        patch.setattr(reuse, "complete_adoption", killed)
        patch.setattr(reuse.Adoption, "close", lambda self: None)
        with pytest.raises(SystemExit):
            do("out")
    assert bytes_of(do("out")) == bytes_of(do("fresh"))


def test_folders_of_other_things_are_refused(do, swept, tmp_path, config):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "main.tex").write_text("years of work")
    with pytest.raises(ConfigError, match=r"not empty and no output of Spillover"):
        do("thesis", force=True)
    run(config("run.replications=1"), tmp_path / "single")
    with pytest.raises(
        ConfigError, match=r'single" holds a single run, not a sweep; choose another folder, or replace'
    ):
        do("single")
    assert len(open_folder(do("single", force=True)).runs) == 12
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"is a file; --out takes a folder"):
        do("file/out")


def test_a_folder_of_another_schema_is_refused(do, tmp_path):
    manifest = do() / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"schema": 99}))
    with pytest.raises(ConfigError, match=r"has schema 99, this version reads 1"):
        do()
    assert (tmp_path / "out" / "runs" / "part-00000.parquet").is_file()


def test_two_sweeps_do_not_write_into_one_folder(do):
    out = do()
    with locked(out), pytest.raises(ConfigError, match=r"another sweep is writing into it"):
        do()


@pytest.mark.parametrize("where", ["parts", "journal"])
def test_a_full_disk_stops_the_sweep_and_loses_nothing(do, small_parts, bytes_of, errands, monkeypatch, where):
    whole = bytes_of(do("whole"))
    from concurrent.futures import ThreadPoolExecutor

    from experiments.sweep import engine_of

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, ThreadPoolExecutor(1) as executor:
        if where == "parts":
            patch.setattr(pq, "write_table", full)
        else:
            puts = []
            put = Journal.put
            patch.setattr(Journal, "put", lambda self, *run: full() if len(puts) > 6 else puts.append(put(self, *run)))
        with pytest.raises(ConfigError, match=r'out": the disk is full; all finished runs are kept: free some space'):
            do("out", engine=engine_of(1, executor))
    out = do("out")
    assert bytes_of(out) == whole and verify(out).damaged == {}
    assert max(errands().values()) <= 3 and sum(errands().values()) <= 24 + 3


def test_damage_in_a_sealed_part_is_named_before_going_on(do, small_parts):
    out = do()
    (out / "runs" / "part-00001.parquet").write_bytes(b"PAR1 rubbish PAR1")
    with pytest.raises(ConfigError, match=r'part-00001.parquet" is damaged .*spillover verify .*or begin anew'):
        do()


def test_a_damaged_journal_costs_its_runs_only(do, small_parts, bytes_of, tmp_path):
    whole = do("whole")

    def stop(standing):
        if standing.computed == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        do("out", progress=stop)
    for path in (tmp_path / "out" / ".journals").glob("*.sqlite*"):
        path.write_bytes(b"rubbish" * 1000)
    assert bytes_of(do("out")) == bytes_of(whole)
