"""Units and rounding, stated once.

Amounts are int64 atoms of a token; prices are float64 numeraire (USD) per whole token; rates are per year; time is
in seconds on the clock and in 365-day years in formulas. When a float value becomes atoms it is rounded in the
protocol's favour: what an account receives is rounded down, what it owes is rounded up.
"""

import numpy as np
from numpy.typing import NDArray

SECONDS_PER_YEAR = 365 * 86_400
MAX_ATOMS = 2**62
"""No balance may reach this: sums of two balances still fit an int64."""


def atoms_down(amount: NDArray[np.float64], decimals: int) -> NDArray[np.int64]:
    """Whole tokens to atoms, rounded towards zero: for what an account receives."""
    return np.floor(np.asarray(amount) * 10.0**decimals).astype(np.int64)


def atoms_up(amount: NDArray[np.float64], decimals: int) -> NDArray[np.int64]:
    """Whole tokens to atoms, rounded away from zero: for what an account owes."""
    return np.ceil(np.asarray(amount) * 10.0**decimals).astype(np.int64)


def whole(atoms: NDArray[np.int64], decimals: int) -> NDArray[np.float64]:
    """Atoms to whole tokens."""
    return np.asarray(atoms) / 10.0**decimals
