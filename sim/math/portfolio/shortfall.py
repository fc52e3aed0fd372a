"""The portfolio of least expected shortfall over scenarios, as a linear programme."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import SpilloverError
from sim.math.risk import historical_es

Floats = NDArray[np.float64]


class LeastShortfall(NamedTuple):
    """weights: (k,). shortfall: mean loss over the worst scenarios, of one of wealth. objective: less the reward."""

    weights: Floats
    shortfall: float
    objective: float


def least_shortfall(
    scenarios: Floats,
    level: float = 0.95,
    upper: ArrayLike = 1.0,
    total: float = 1.0,
    reward: Floats | None = None,
) -> LeastShortfall:
    """Weights 0 <= w <= upper, w'1 = total, of the least expected shortfall less reward'w.

    The programme of Rockafellar and Uryasev (J. Risk 2, 2000) is solved in its dual: which mixture of scenarios would
    hurt most? That has a row per asset instead of one per scenario. The weights are its prices, and are solved once
    more as a linear system, so they are exact where the solver has tolerances.

    scenarios: (s, k) returns. reward: (k,), none if not given. Raises SpilloverError if upper sums to less than total.
    """
    from scipy.optimize import linprog

    count, size = scenarios.shape
    most, gain = np.broadcast_to(np.asarray(upper, float), size), np.zeros(size) if reward is None else reward
    if most.sum() < total * (1.0 - 1e-12):
        raise SpilloverError(f"expected shortfall: upper bounds sum to {most.sum():g}, below the total of {total:g}")
    unit = float(np.abs(scenarios).max()) or 1.0
    rows = np.hstack((scenarios.T / unit, np.ones((size, 1)), -np.eye(size)))
    each = 1.0 / ((1.0 - level) * count)
    found = linprog(
        np.concatenate((np.zeros(count), [-total], most)), A_ub=rows, b_ub=-gain / unit,
        A_eq=np.concatenate((np.ones(count), np.zeros(size + 1)))[None], b_eq=[1.0],
        bounds=[(0.0, each)] * count + [(None, None)] + [(0.0, None)] * size, method="highs-ds",
    )  # fmt: skip
    if found.x is None:
        raise SpilloverError(f"expected shortfall: the linear programme has no solution: {found.message}")
    tied = (found.x[:count] > 1e-9 * each) & (found.x[:count] < each * (1.0 - 1e-9))
    weights = _exact(scenarios / unit, np.clip(-found.ineqlin.marginals, 0.0, most), tied, most, total)
    shortfall = historical_es(np.einsum("si,i->s", scenarios, weights), level)
    return LeastShortfall(weights, shortfall, shortfall - float((gain * weights).sum()))


def _exact(scenarios: Floats, weights: Floats, tied: NDArray[np.bool_], most: Floats, total: float) -> Floats:
    """Weights between their bounds from the scenarios that stand exactly at the quantile, which lose the same."""
    low, high = weights < 1e-9, weights > most - 1e-9
    free = ~low & ~high
    fixed = np.where(low, 0.0, np.where(high, most, 0.0))
    if not free.any():
        return fixed
    inside = scenarios[tied]
    rows = np.vstack((np.hstack((inside[:, free], np.ones((len(inside), 1)))), np.append(np.ones(free.sum()), 0.0)))
    goal = np.append(-np.einsum("si,i->s", inside, fixed), total - fixed.sum())
    start = np.append(weights[free], -np.mean(np.einsum("si,i->s", inside, weights)) if len(inside) else 0.0)
    step = np.linalg.lstsq(rows, goal - np.einsum("ri,i->r", rows, start), rcond=1e-12)[0]
    fixed[free] = np.clip((start + step)[:-1], 0.0, most[free])
    return fixed
