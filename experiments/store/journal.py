"""Finished runs that are not yet sealed: one SQLite file per process that computes, in a hidden subfolder.

A run is in its journal whole or not at all, whenever its process dies: it is one row, written in one transaction.
"""

import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

JOURNALS = ".journals"
"""Subfolder of the journals of a sweep."""
_WAIT = 60.0
"""Seconds to wait for another process that writes into the same journal."""


class Journal:
    """The runs one process has finished, by (point, replication).

    path: of the file; made if it is missing. Raises OSError if it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._base = sqlite3.connect(path, timeout=_WAIT, isolation_level=None)
        except sqlite3.Error as error:
            raise OSError(f"{path}: {error}") from error
        try:
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("PRAGMA synchronous = NORMAL")
            self._base.execute(
                "CREATE TABLE IF NOT EXISTS run "
                "(point INTEGER, replication INTEGER, blob BLOB, PRIMARY KEY (point, replication))"
            )
        except sqlite3.Error as error:
            self._base.close()
            raise OSError(f"{path}: {error}") from error

    def put(self, point: int, replication: int, blob: bytes) -> None:
        """Store a run, replacing what was stored for it. Raises OSError if that fails, for example on a full disk."""
        try:
            self._base.execute("INSERT OR REPLACE INTO run VALUES (?, ?, ?)", (point, replication, blob))
        except sqlite3.Error as error:
            raise OSError(f"{self.path}: {error}") from error

    def get(self, point: int, replication: int) -> bytes | None:
        """A stored run; None if there is none."""
        asked = "SELECT blob FROM run WHERE point = ? AND replication = ?"
        found = self._base.execute(asked, (point, replication)).fetchone()
        return None if found is None else bytes(found[0])

    @property
    def process(self) -> int:
        """Id of the process whose journal this is."""
        return int(self.path.stem)

    def runs(self) -> list[tuple[int, int]]:
        """All stored runs, in order."""
        return self._base.execute("SELECT point, replication FROM run ORDER BY point, replication").fetchall()

    def forget(self, runs: Iterable[tuple[int, int]]) -> None:
        """Delete runs; the space is used again."""
        self._base.execute("BEGIN IMMEDIATE")
        self._base.executemany("DELETE FROM run WHERE point = ? AND replication = ?", runs)
        self._base.execute("COMMIT")

    def close(self) -> None:
        """Let go of the file."""
        self._base.close()


def own(folder: Path) -> Path:
    """Where this process keeps its journal. folder: the output folder of the sweep."""
    return of_process(folder, os.getpid())


def of_process(folder: Path, process: int) -> Path:
    """Where a process keeps its journal."""
    return folder / JOURNALS / f"{process}.sqlite"


def damaged(error: BaseException | None) -> bool:
    """Whether a journal's error is that its file is no database any more; others, like a full disk, pass."""
    if isinstance(error, OSError):
        error = error.__cause__
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def remove(path: Path) -> None:
    """Delete a journal with the files that SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)


def look_up(path: Path, point: int, replication: int) -> bytes | None:
    """A run in the journal of a dead process; None if it is not there, or if there is no journal."""
    if not path.is_file():
        return None
    with closing(Journal(path)) as journal:
        return journal.get(point, replication)
