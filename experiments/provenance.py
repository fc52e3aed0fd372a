"""Where a result comes from: versions, source digest, machine; and whether the code on the path is ours."""

import hashlib
import os
import platform
from functools import cache
from importlib import import_module
from pathlib import Path

from sim.errors import ConfigError

ROOT = Path(__file__).resolve().parents[1]
"""The folder that holds our four packages: the project, or site-packages."""

PACKAGES = ("sim", "agents", "protocols", "experiments")
LIBRARIES = ("spillover", "mesa", "numpy", "numba", "llvmlite", "scipy", "pandas", "pyarrow", "networkx", "pydantic")


def versions() -> dict[str, str]:
    """Name -> version of Python, of Spillover and of the libraries that numbers may depend on.

    A library that is not installed as a distribution (Spillover run from a bare folder) is "not installed".
    """
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def machine() -> dict[str, str | int]:
    """The host: operating system, processor, cores. Kept apart from results, which do not depend on it."""
    return {
        "host": platform.node(),
        "system": platform.platform(),
        "processor": _processor_name() or platform.processor() or platform.machine(),
        "architecture": platform.machine(),
        "cores": os.cpu_count() or 1,
    }


def _processor_name() -> str:
    """Model name as Linux gives it; empty elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


@cache
def source_digest(root: Path = ROOT) -> str:
    """sha256 (hex) over names and contents of all Python files of our packages, in sorted order.

    Part of a run's key: results of one model are never taken for those of another. Line ends are normalised, so a
    checkout on any system gives the same digest.
    """
    digest = hashlib.sha256()
    for path in source_files(root):
        text = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(text)}\0".encode())
        digest.update(text)
    return digest.hexdigest()


def source_files(root: Path = ROOT) -> list[Path]:
    """All Python files of our packages below a folder, sorted by their names within it."""
    files = [path for package in PACKAGES for path in (root / package).rglob("*.py")]
    return sorted(files, key=lambda path: path.relative_to(root).as_posix())


def check_packages() -> None:
    """Raise ConfigError, saying what to do, if the import package `agents` is not ours.

    The distribution openai-agents installs a top-level package of the same name; whichever comes first on the path, or
    was installed last into the same folder, wins.
    """
    try:
        package = import_module("agents")
    except Exception as error:
        raise ConfigError(f'the import package "agents" cannot be loaded ({error}){_REMEDY}') from error
    if getattr(package, "SPILLOVER", None) is not True:
        where = getattr(package, "__file__", None) or "an unknown place"
        raise ConfigError(f'the import package "agents" found at {where} is not Spillover\'s{_owner()}{_REMEDY}')


_REMEDY = (
    ". Spillover needs its own: use an environment without the other package (`make run` makes one in .venv), or "
    "uninstall the other one and install Spillover again"
)


def _owner() -> str:
    """Which other distributions claim the name, as an aside for the message."""
    from importlib.metadata import packages_distributions

    others = sorted(set(packages_distributions().get("agents", [])) - {"spillover"})
    return f" but belongs to {', '.join(others)}" if others else ""
