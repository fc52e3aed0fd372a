"""The kernel decorator: one compiled loop and one plain NumPy twin that must agree with it bit for bit.

With NUMBA_DISABLE_JIT=1 every kernel is replaced by its twin, so the whole simulator runs without a compiler.
tests/test_kernels.py compares every pair over sizes and seeds.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

ROOMS = ("sim", "agents", "protocols", "benchmarks")
"""Packages that hold kernels or what is compiled into them."""
KEPT_STATES = 8
JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")


@dataclass(frozen=True)
class KernelPair:
    """A compiled kernel, its NumPy twin, and the module that owns both."""

    name: str
    compiled: Callable[..., Any]
    twin: Callable[..., Any]


KERNELS: dict[str, KernelPair] = {}


def kernel(twin: Callable[..., Any] | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Compile a loop (njit, cached, no fastmath) and register it beside its NumPy twin.

    Parameters
    ----------
    twin: a function of the same signature and results, written without explicit loops. None for kernels that work row
        after row, each row seeing what the last one wrote: their twin is the same code, uncompiled.
    """

    def wrap(loop: Callable[..., Any]) -> Callable[..., Any]:
        plain = twin or loop
        compiled = _njit(loop) if JIT else plain
        name = f"{loop.__module__}.{loop.__qualname__}"
        KERNELS[name] = KernelPair(name, compiled, plain)
        return compiled

    return wrap


def inline(loop: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a scalar helper that kernels call; plain Python when the compiler is off.

    Helpers allocate nothing, so they do without reference counts: counting the arrays of a `Book` in and out costs more
    than most helpers do.
    """
    return _njit(loop, _nrt=False) if JIT else loop


def _njit(loop: Callable[..., Any], **options: bool) -> Callable[..., Any]:
    from numba import config, njit

    if not config.CACHE_DIR:  # type: ignore[attr-defined]
        config.CACHE_DIR = str(_cache_folder())  # type: ignore[attr-defined]
    return njit(cache=True, error_model="numpy", **options)(loop)  # type: ignore[call-overload]


def _cache_folder() -> Path:
    """Folder of compiled kernels for exactly this source.

    Numba notices a change of the file a kernel stands in, but not of helpers in other files that were compiled into it:
    with one folder per state of the source no kernel is ever older than its helpers. NUMBA_CACHE_DIR overrides it.
    """
    root = Path(__file__).resolve().parents[1]
    digest = sha256(str(root).encode())
    for room in ROOMS:
        for file in sorted((root / room).rglob("*.py")):
            stat = file.stat()
            digest.update(f"{file.relative_to(root)}:{stat.st_size}:{stat.st_mtime_ns};".encode())
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "spillover"
    folder = base / digest.hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    _forget_old(base, folder)
    return folder


def _forget_old(base: Path, current: Path) -> None:
    """Keep the folders of the latest few states of the source."""
    os.utime(current)
    others = sorted((entry for entry in base.iterdir() if entry != current), key=lambda entry: entry.stat().st_mtime)
    for entry in others[: -KEPT_STATES or None]:
        shutil.rmtree(entry, ignore_errors=True)
