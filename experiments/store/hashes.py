"""parts.json: the sha256 of every part of an output folder, and which parts are about to be replaced.

A part is entered as pending before its files are renamed into place and confirmed afterwards, so a writer that is
killed in between leaves a folder in which every file still has one of two known hashes.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PARTS = "parts.json"


@dataclass
class Sealed:
    """One sealed part. runs: how many it holds. partial: whether more will follow. files: relative path -> sha256."""

    runs: int
    partial: bool
    files: dict[str, str]


@dataclass
class Parts:
    """The parts of a folder by number, and the one that was being written when its writer stopped."""

    sealed: dict[int, Sealed] = field(default_factory=dict)
    pending: tuple[int, Sealed] | None = None

    def hashes(self) -> dict[str, set[str]]:
        """Relative path -> hashes the file may have."""
        found: dict[str, set[str]] = {}
        for part in [*self.sealed.values(), *([self.pending[1]] if self.pending else [])]:
            for name, digest in part.files.items():
                found.setdefault(name, set()).add(digest)
        return found

    def required(self) -> Iterator[str]:
        """Files that must be there."""
        for part in self.sealed.values():
            yield from part.files


def load_parts(text: str) -> Parts:
    """Parts from the text of parts.json. Raises ValueError if it is damaged."""
    try:
        data = json.loads(text)
        sealed = {int(number): Sealed(**part) for number, part in data["parts"].items()}
        pending = data["pending"]
        return Parts(sealed, (int(pending[0]), Sealed(**pending[1])) if pending else None)
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from None


def read_parts(folder: Path) -> Parts:
    """The parts of a local folder; empty if it has no list of them. Raises ValueError if the list is damaged."""
    place = folder / PARTS
    return load_parts(place.read_text(encoding="utf-8")) if place.is_file() else Parts()


def write_parts(folder: Path, parts: Parts) -> None:
    """Replace the list of parts, whole or not at all."""
    data: dict[str, Any] = {"parts": {number: vars(part) for number, part in sorted(parts.sealed.items())}}
    data["pending"] = [parts.pending[0], vars(parts.pending[1])] if parts.pending else None
    draft = folder / f".{PARTS}.staged"
    draft.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    settle(draft)
    os.replace(draft, folder / PARTS)


def settle(path: Path) -> None:
    """Wait until a file's bytes are on the disk, so that a power cut after its renaming finds them there."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def file_hash(path: Path) -> str:
    """sha256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
