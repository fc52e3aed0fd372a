"""The kernel decorator: one compiled loop and one plain NumPy twin that must agree with it bit for bit.

With NUMBA_DISABLE_JIT=1 every kernel is replaced by its twin, so the whole simulator runs without a compiler.
tests/test_kernels.py compares every pair over sizes and seeds.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sim.kernel_cache import cache_folder

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

    given = config.CACHE_DIR  # type: ignore[attr-defined]
    try:
        config.CACHE_DIR = given or cache_folder(loop.__module__, loop.__code__.co_filename)  # type: ignore[attr-defined]
        return njit(cache=True, error_model="numpy", **options)(loop)  # type: ignore[call-overload]
    finally:
        config.CACHE_DIR = given  # type: ignore[attr-defined]
