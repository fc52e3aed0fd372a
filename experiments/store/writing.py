"""Writing an output folder: tables in parts, every file written under a temporary name and then renamed.

A run's parts are staged by whoever computed it (a worker process) and committed, in the order of replications, by the
one process that owns the folder. What is not committed when the run ends is deleted.
"""

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.store.hashes import Parts, Sealed, file_hash, settle, write_parts
from experiments.store.layout import (
    BATCHED,
    COMPLETE,
    FORMAT,
    INTERRUPTED,
    MANIFEST,
    OURS,
    RUNS,
    TABLES,
    part,
)
from experiments.store.manifest import now
from experiments.store.reading import read_manifest
from sim.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

PART_RUNS = 250
PART_BYTES = 64_000_000
STAGED = ".staged"
HEAD = {
    "run_key": "string",
    "replication": "int32",
    "seed": "int64",
    "status": "string",
    "duration_s": "float64",
    "error": "string",
    "traceback": "string",
}
"""Columns that runs.parquet always has; parameters, outcomes and phases follow, with the type of their values."""


def occupied(path: Path | str) -> dict[str, Any] | None:
    """The manifest of the output folder at a path; None if there is nothing there, or an empty folder.

    Raises ConfigError if there is something that is not ours, or if no folder can be made or written there.
    """
    folder = Path(path)
    if folder.is_dir():
        if not os.access(folder, os.W_OK | os.X_OK):
            raise ConfigError(f'--out "{path}": the folder cannot be written; choose another one')
        if not any(folder.iterdir()):
            return None
        try:
            return read_manifest(folder)
        except ConfigError:
            manifest = folder / MANIFEST
            if manifest.is_file() and f'"format": "{FORMAT}"' in manifest.read_text(encoding="utf-8", errors="replace"):
                return {}
            raise ConfigError(
                f'--out "{path}": the folder is not empty and no output of Spillover; choose a new or an empty folder'
            ) from None
    parent = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not parent.is_dir():
        raise ConfigError(f'--out "{path}": "{parent}" is a file; --out takes a folder, which is made if it is missing')
    if not os.access(parent, os.W_OK | os.X_OK):
        raise ConfigError(f'--out "{path}": no folder can be made in "{parent}"; choose another place')
    return None


class Writer:
    """The process that owns an output folder.

    Parameters
    ----------
    path: the folder; what an earlier run left in it is deleted, other files stay.
    manifest: see `manifest.describe`.
    """

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        self.path, self.manifest = path, manifest
        self._rows: list[dict[str, Any]] = []
        self._batch: list[pa.Table] = []
        self._first = 0
        path.mkdir(parents=True, exist_ok=True)
        for name in OURS:
            delete(path / name)
        self._write_manifest()

    def commit(self, row: dict[str, Any], steps: "pa.Table | None") -> None:
        """Add a run, its staged parts included. row: its columns of runs.parquet. steps: None if the run failed."""
        replication = row["replication"]
        for name in TABLES:
            staged = self.path / name / f"{part(replication)}{STAGED}"
            if staged.exists():
                os.replace(staged, self.path / name / part(replication))
        self._rows.append(row)
        if steps is not None:
            if not self._batch:
                self._first = replication
            self._batch.append(steps)
        if len(self._batch) >= PART_RUNS or sum(table.nbytes for table in self._batch) >= PART_BYTES:
            self._flush()

    def close(self, finished: bool) -> None:
        """Write what is still in memory and say how the run ended. finished: whether all replications are committed."""
        self._flush()
        write(_runs_table(self._rows), self.path / RUNS)
        for left in self.path.glob(f"*/*{STAGED}*"):
            left.unlink()
        failed = sum(row["status"] != "ok" for row in self._rows)
        self._remember_hashes()
        self.manifest["runs"] |= {"finished": len(self._rows) - failed, "failed": failed}
        self.manifest |= {"status": COMPLETE if finished else INTERRUPTED, "ended": now()}
        self._write_manifest()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._batch:
            write(pa.concat_tables(self._batch, promote_options="default"), self.path / BATCHED / part(self._first))
            self._batch = []

    def _remember_hashes(self) -> None:
        """Note the hash of every table, for `spillover verify`."""
        files = [self.path / RUNS, *(file for name in TABLES for file in sorted((self.path / name).glob("*.parquet")))]
        known = {file.relative_to(self.path).as_posix(): file_hash(file) for file in files}
        write_parts(self.path, Parts({0: Sealed(len(self._rows), False, known)}))

    def _write_manifest(self) -> None:
        replace_manifest(self.path, self.manifest)


def replace_manifest(path: Path, manifest: dict[str, Any]) -> None:
    """Write manifest.json, so that it is there whole or as it was."""
    place = path / MANIFEST
    draft = place.with_name(f".{MANIFEST}{STAGED}")
    draft.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    settle(draft)
    os.replace(draft, place)


def stage(path: Path, replication: int, tables: "dict[str, pa.Table]") -> None:
    """Write the parts of one run under names that no reader looks at, for `Writer.commit` to rename."""
    for name, table in tables.items():
        if name != BATCHED:
            write(table, path / name / f"{part(replication)}{STAGED}")


def write(table: "pa.Table", place: Path) -> None:
    """Write one Parquet file, so that it is there whole or not at all."""
    import pyarrow.parquet as pq

    place.parent.mkdir(exist_ok=True)
    draft = place.with_name(f".{place.name}{STAGED}")
    pq.write_table(table, draft, compression="zstd")
    os.replace(draft, place)


def _runs_table(rows: list[dict[str, Any]]) -> "pa.Table":
    import pyarrow as pa

    names = dict.fromkeys([*HEAD, *(name for row in rows for name in row)])
    columns = {name: [row.get(name) for row in rows] for name in names}
    return pa.table({name: pa.array(values, HEAD.get(name)) for name, values in columns.items()})


def delete(path: Path) -> None:
    """Delete a file, a link, or a folder with all that is in it; nothing if there is none."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
