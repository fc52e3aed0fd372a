"""Health factors of a million positions: the compiled scan, its NumPy twin, and the machine's memory as a roof."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Contender, Figure, Job, Report, race, ratio, speed, triad
from protocols.lending import kernels
from sim.jit import KERNELS

NAME = "health"
TITLE = "Health-factor scan of 1M lending positions"
POSITIONS = 1_000_000
TARGET = 0.4
"""Billion positions per second."""


@dataclass(frozen=True)
class Positions:
    """A lending market's balances: `collaterals` rows of receipts, then `debts` rows of debts, scaled int64 atoms."""

    balance: NDArray[np.int64]
    collaterals: int
    debts: int

    @classmethod
    def draw(cls, count: int, collaterals: int, debts: int) -> "Positions":
        """Positions with health factors spread around 1.5; a tenth of the accounts owes nothing."""
        rng = np.random.default_rng(8)
        balance = np.zeros((collaterals + debts, count), dtype=np.int64)
        balance[:collaterals] = rng.integers(10**8, 10**11, (collaterals, count))
        owing = rng.random(count) > 0.1
        worth = balance[:collaterals].sum(axis=0) * (0.8 / 1.5 / debts)
        balance[collaterals:] = -(worth * rng.uniform(0.5, 1.6, (debts, count)) * owing).astype(np.int64)
        return cls(balance, collaterals, debts)

    def job(self, scan: Callable[..., int]) -> Job:
        """Scan every position with `scan`, a function with the signature of `scan_health`."""
        a_rows, d_rows = np.arange(self.collaterals), np.arange(self.collaterals, len(self.balance))
        values = np.full(self.collaterals, 1e-6), np.full(self.debts, 1e-6), np.full(self.collaterals, 0.8)
        health = np.zeros(self.balance.shape[1])
        found: list[int] = []

        def work() -> None:
            found.append(scan(self.balance, a_rows, d_rows, *values, 0, health.size, health))

        return Job(work, lambda: {"health": health, "breached": found[-1]})


def contenders(scale: float = 1.0, collaterals: int = 1, debts: int = 1) -> list[Contender]:
    """The compiled scan and its twin on the same positions."""
    positions = Positions.draw(max(64, int(POSITIONS * scale)), collaterals, debts)
    pair = KERNELS[f"{kernels.__name__}.scan_health"]
    count = positions.balance.shape[1]
    return [
        Contender("compiled", lambda: positions.job(pair.compiled), count, 15),
        Contender("NumPy twin", lambda: positions.job(pair.twin), count, 9),
    ]


def run(scale: float = 1.0) -> Report:
    """One collateral against one debt, and five reserves on either side."""
    figures: list[Figure] = []
    for collaterals, debts, target in ((1, 1, TARGET), (5, 5, None)):
        compiled, twin = race(contenders(scale, collaterals, debts))
        size = int(compiled.units)
        roof = triad(size)
        moved = 8.0 * (collaterals + debts + 1)
        shape = f"{collaterals} collateral x {debts} debt"
        figures += [
            speed(compiled, 1e9, "billion positions/s", target),
            speed(twin, 1e9, "billion positions/s"),
            ratio("compiled over NumPy", compiled, twin),
            Figure("share of triad bandwidth", compiled.median * moved / 1e9 / roof, "", detail=f"{roof:.3g} GB/s"),
        ]
        figures[-4:] = [replace(figure, label=f"{shape}: {figure.label}") for figure in figures[-4:]]
    return Report(NAME, TITLE, figures, "health of every position and the number below 1, bit for bit")
