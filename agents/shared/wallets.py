"""What accounts can spend, for kernels."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.jit import inline
from sim.views import View


class Wallets(NamedTuple):
    """Balances as kernels see them."""

    balances: NDArray[np.int64]
    """(tokens, n) atoms."""
    native: int
    gas_reserve: int
    """Native atoms that are kept back for gas."""


def wallets(view: View) -> Wallets:
    """The balances of a population."""
    return Wallets(view.balances, view.native, view.gas_reserve)


@inline
def spendable(purse: Wallets, token: int, row: int) -> int:
    """Atoms that one account can spend."""
    held = purse.balances[token, row]
    return max(held - purse.gas_reserve, 0) if token == purse.native else held


def spendable_numpy(purse: Wallets, token: int | NDArray[np.int64], rows: NDArray[np.intp]) -> NDArray[np.int64]:
    """(m,) `spendable` for an own token of each row, or one of all."""
    held = purse.balances[token, rows]
    return np.where(np.equal(token, purse.native), np.maximum(held - purse.gas_reserve, 0), held)
