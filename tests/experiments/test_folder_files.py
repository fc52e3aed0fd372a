"""Files of an output folder: whole or not there, in parts of bounded size, and refused when they are not ours."""

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from experiments.run import run
from experiments.store import content_digest, open_folder, writing
from experiments.store.verify import verify
from experiments.store.writing import write
from sim.errors import ConfigError


@pytest.fixture
def out(config, tmp_path):
    """The output folder of one replication."""
    return run(config("run.replications=1"), tmp_path / "out")


def edit_manifest(path, **changes):
    manifest = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps(manifest | changes))


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    place = tmp_path / "steps" / "000000.parquet"
    write(pa.table({"tick": [1, 2]}), place)

    def half(table, target, **_):
        target.write_bytes(b"PAR1 and then the disk was full")
        raise OSError("No space left on device")

    monkeypatch.setattr(pq, "write_table", half)
    with pytest.raises(OSError, match="No space left"):
        write(pa.table({"tick": [3]}), place)
    assert pq.read_table(place)["tick"].to_pylist() == [1, 2]
    assert [path.name for path in place.parent.glob("*.parquet")] == ["000000.parquet"]


def test_a_disk_that_fills_up_leaves_a_folder_that_says_so(config, tmp_path, monkeypatch):
    whole = pq.write_table

    def full(table, target, **options):
        if "events" in str(target) and "000001" in str(target):
            raise OSError("No space left on device")
        whole(table, target, **options)

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(OSError, match="No space left"):
        run(config("run.replications=3"), tmp_path / "out")
    folder = open_folder(tmp_path / "out")
    assert folder.interrupted and folder.replications == [0]
    assert [path.name for path in (tmp_path / "out" / "events").iterdir()] == ["000000.parquet"]


@pytest.mark.parametrize("limit", ["PART_RUNS", "PART_BYTES"])
def test_steps_of_many_runs_share_a_part(config, tmp_path, monkeypatch, limit):
    five = config("run.replications=5")
    together = run(five, tmp_path / "together")
    monkeypatch.setattr(writing, limit, 2 if limit == "PART_RUNS" else 1)
    cut = run(five, tmp_path / "cut")
    parts = sorted(path.name for path in (cut / "steps").iterdir())
    firsts = (0, 2, 4) if limit == "PART_RUNS" else range(5)
    assert parts == [f"{number:06d}.parquet" for number in firsts]
    assert len(list((together / "steps").iterdir())) == 1
    assert content_digest(cut) == content_digest(together)
    assert open_folder(cut).steps(3).equals(open_folder(together).steps(3))


def test_parquet_is_compressed_with_zstd(out):
    for place in out.rglob("*.parquet"):
        group = pq.ParquetFile(place).metadata.row_group(0) if pq.ParquetFile(place).num_row_groups else None
        assert group is None or {group.column(i).compression for i in range(group.num_columns)} == {"ZSTD"}


@pytest.mark.parametrize("table", ["events", "flows", "steps", "accounts", "edges"])
def test_the_digest_follows_every_value(crash, tmp_path, table):
    out = shutil.copytree(crash, tmp_path / "out")
    before = content_digest(out)
    place = next((out / table).glob("*.parquet"))
    read = pq.read_table(place)
    last = read.num_columns - 1
    column = read.column(last).to_pylist()
    column[-1] = 12_345
    write(read.set_column(last, read.column_names[last], pa.array(column, read.schema.field(last).type)), place)
    assert content_digest(out) != before


def test_the_digest_leaves_out_what_the_host_decides(out):
    before = content_digest(out)
    runs = pq.read_table(out / "runs.parquet")
    slower = runs.set_column(runs.column_names.index("duration_s"), "duration_s", pa.array([99.0]))
    write(slower.drop_columns(["phase_s.decide"]), out / "runs.parquet")
    edit_manifest(out, machine={"host": "elsewhere"})
    assert content_digest(out) == before
    write(runs.set_column(2, "seed", pa.array([8])), out / "runs.parquet")
    assert content_digest(out) != before


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda out: out.rename(out.with_name("gone")), r'out" is no output folder of Spillover: it does not exist'),
        (lambda out: (out / "manifest.json").unlink(), r"has no manifest\.json; `spillover run` or `sweep` makes one"),
        (lambda out: (out / "manifest.json").write_text("{"), r'manifest\.json" cannot be read \(Expecting'),
        (lambda out: (out / "manifest.json").write_text("[]"), r"manifest\.json is of another program"),
        (lambda out: edit_manifest(out, format="hugo"), r"manifest\.json is of another program"),
        (lambda out: edit_manifest(out, schema=99), r"has schema 99, this version reads 1; run its config again"),
        (lambda out: edit_manifest(out, status="running"), r"is incomplete: its run is still going on, or was killed"),
        (lambda out: (out / "runs.parquet").unlink(), r"is incomplete: .* run it again"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(out, spoil, message):
    spoil(out)
    with pytest.raises(ConfigError, match=message):
        open_folder(out)


@pytest.mark.parametrize("name", ["runs.parquet", "events/000000.parquet"])
def test_a_damaged_file_is_named(out, name):
    (out / name).write_bytes((out / name).read_bytes()[:200])
    with pytest.raises(ConfigError, match=rf"is damaged: {name} cannot be read .*`spillover verify .*--force"):
        open_folder(out).events(0)


def test_a_missing_part_and_a_missing_replication_are_named(out):
    with pytest.raises(ConfigError, match=r"has no finished replication 4; allowed: 0$"):
        open_folder(out).flows(4)
    (out / "flows" / "000000.parquet").unlink()
    with pytest.raises(ConfigError, match=r"incomplete: flows/000000\.parquet is missing; run it again"):
        open_folder(out).flows()


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(ConfigError, match=r"no output folder of Spillover: it is a file"):
        open_folder(tmp_path / "out")


def test_verify_names_what_is_damaged_missing_or_foreign(out):
    assert verify(out).damaged == {}
    assert verify(out).files == 1 + len(list(out.glob("*/*.parquet")))
    steps = next((out / "steps").glob("*.parquet"))
    steps.write_bytes(steps.read_bytes()[:-1] + b"?")
    (out / "steps" / "000999.parquet").write_bytes(b"")
    next((out / "events").glob("*.parquet")).unlink()
    assert sorted(verify(out).damaged.values()) == [
        "its bytes have changed",
        "missing",
        "not written by this run or sweep",
    ]
