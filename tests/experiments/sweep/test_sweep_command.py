"""`spillover sweep`, `verify` and `query` as they are typed."""

import json
import shlex

import numpy as np
import pytest

from experiments.store import open_folder
from tests.experiments.sweep.conftest import AXES, SHOCKED

ONCE = ("--set", "sweep.replications=1")


@pytest.fixture
def folder(home, toy_text, child_environment):
    """The working directory; it holds sweep.toml: two sizes of a shock, two runs each."""
    text = AXES.format(replications=2, keep=["steps"], more="", sizes=[-0.1, -0.2])
    (home / "sweep.toml").write_text(toy_text + SHOCKED + text)
    return home


def test_a_sweep_from_the_command_line(folder, spillover):
    code, out, err = spillover("sweep", "sweep.toml", "--workers", 2, "--out", "swept")
    assert code == 0 and "toy: 4 runs" in out and "Folder: swept" in out and "toy: done in" in err
    code, out, _ = spillover("verify", "swept")
    assert code == 0 and "swept: 3 files compared, all as they were written" in out
    code, out, _ = spillover("query", "swept", "select count(*) as n from runs", "--json")
    assert code == 0 and json.loads(out) == [{"n": 4}]
    code, _, err = spillover("plot", "swept")
    assert code == 2 and "holds a sweep, not a run" in err
    (folder / "swept" / "runs" / "part-00000.parquet").unlink()
    code, out, err = spillover("verify", "swept")
    assert code == 4 and "swept/runs/part-00000.parquet: missing" in err and "1 problem" in out


def test_the_repeat_command_makes_the_same_run(folder, spillover):
    spillover("sweep", "sweep.toml", "--workers", 1, "--out", "swept", "--set", "agents.noise.count=15")
    row = open_folder("swept").runs.iloc[3]
    words = shlex.split(row["repeat"])
    assert words[-4:] == ["--seed", "7", "--replication", "1"]
    code, _, _ = spillover(*words[1:], "--out", "again", "--no-report")
    again = open_folder("again").runs
    assert code == 0 and len(again) == 1 and again["run_key"][0] == row["run_key"]
    same = [name for name in open_folder("swept").outcomes if not np.isnan(row[name])]
    assert same and all(again[name][0] == row[name] for name in same)


def test_failed_runs_are_told_with_their_command(folder, spillover):
    text = (folder / "sweep.toml").read_text()
    (folder / "sweep.toml").write_text(text.replace("[sweep]", "[sweep]\ntime_limit = 0.001"))
    code, out, err = spillover(
        "sweep", "sweep.toml", "--workers", 1, "--out", "swept", "--set", "run.ticks=100000", *ONCE
    )
    assert code == 3 and "failed: ProcessDied: killed at its time limit of 0.001 seconds" in out
    assert "point 0, replication 0 failed" in err and "repeat: spillover run sweep.toml --set run.ticks=100000" in err


def test_a_dry_run_only_estimates(folder, spillover):
    code, out, _ = spillover("sweep", "sweep.toml", "--workers", 2, "--dry-run")
    assert code == 0 and "4 runs: 2 points of method grid, 2 replications each" in out and "on disk" in out
    assert not (folder / "runs").exists()
    code, out, _ = spillover("sweep", "sweep.toml", "--dry-run", "--json")
    found = json.loads(out)
    assert found["runs"] == 4 and found["seconds"] > 0 and found["bytes"] > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("size", "sice"), "sice"),
        (("[-0.1, -0.2]", "[]"), "empty"),
        (("[-0.1, -0.2]", "[-0.1, -0.1]"), "duplicate points"),
    ],
)
def test_a_bad_sweep_writes_nothing(folder, spillover, change, message):
    head, axes = (folder / "sweep.toml").read_text().split("[sweep.axes]")
    (folder / "sweep.toml").write_text(f"{head}[sweep.axes]{axes.replace(*change)}")
    code, _, err = spillover("sweep", "sweep.toml", "--out", "swept")
    assert code == 2 and message in err and not (folder / "swept").exists()


def test_one_replication_of_a_run(folder, spillover):
    code, _, _ = spillover("run", "toy.toml", "--replication", 5, "--out", "five", "--no-report")
    assert code == 0 and open_folder("five").replications == [5]
    code, _, err = spillover("run", "toy.toml", "--replication", 4, "--out", "five", "--no-report")
    assert code == 2 and "holds the results of another config, seed" in err


def test_an_outcome_that_does_not_exist_costs_no_run(folder, spillover):
    wrong = ("--set", 'sweep.outcomes=["liquidated_us"]')
    code, out, err = spillover("sweep", "sweep.toml", "--workers", 1, "--out", "swept", *wrong, *ONCE)
    assert code == 2 and "toy: 2 runs" in out and "plots" not in out
    assert '[sweep] outcomes or event: no outcome "liquidated_us"' in err and "the runs are kept" in err
    code, out, err = spillover("sweep", "sweep.toml", "--workers", 1, "--out", "swept", *ONCE)
    assert code == 0 and "2 of them kept from before" in err and "`spillover analyse swept`" in out


def test_a_cluster_without_its_engine_is_refused(folder, spillover):
    code, _, err = spillover("sweep", "sweep.toml", "--address", "head:6379", "--out", "swept")
    assert code == 2 and '--address "head:6379": engine "local" has no cluster; add --engine ray' in err
    assert not (folder / "swept").exists()


def test_queries_and_their_mistakes(folder, spillover):
    spillover("sweep", "sweep.toml", "--workers", 1, "--out", "swept", *ONCE)
    code, out, _ = spillover("query", "swept", "select count(*) as n from runs")
    assert code == 0 and out.splitlines()[0] == "1 row"
    code, out, _ = spillover("query", "swept", "select * from runs")
    lines = [line.split() for line in out.splitlines()]
    assert code == 0 and lines[0] == ["2", "rows"] and ["row", "1"] in lines and lines.count(["status", "ok"]) == 2
    code, _, err = spillover("query", "swept", "")
    assert code == 2 and "the query is empty" in err
    part = folder / "swept" / "runs" / "part-00000.parquet"
    part.write_bytes(part.read_bytes()[:200])
    for words in (("query", "swept", "select 1"), ("analyse", "swept"), ("compare", "swept")):
        code, _, err = spillover(*words)
        assert code == 2 and '"swept" is damaged: ' in err and "`spillover verify swept` names the files" in err
