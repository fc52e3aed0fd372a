"""Who stands on the other side: dealers with a capacity and a width per series, and how they share what they take."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
POINT = 0.01
"""One vol point."""


class Supply(NamedTuple):
    """Dealers of one batch. accounts, keys: (d,). capacity: int64 (d, series) atoms. half_spread: (series,)."""

    accounts: Ints
    keys: Ints
    capacity: Ints
    half_spread: Floats

    @property
    def total(self) -> Ints:
        """(series,) atoms that can be traded net."""
        return self.capacity.sum(axis=0)


class Dealers:
    """Standing quotes of accounts in every series."""

    def __init__(self, series: int) -> None:
        self.place: dict[int, int] = {}
        self.keys = np.empty(0, np.int64)
        self.capacity = np.empty((0, series), np.int64)
        self.width = np.empty((0, series))

    def set(self, account: int, series: Ints, amount: int, points: float, key: int) -> None:
        """Stand ready for `amount` atoms of each of these series, `points` vol points either side of the mark."""
        if account not in self.place:
            self.place[account] = len(self.place)
            n = self.capacity.shape[1]
            self.keys = np.append(self.keys, 0)
            self.capacity = np.vstack([self.capacity, np.zeros((1, n), np.int64)])
            self.width = np.vstack([self.width, np.zeros((1, n))])
        row = self.place[account]
        self.keys[row] = key
        self.capacity[row, series], self.width[row, series] = amount, points * POINT

    def supply(self, solvent: NDArray[np.bool_], outside: float) -> Supply:
        """Dealers whose margin is in order. solvent: bool (accounts,). outside: half spread where nobody quotes."""
        accounts = np.array(list(self.place), np.int64)
        capacity = self.capacity * solvent[accounts][:, None]
        total = capacity.sum(axis=0)
        weighted = (capacity * self.width).sum(axis=0)
        spread = np.where(total > 0, weighted / np.maximum(total, 1), outside)
        return Supply(accounts, self.keys, capacity, spread)


def shares(total: int, weights: Ints, keys: Ints) -> Ints:
    """Split whole atoms, of either sign, in proportion to weights, by largest remainder.

    Ties go by key, which stays with an account when a population's rows are permuted. weights: int64 (d,), not negative
    and not all zero. Returns int64 (d,) that sums to `total`.
    """
    whole, size = sum(weights.tolist()), abs(total)
    parts = [divmod(size * weight, whole) for weight in weights.tolist()]
    out = [part for part, _ in parts]
    by_rest = sorted(range(len(parts)), key=lambda d: (-parts[d][1], int(keys[d])))
    for d in by_rest[: size - sum(out)]:
        out[d] += 1
    return np.array(out, np.int64) * (1 if total >= 0 else -1)
