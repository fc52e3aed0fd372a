"""Taking over an output folder: a new one, one of the same sweep, or one whose runs can be used again."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from experiments.store.layout import MANIFEST
from experiments.store.reading import read_manifest
from experiments.store.writing import STAGED, occupied, replace_manifest
from experiments.sweeping import reuse as reusing
from experiments.sweeping.identity import sweep_key
from experiments.sweeping.job import SweepJob
from sim.errors import ConfigError

Reuse = Literal["code", "config", "never"]
"""Which earlier runs are used again: of the same config and code, of the same config, or none."""
LOCK = ".lock"
EMPTY = {LOCK, reusing.NEXT, f".{MANIFEST}{STAGED}"}
"""What a sweep leaves that was killed before it had a manifest."""
_URL = re.compile(r"[A-Za-z][\w+.-]+:/")


def claim(path: Path, job: SweepJob, reuse: Reuse, force: bool, description: dict[str, Any]) -> None:
    """Make the folder this sweep's own, with a manifest and with the earlier runs that it can use.

    description: the manifest. Raises ConfigError, with nothing changed, if the folder cannot be used, or if runs in it
    would be lost and `force` is not given.
    """
    manifest = usable(path, force)
    asked, code = sweep_key(job.plan, ""), sweep_key(job.plan, job.digest)
    fresh = description | {"sweep_key": code, "plan_key": asked}
    if manifest is None:
        reusing.begin(path, fresh)
        return
    reusing.complete_adoption(path)
    same = manifest.get("sweep_key") == code or (reuse == "config" and manifest.get("plan_key") == asked)
    if same and reuse != "never":
        replace_manifest(path, fresh | {"sweep_key": manifest["sweep_key"]})
        return
    if reuse == "never" or "sweep" not in manifest:
        _refuse_loss(path, force or manifest.get("plan_key") == asked)
        reusing.begin(path, fresh)
        return
    adoption = reusing.Adoption(path, job, reuse)
    try:
        _refuse_loss(path, force or not adoption.dropped, adoption.dropped)
        adoption.commit(fresh)
    finally:
        adoption.close()


def free_folder(wanted: Path, job: SweepJob, reuse: Reuse) -> Path:
    """The first of NAME, NAME-2, ... that is free or holds this sweep."""
    keys = {"sweep_key": sweep_key(job.plan, job.digest)}
    if reuse != "code":
        keys = {"plan_key": sweep_key(job.plan, "")}
    path, number = wanted, 1
    while True:
        try:
            manifest = occupied(path)
            if manifest is None or all(manifest.get(name) == key for name, key in keys.items()):
                return path
        except ConfigError:
            if not path.is_dir():
                raise
        number += 1
        path = wanted.with_name(f"{wanted.name}-{number}")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep a second sweep out of the folder. The system lets go of the lock whenever this process ends."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with (path / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(f'--out "{path}": another sweep is writing into it; wait for it, or stop it') from None
        yield


def usable(path: Path, force: bool) -> dict[str, Any] | None:
    """The manifest of an earlier sweep or run in the folder; None if there is nothing to keep.

    Raises ConfigError, with nothing changed, for a folder that a sweep cannot have.
    """
    if _URL.match(str(path)):
        raise ConfigError(
            f'--out "{path}": a sweep is written to this machine; choose a folder, and copy it when it is done: '
            "readers take URLs"
        )
    if path.is_dir() and os.access(path, os.W_OK | os.X_OK) and {item.name for item in path.iterdir()} <= EMPTY:
        return None
    manifest = occupied(path)
    if manifest is None or (force and "sweep" not in manifest):
        return None
    if not manifest:
        read_manifest(path)
    if "sweep" not in manifest:
        raise ConfigError(
            f'--out "{path}" holds a single run, not a sweep; choose another folder, or replace it with --force'
        )
    return manifest


def _refuse_loss(path: Path, allowed: bool, dropped: int | None = None) -> None:
    if not allowed:
        what = "the runs of another sweep" if dropped is None else f"{dropped} runs that this sweep would drop"
        raise ConfigError(
            f'--out "{path}" holds {what}: its config or [sweep] changed, or the code did (then --reuse config keeps '
            "them); choose another folder, or replace it with --force"
        )
