"""Where compiled kernels are kept: a folder for every module and state of the source that is compiled into it.

Numba notices a change of the file a kernel stands in, but not of helpers and constants in other files that were
compiled into it. A module's folder is named after the state of all files of ours that it imports, however indirectly:
no kernel is ever older than its helpers, and a change of one file leaves the kernels of modules that do not import it.
"""

import os
import re
import shutil
from functools import cache
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
KEPT_STATES = 8
"""Latest states of a module whose compiled kernels are kept."""
_IMPORT = re.compile(
    r"^(?:from|import)\s+((?:sim|agents|protocols|benchmarks)\b[\w.]*)(?:[ ]+import[ ]+(\([^)]*\)|[^\n]*))?",
    re.MULTILINE,
)


@cache
def cache_folder(module: str, file: str) -> str:
    """Folder of the compiled kernels of a module that stands in a file; NUMBA_CACHE_DIR overrides it."""
    digest = sha256()
    for path in sorted(_closure(Path(file).resolve())):
        stat = path.stat()
        digest.update(f"{path}:{stat.st_size}:{stat.st_mtime_ns};".encode())
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "spillover" / module
    folder = base / digest.hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    _forget_old(base, folder)
    return str(folder)


def _closure(start: Path) -> set[Path]:
    """The file and all files of ours that it imports at module level, directly or not."""
    found, waiting = {start}, [start]
    while waiting:
        for path in _imports(waiting.pop()) - found:
            found.add(path)
            waiting.append(path)
    return found


@cache
def _imports(path: Path) -> frozenset[Path]:
    found = set()
    for module, names in _IMPORT.findall(path.read_text(encoding="utf-8")):
        place = ROOT.joinpath(*module.split("."))
        parts = [name.split(" as ")[0].strip() for name in names.strip("()").split(",")]
        for item in [place, *(place / part for part in parts if part.isidentifier())]:
            found |= {file for file in (item.with_suffix(".py"), item / "__init__.py") if file.is_file()}
    return frozenset(found)


@cache
def _forget_old(base: Path, current: Path) -> None:
    """Keep the folders of the latest few states."""
    os.utime(current)
    others = sorted((entry for entry in base.iterdir() if entry != current), key=lambda entry: entry.stat().st_mtime)
    for entry in others[: -KEPT_STATES or None]:
        shutil.rmtree(entry, ignore_errors=True)
