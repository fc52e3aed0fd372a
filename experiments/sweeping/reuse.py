"""A folder becomes that of a new sweep, which may use the runs of an earlier one in it again.

They are copied, under their new places, into a journal beside the old folder's parts; renaming the new manifest into
place is the moment from which they count. Killed before it, the folder is as it was; killed after it,
`complete_adoption` does the rest.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.store.blobs import encode, row_of
from experiments.store.hashes import read_parts
from experiments.store.identity import run_key
from experiments.store.journal import JOURNALS, Journal
from experiments.store.layout import HOST, MANIFEST, OURS, SWEEP_RUNS, sweep_part
from experiments.store.reading import read_manifest
from experiments.store.sealing import HEAD, PARAM
from experiments.store.writing import delete, replace_manifest
from experiments.sweeping.job import SweepJob
from experiments.sweeping.schedule import RunId
from sim.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

NEXT = ".next"
ADOPTING = "adopting"
"""Key of the manifest of a folder whose old parts are about to be deleted."""
_PLACED = ("point", "replication")


class Adoption:
    """The runs of a folder that a new sweep uses again, copied aside. dropped: how many it does not use."""

    def __init__(self, folder: Path, job: SweepJob, reuse: str) -> None:
        self.folder, self.dropped = folder, 0
        shutil.rmtree(folder / NEXT, ignore_errors=True)
        self._journal = Journal(folder / NEXT / "0.sqlite")
        digest, column = (job.digest, "run_key") if reuse == "code" else ("", "config_key")
        kept = set(read_manifest(folder)["sweep"]["keep"])
        wanted = _keys(job, digest) if set(job.keep) <= kept else {}
        seen: set[str] = set()
        for blob in _runs(folder, kept):
            key = row_of(blob)[column]
            if key in wanted:
                self._journal.put(*wanted[key], blob)
            elif key not in seen:
                self.dropped += 1
            seen.add(key)

    def commit(self, manifest: dict[str, Any]) -> None:
        """Turn the folder into that of the new sweep."""
        self._journal.close()
        _take_over(self.folder, manifest)

    def close(self) -> None:
        """Drop the copies, if they were not committed."""
        self._journal.close()
        shutil.rmtree(self.folder / NEXT, ignore_errors=True)


def begin(folder: Path, manifest: dict[str, Any]) -> None:
    """Turn the folder, made if it is missing, into that of a sweep without any run yet."""
    folder.mkdir(parents=True, exist_ok=True)
    delete(folder / NEXT)
    (folder / NEXT).mkdir()
    _take_over(folder, manifest)


def _take_over(folder: Path, manifest: dict[str, Any]) -> None:
    replace_manifest(folder, manifest | {ADOPTING: True})
    complete_adoption(folder)


def complete_adoption(folder: Path) -> None:
    """Delete what was in the folder before, if a new sweep is taking it over."""
    manifest = read_manifest(folder)
    if not manifest.pop(ADOPTING, False):
        return
    if (folder / NEXT).is_dir():
        for name in OURS:
            if name != MANIFEST:
                delete(folder / name)
        (folder / NEXT).rename(folder / JOURNALS)
    replace_manifest(folder, manifest)


def _keys(job: SweepJob, digest: str) -> dict[str, RunId]:
    """Key -> place of every run of the plan whose point has a valid config."""
    keys: dict[str, RunId] = {}
    for point in job.plan.points:
        try:
            config = job.plan.config(point)
        except ConfigError:
            continue
        for replication in range(job.plan.replications):
            keys[run_key(config, replication, digest)] = (point.index, replication)
    return keys


def _runs(folder: Path, kept: set[str]) -> Iterator[bytes]:
    """Every run of an earlier sweep, packed."""
    for number, part in sorted(read_parts(folder).sealed.items()):
        if not part.partial:
            yield from _unsealed(folder, number, kept)
    for path in sorted((folder / JOURNALS).glob("*.sqlite")):
        journal = Journal(path)
        try:
            for run in journal.runs():
                yield journal.get(*run) or b""
        finally:
            journal.close()


def _unsealed(folder: Path, number: int, kept: set[str]) -> Iterator[bytes]:
    """The runs of one part, packed again."""
    import pyarrow.parquet as pq

    rows = pq.read_table(folder / sweep_part(SWEEP_RUNS, number))
    host = pq.read_table(folder / sweep_part(HOST, number))
    places = [folder / sweep_part(name, number) for name in sorted(kept)]
    tables = {place.parent.name: pq.read_table(place) for place in places if place.is_file()}
    starts = {name: _starts(table) for name, table in tables.items()}
    for row, more in zip(rows.to_pylist(), host.to_pylist(), strict=True):
        run = (row["point"], row["replication"])
        own = {}
        for name, table in tables.items():
            if row["status"] == "ok":
                first, count = starts[name].get(run, (0, 0))
                own[name] = table.slice(first, count).drop_columns(list(_PLACED))
        yield encode(_plain_row(row | more), own)


def _plain_row(row: dict[str, Any]) -> dict[str, Any]:
    """The row as its job made it: without what depends on its place in the sweep; outcomes it lacked are gone."""
    placed = ("point", "repeat")
    plain = {name: value for name, value in row.items() if name not in placed and not name.startswith(PARAM)}
    if row["status"] != "ok":
        plain = {name: value for name, value in plain.items() if name in HEAD or (value is not None and value == value)}
        plain |= {"error": row["error"], "traceback": row["traceback"], "duration_s": row["duration_s"]}
    return plain


def _starts(table: "pa.Table") -> dict[RunId, tuple[int, int]]:
    """First row and number of rows of each run."""
    import numpy as np

    point, replication = (table[name].to_numpy() for name in _PLACED)
    if not len(point):
        return {}
    cuts = np.flatnonzero((np.diff(point) != 0) | (np.diff(replication) != 0)) + 1
    firsts = np.concatenate([[0], cuts])
    counts = np.diff(np.append(firsts, len(point)))
    runs = zip(point[firsts].tolist(), replication[firsts].tolist(), strict=True)
    return dict(zip(runs, zip(firsts.tolist(), counts.tolist(), strict=True), strict=True))
