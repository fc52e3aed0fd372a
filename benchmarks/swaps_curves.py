"""Swaps in a row on one StableSwap pool and across the ticks of one concentrated pool, compiled and as a plain loop."""

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.harness import Contender, Job
from protocols.amm import concentrated_execution, concentrated_kernels, stableswap_execution, stableswap_kernels
from sim.intents import ACCOUNT, ACT, AMOUNT, INT_COLUMNS, TOKEN, TOKEN2, Act
from sim.jit import KERNELS
from sim.ledger import Book

SWAPS, COMPARED = 200_000, 5_000
EDGES = ((-600, 600), (-6000, 3000), (-120, 60), (-887_220, 887_220))
"""Ticks of the ranges of the concentrated pool."""
KERNEL_OF = {
    "stableswap": f"{stableswap_execution.__name__}.run_stableswap",
    "concentrated": f"{concentrated_execution.__name__}.run_concentrated",
}


def book() -> Book:
    """A pool with 10^12 atoms of both tokens and shares in as many ranges as there are, and one rich trader."""
    balance = np.zeros((6, 3), dtype=np.int64)
    balance[:2, 1] = 10**13
    balance[:2, 2] = 10**15
    balance[2:, 2] = 10**12
    issuer = np.array([0, 0, 1, 1, 1, 1])
    balance[np.arange(6), issuer] -= balance.sum(axis=1)
    return Book(balance, issuer, np.ones(6, np.int8), np.zeros((0, 5), np.int64), np.zeros(1, np.int64))


def orders(count: int) -> np.ndarray:
    """Swaps of random size and direction, which keep the price within a few percent."""
    rng = np.random.default_rng(5)
    ints = np.zeros((count, INT_COLUMNS), dtype=np.int64)
    ints[:, ACT], ints[:, ACCOUNT] = int(Act.SWAP), 2
    ints[:, TOKEN] = rng.integers(0, 2, SWAPS)[:count]
    ints[:, TOKEN2] = 1 - ints[:, TOKEN]
    ints[:, AMOUNT] = rng.integers(10**6, 10**10, SWAPS)[:count]
    return ints


def job(name: str, run: Callable[..., object], count: int, compared: int) -> Job:
    """`count` swaps one after another through the kernel that runs orders on the ledger."""
    ints, reals, ledger = orders(count), np.zeros((count, 2)), book()
    out, log_price = np.zeros((count, 2), dtype=np.int64), np.zeros(count + 1)
    if name == "stableswap":
        curve: tuple[Any, ...] = (stableswap_kernels.RATE_UNIT, 400, 9996, 10_000)
    else:
        bounds = np.array([[concentrated_kernels.root_at(tick) for tick in edge] for edge in EDGES])
        fees = [np.zeros((len(EDGES), 2), dtype=np.int64) for _ in range(2)]
        curve = (bounds, (np.ones(1), *fees, np.zeros(len(EDGES), dtype=np.int64)), 997, 1000)
    return Job(
        lambda: run(ledger, ints, reals, 1, 0, 2, 1, *curve, 1.0, 1, out, log_price),
        lambda: {"paid": out[:compared, 1], "status": out[:compared, 0], "log_price": log_price[: compared + 1]},
    )


def along(name: str, scale: float = 1.0) -> list[Contender]:
    """The compiled kernel, and its loop uncompiled around the same compiled formulas."""
    count = max(64, int(SWAPS * scale))
    compared, pair = min(COMPARED, count), KERNELS[KERNEL_OF[name]]
    return [
        Contender("compiled", lambda: job(name, pair.compiled, count, compared), count, 9),
        Contender("plain loop", lambda: job(name, pair.twin, compared, compared), compared, 3),
    ]
