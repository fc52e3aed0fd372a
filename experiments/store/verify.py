"""Whether the files of an output folder are still what was written."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from experiments.store.hashes import PARTS, file_hash, load_parts
from experiments.store.layout import COMPLETE, HOST, SWEEP_RUNS, TABLES
from experiments.store.reading import read_manifest
from sim.errors import ConfigError


@dataclass
class Verdict:
    """What was found. files: how many were hashed. damaged: relative path -> what is wrong with it."""

    files: int = 0
    damaged: dict[str, str] = field(default_factory=dict)


def verify(folder: Path) -> Verdict:
    """Hash every part of an output folder again. Raises ConfigError if it is none, or holds no hashes."""
    manifest = read_manifest(folder)
    place, verdict = folder / PARTS, Verdict()
    if not place.is_file():
        if manifest["status"] == COMPLETE:
            verdict.damaged[PARTS] = "missing, so nothing can be compared"
        return verdict
    try:
        parts = load_parts(place.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError, json.JSONDecodeError) as error:
        verdict.damaged[PARTS] = f"cannot be read ({error})"
        return verdict
    known, required = parts.hashes(), set(parts.required())
    for name, digests in sorted(known.items()):
        path = folder / name
        if not path.is_file():
            if name in required:
                verdict.damaged[name] = "missing"
            continue
        verdict.files += 1
        if file_hash(path) not in digests:
            verdict.damaged[name] = "its bytes have changed"
    for path in sorted(file for table in (*TABLES, SWEEP_RUNS, HOST) for file in (folder / table).glob("*.parquet")):
        name = path.relative_to(folder).as_posix()
        if name not in known and not path.name.startswith("."):
            verdict.damaged[name] = "not written by this run or sweep"
    if "sweep" in manifest and manifest["status"] == COMPLETE:
        verdict.damaged |= _count(folder, manifest["runs"]["requested"], verdict)
    return verdict


def _count(folder: Path, requested: int, verdict: Verdict) -> dict[str, str]:
    """Whether every run is there once; said only of parts that can be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    places = sorted((folder / SWEEP_RUNS).glob("part-*.parquet"))
    if any(name.startswith(f"{SWEEP_RUNS}/") for name in verdict.damaged):
        return {}
    rows = pa.concat_tables([pq.read_table(place, columns=["point", "replication"]) for place in places])
    different = rows.group_by(["point", "replication"]).aggregate([]).num_rows if places else 0
    if rows.num_rows == different == requested:
        return {}
    return {SWEEP_RUNS: f"{rows.num_rows} rows of {different} runs, but the manifest says {requested}"}


def verified(folder: Path | str) -> Verdict:
    """`verify`, for a path. Raises ConfigError as `read_manifest` does, and for a URL, which cannot be hashed."""
    if isinstance(folder, str) and "://" in folder:
        raise ConfigError(f'"{folder}": verify takes a folder of this machine; copy it first')
    return verify(Path(folder))
