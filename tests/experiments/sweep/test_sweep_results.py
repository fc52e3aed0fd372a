"""What a sweep stores: the same bytes whoever computes it, read in one line each way."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import fsspec
import numpy as np
import pandas as pd
import pytest

from experiments.run import run_once
from experiments.store import open_folder, run_key
from experiments.store.identity import model_digest
from experiments.store.verify import verify
from experiments.sweep import engine_of, sweep
from sim.errors import ConfigError

HEAD = ["run_key", "point", "replication", "seed", "status", "duration_s", "error", "traceback", "repeat"]


def test_bytes_do_not_depend_on_who_computes(do, small_parts, bytes_of, errands):
    one = do("one", keep=("steps", "events"))
    two = do("two", workers=2, keep=("steps", "events"))
    assert set(errands().values()) == {2}
    with ThreadPoolExecutor(3) as executor:
        three = do("three", engine=engine_of(3, executor), keep=("steps", "events"))
    assert bytes_of(one) == bytes_of(two) == bytes_of(three)
    assert sorted(bytes_of(one)) == [
        f"{name}/part-0000{k}.parquet" for name in ("events", "runs", "steps") for k in range(3)
    ]
    assert not (one / ".journals").exists() and not list(one.rglob("*staged*"))


def test_one_row_per_run_with_its_axes_and_outcomes(do, small_parts, swept):
    folder = open_folder(do())
    runs = folder.runs
    assert list(runs.columns[:9]) == HEAD and folder.complete and not folder.interrupted
    assert runs["point"].tolist() == sorted([0, 1, 2] * 4) and runs["replication"].tolist() == [0, 1, 2, 3] * 3
    assert runs["param.shocks.slump.size"].tolist() == [-0.1] * 4 + [-0.2] * 4 + [-0.3] * 4
    assert (runs["status"] == "ok").all() and runs["run_key"].nunique() == 12
    assert folder.manifest["sweep"]["points"] == 3 and folder.manifest["runs"] == {
        "requested": 12,
        "finished": 12,
        "failed": 0,
    }
    differences = runs.pivot(index="replication", columns="point", values="loss").diff(axis=1)
    assert np.allclose(differences[1], -0.1) and np.allclose(differences[2], -0.1)


def test_steps_are_32_bit_and_events_are_whole(do, small_parts):
    folder = open_folder(do(keep=("steps", "events")))
    steps, events = folder.steps(["price.ETH"], point=1), folder.table("events")
    assert list(steps.columns) == ["point", "replication", "price.ETH"] and steps["price.ETH"].dtype == np.float32
    means = steps.groupby("replication")["price.ETH"].mean()
    assert np.allclose(means, folder.runs.loc[folder.runs["point"] == 1, "loss"], rtol=1e-6)
    assert len(events) == 24 and set(events["kind"]) == {"genesis", "swap", "quote"}
    mean = folder.mean("price.ETH")
    assert np.allclose(mean, folder.steps().groupby("tick")["price.ETH"].mean()) and len(mean) == 20
    with pytest.raises(ConfigError, match=r'keeps no table "flows"; add it to sweep.keep'):
        folder.table("flows")
    with pytest.raises(ConfigError, match=r'has no column "price.ETHH"; did you mean "price.ETH"'):
        folder.mean("price.ETHH")


def test_sql_arrays_and_the_pair_of_the_workbench(do, small_parts):
    folder = open_folder(do())
    answer = folder.sql(
        "select point, avg(loss) as loss, max(duration_s) as t from runs join host using (point, "
        "replication) group by point order by point"
    )
    assert np.allclose(answer["loss"], folder.runs.groupby("point")["loss"].mean()) and (answer["t"] == 1e-3).all()
    assert folder.sql('select count(*) as n from steps where "price.ETH" < 0')["n"][0] > 200
    with pytest.raises(ConfigError, match=r"the query was refused: .*nonsense"):
        folder.sql("select nonsense from runs")
    cube = folder.xarray()
    assert dict(cube.sizes) == {"shocks.slump.size": 3, "replication": 4}
    assert np.allclose(
        cube["loss"].sel({"shocks.slump.size": -0.2}), folder.runs.loc[folder.runs["point"] == 1, "loss"]
    )
    experiments, outcomes = folder.ema()
    assert list(experiments["shocks.slump.size"].unique()) == [-0.1, -0.2, -0.3] and len(experiments) == 12
    assert outcomes["loss"].tolist() == folder.runs["loss"].tolist()


def test_a_listed_design_keeps_its_axes_beside_the_points(do, swept):
    folder = open_folder(do(more='method = "zip"'))
    cube = folder.xarray()
    assert dict(cube.sizes) == {"point": 3, "replication": 4}
    assert cube["shocks.slump.size"].values.tolist() == [-0.1, -0.2, -0.3]


def test_a_folder_is_read_from_any_url(do, small_parts, tmp_path):
    out = do()
    files = fsspec.filesystem("memory")
    files.put(str(out), "/swept", recursive=True)
    near = open_folder(out)
    for url in ("memory://swept", f"file://{out}"):
        far = open_folder(url)
        pd.testing.assert_frame_equal(far.runs, near.runs)
        assert far.mean("price.ETH").equals(near.mean("price.ETH"))
        assert far.sql("select count(*) as n from runs")["n"][0] == 12
    files.rm("/swept", recursive=True)
    with pytest.raises(ConfigError, match=r'"memory://swept" is no output folder'):
        open_folder("memory://swept")
    with pytest.raises(ConfigError, match=r'"hugo://x" cannot be read .*spillover\[remote\]'):
        open_folder("hugo://x")


def test_readers_ignore_what_is_not_finished(do, small_parts):
    out = do()
    before = open_folder(out).runs
    (out / "steps" / ".part-00009.parquet.staged").write_bytes(b"PAR1 half")
    shutil.copy(out / "steps" / "part-00000.parquet", out / "steps" / "part-00007.parquet")
    folder = open_folder(out)
    assert folder.runs.equals(before) and len(folder.steps()) == 12 * 20


def test_verify_names_what_is_damaged(do, small_parts):
    out = do()
    assert verify(out).damaged == {} and verify(out).files == 9
    place = out / "steps" / "part-00001.parquet"
    content = bytearray(place.read_bytes())
    content[len(content) // 2] ^= 1
    place.write_bytes(content)
    (out / "host" / "part-00002.parquet").unlink()
    (out / "runs" / "part-00005.parquet").write_bytes(b"")
    assert verify(out).damaged == {
        "steps/part-00001.parquet": "its bytes have changed",
        "host/part-00002.parquet": "missing",
        "runs/part-00005.parquet": "not written by this run or sweep",
    }
    (out / "parts.json").write_text("{")
    assert list(verify(out).damaged) == ["parts.json"]
    (out / "parts.json").unlink()
    assert verify(out).damaged == {"parts.json": "missing, so nothing can be compared"}


def test_stopping_makes_fewer_runs_and_the_same_ones(do, small_parts, bytes_of):
    stop = '\n[sweep.stop]\noutcome = "loss"\nhalf_width = 0.012\nleast = 3\n'
    one = do("one", replications=40, stop=stop)
    two = do("two", workers=2, replications=40, stop=stop)
    assert bytes_of(one) == bytes_of(two)
    runs = open_folder(one).runs
    counts = runs.groupby("point").size()
    assert (counts >= 3).all() and counts.max() < 40
    assert open_folder(one).manifest["runs"]["requested"] == len(runs)


def test_an_outcome_that_no_run_has_cannot_stop_a_sweep(do):
    stop = '\n[sweep.stop]\noutcome = "los"\nhalf_width = 0.012\nleast = 3\n'
    with pytest.raises(ConfigError, match=r'sweep.stop.outcome: found "los", which no run has; did you mean "loss"\?'):
        do("out", replications=40, stop=stop)


def test_real_runs_are_those_of_run(swept, tmp_path):
    config = swept(sizes=(-0.1, -0.2), replications=2)
    folder = open_folder(sweep(config, tmp_path / "real", workers=2))
    from experiments.design import plan

    asked = plan(config)
    alone = run_once(asked.config(asked.points[1]), 1)
    row = folder.runs.iloc[3]
    assert row["run_key"] == alone.run_key == run_key(asked.config(asked.points[1]), 1, model_digest())
    assert all(
        row[name] == value or (np.isnan(row[name]) and np.isnan(value)) for name, value in alone.outcomes.items()
    )
    steps = folder.steps(point=1)
    steps = steps[steps["replication"] == 1]["price.ETH"].to_numpy()
    assert np.array_equal(steps, alone.tables["steps"]["price.ETH"].to_numpy().astype(np.float32))
