"""Constant-product swaps, exact to the atom: the compiled kernels, their twins, and plain Python integers."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import swaps_curves
from benchmarks.harness import Contender, Job, Report, Timing, race, ratio, speed
from protocols.amm import constant_product_kernels as kernels
from sim.jit import KERNELS

NAME = "swaps"
TITLE = "Swaps on three kinds of pools; constant product equal to Uniswap v2 to the atom"
SWAPS = 1_000_000
COMPARED = 20_000
"""Swaps that plain Python does too, and on which answers are compared."""
TARGET = 80.0
"""Million swaps per second."""
FEE = (997, 1000)
Ints = NDArray[np.int64]


class Orders:
    """Swaps of random size and direction, small against reserves of about 1e12 atoms."""

    def __init__(self, count: int) -> None:
        rng = np.random.default_rng(9)
        self.reserve0 = rng.integers(10**11, 10**12, count)
        self.reserve1 = rng.integers(10**11, 10**12, count)
        self.amount = rng.integers(10**4, 10**8, count)
        self.zero_for_one = rng.random(count) < 0.5
        self.least = np.zeros(count, dtype=np.int64)

    def across(self, swap: Callable[..., object], count: int, compared: int) -> Job:
        """One swap on each of `count` pools."""
        held0, held1 = self.reserve0[:count].copy(), self.reserve1[:count].copy()
        paid, status = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int8)
        orders = self.amount[:count], self.zero_for_one[:count], self.least[:count]
        read = slice(compared)
        return Job(
            lambda: swap(held0, held1, *orders, *FEE, paid, status),
            lambda: {"paid": paid[read], "status": status[read], "reserve0": held0[read], "reserve1": held1[read]},
        )

    def along(self, swap: Callable[..., object], count: int, compared: int) -> Job:
        """`count` swaps one after another on one pool, each of which sees what the last one left."""
        reserves = np.array([10**12, 10**12])
        paid, status = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int8)
        log_price = np.zeros(count + 1)
        orders = self.amount[:count], self.zero_for_one[:count], self.least[:count]
        return Job(
            lambda: swap(reserves, *orders, *FEE, paid, log_price, status),
            lambda: {"paid": paid[:compared], "status": status[:compared], "log_price": log_price[: compared + 1]},
        )


def python_pools(
    reserve0: Ints, reserve1: Ints, amount: Ints, zero_for_one: Any, least: Ints, fee_num: int, fee_den: int,
    paid: Ints, status: Any,
) -> None:  # fmt: skip
    """Uniswap v2's getAmountOut on each pool in Python integers, one by one."""
    for i in range(len(amount)):
        enters, leaves = (reserve0, reserve1) if zero_for_one[i] else (reserve1, reserve0)
        kept = int(amount[i]) * fee_num
        out = kept * int(leaves[i]) // (int(enters[i]) * fee_den + kept)
        status[i] = kernels.ZERO_OUTPUT if out == 0 else kernels.BELOW_MINIMUM if out < least[i] else kernels.OK
        if status[i] == kernels.OK:
            enters[i] += amount[i]
            leaves[i] -= out
            paid[i] = out


def across_pools(scale: float = 1.0) -> list[Contender]:
    """One swap on each of many pools, which runs in vector registers."""
    count = max(64, int(SWAPS * scale))
    compared, orders, pair = min(COMPARED, count), Orders(count), KERNELS[f"{kernels.__name__}.swap_pools"]
    return [
        Contender("compiled", lambda: orders.across(pair.compiled, count, compared), count, 15),
        Contender("NumPy twin", lambda: orders.across(pair.twin, count, compared), count),
        Contender("Python integers", lambda: orders.across(python_pools, compared, compared), compared, 5),
    ]


def along_one_pool(scale: float = 1.0) -> list[Contender]:
    """Swaps in a row on one pool; the twin is the same rule in Python integers, as each swap waits for the last."""
    count = max(64, int(SWAPS * scale))
    compared, orders, pair = min(COMPARED, count), Orders(count), KERNELS[f"{kernels.__name__}.swap_batch"]
    return [
        Contender("compiled", lambda: orders.along(pair.compiled, count, compared), count, 15),
        Contender("Python integers", lambda: orders.along(pair.twin, compared, compared), compared, 5),
    ]


def contenders(scale: float = 1.0) -> list[Contender]:
    """The contenders of the headline figure."""
    return across_pools(scale)


def run(scale: float = 1.0) -> Report:
    """Swaps across many pools, along one pool, and along one pool of each of the other kinds."""
    compiled, twin, plain = (_named(t, "many pools") for t in race(across_pools(scale)))
    chained, chained_plain = (_named(t, "one pool in a row") for t in race(along_one_pool(scale)))
    curves = {name: race(swaps_curves.along(name, scale)) for name in swaps_curves.KERNEL_OF}
    million = "million swaps/s"
    figures = [
        speed(compiled, 1e6, million, TARGET),
        speed(twin, 1e6, million),
        speed(plain, 1e6, million),
        ratio("many pools: compiled over NumPy", compiled, twin),
        ratio("many pools: compiled over Python integers", compiled, plain),
        speed(chained, 1e6, million),
        speed(chained_plain, 1e6, million),
        ratio("one pool in a row: compiled over Python integers", chained, chained_plain),
    ]
    figures += [speed(_named(timing, name), 1e6, million) for name, timings in curves.items() for timing in timings]
    return Report(NAME, TITLE, figures, "amounts paid, statuses, reserves and log prices, bit for bit")


def _named(timing: Timing, prefix: str) -> Timing:
    return Timing(f"{prefix}: {timing.name}", timing.units, timing.seconds)
