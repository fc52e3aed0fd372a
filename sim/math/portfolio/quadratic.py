"""Mean-variance portfolios: the frontier, minimum variance, the tangency, Kelly, and trades that pay for themselves.

Covariances are positive definite and, as means, per year; weights are shares of wealth. Every function raises
SpilloverError if the bounds leave no portfolio or the covariance is singular.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import SpilloverError
from sim.math.portfolio.kernels import ANY, AT_MOST, EXACT, solve_portfolios

Floats = NDArray[np.float64]
STRAY = 1e-11
"""Error of a sum of weights, relative to the total, that is left alone."""


def efficient_frontier(
    mean: Floats, covariance: Floats, tolerances: Sequence[float], upper: ArrayLike = np.inf, total: float = 1.0
) -> Floats:
    """(m, k) weights that minimise 1/2 w'Sw - t mean'w for each risk tolerance t, 0 <= w <= upper, w'1 = total.

    The path in t is the efficient frontier from the minimum-variance portfolio (t = 0) upwards (Markowitz, J. Finance
    7, 1952); between changes of the assets that are held it is straight.
    """
    linear = -np.multiply.outer(np.asarray(tolerances, dtype=np.float64), mean)
    return _solved(covariance, linear, _ceiling(upper, mean.size), total, EXACT)


def minimum_variance_weights(
    covariance: Floats, upper: ArrayLike = np.inf, total: float = 1.0, charge: Floats | None = None
) -> Floats:
    """(k,) weights that minimise 1/2 w'Sw + charge'w, 0 <= w <= upper, w'1 = total. charge: (k,), none if not given."""
    linear = np.zeros((1, len(covariance))) if charge is None else charge[None]
    row: Floats = _solved(covariance, linear, _ceiling(upper, len(covariance)), total, EXACT)[0]
    return row


def maximum_sharpe_weights(excess: Floats, covariance: Floats, upper: ArrayLike = np.inf, total: float = 1.0) -> Floats:
    """(k,) weights 0 <= w <= upper, w'1 = total, with the most mean excess return per risk; `most_return` must be > 0.

    Without bounds the ray of min 1/2 y'Sy - excess'y, y >= 0. With them it is the point of the frontier where
    w'Sw = t excess'w: the left side less the right falls in t and is straight between changes of what is held, so a
    bracketed secant ends on it.
    """
    most = _ceiling(upper, excess.size)
    ray = _solved(covariance, -excess[None], np.full(excess.size, np.inf), 1.0, ANY)[0]
    held = float(ray.sum())
    weights: Floats = total / max(held, 1e-300) * ray
    if held > 0.0 and np.all(weights <= most):
        return weights
    if held <= 0.0 or most_return(excess, most, total) <= 0.0:
        raise SpilloverError("maximum Sharpe: no portfolio within its bounds has an expected excess return above 0")
    return _bounded_tangency(excess, covariance, most, total)


def most_return(mean: Floats, upper: ArrayLike = np.inf, total: float = 1.0) -> float:
    """The most expected return of any weights 0 <= w <= upper, w'1 = total: best assets first, each up to its bound."""
    most, best = _ceiling(upper, mean.size), int(mean.argmax())
    if most[best] >= total:
        return float(total * mean[best])
    order = np.argsort(-mean, kind="stable")
    room = np.minimum(most, total)[order]
    return float((np.clip(total - (np.cumsum(room) - room), 0.0, room) * mean[order]).sum())


def _bounded_tangency(excess: Floats, covariance: Floats, most: Floats, total: float) -> Floats:
    def at(tolerance: float) -> tuple[Floats, float]:
        w = efficient_frontier(excess, covariance, [tolerance], most, total)[0]
        return w, float(np.einsum("i,ij,j->", w, covariance, w) - tolerance * np.einsum("i,i->", excess, w))

    low, high = 0.0, float(np.trace(covariance) * total / excess.max())
    weights, above = at(low)
    best, below = at(high)
    while below > 0.0:
        if np.abs(best - weights).max() <= STRAY * total:
            return best
        low, above, weights, high = high, below, best, 4.0 * high
        best, below = at(high)
    for turn in range(200):
        middle = low + (high - low) * (above / (above - below) if turn % 3 < 2 else 0.5)
        weights, value = at(middle)
        if abs(value) <= 1e-15 * above or middle in (low, high):
            break
        low, above, high, below = (middle, value, high, below) if value > 0.0 else (low, above, middle, value)
    return weights


def kelly_weights(
    excess: Floats, covariance: Floats, fraction: float = 1.0, upper: ArrayLike = np.inf, limit: float = 1.0
) -> Floats:
    """(k,) weights 0 <= w <= upper, w'1 <= limit, that maximise growth fraction x excess'w - 1/2 w'Sw.

    Where no constraint binds they are fraction x S^-1 excess (Kelly, Bell System Technical J. 35, 1956; Thorp, 2006):
    the growth-optimal portfolio for fraction 1, half Kelly for 0.5.
    """
    row: Floats = _solved(covariance, -fraction * excess[None], _ceiling(upper, excess.size), limit, AT_MOST)[0]
    return row


def worthwhile_weights(target: Floats, current: Floats, covariance: Floats, cost: Floats, limit: float = 1.0) -> Floats:
    """(n, k) weights w >= 0, w'1 <= limit, that minimise 1/2 (w - target)'S(w - target) + cost'|w - current|.

    Inside the region where no trade pays for itself the answer is `current`, and trades end on its edge (Davis and
    Norman, Mathematics of Operations Research 15, 1990); with no cost it is `target`.

    target, current: (n, k). covariance: times risk aversion and the time over which a distance from the target is
    borne. cost: (k,) share of a trade that is lost.
    """
    linear = -np.einsum("ij,nj->ni", covariance, target)
    home = np.maximum(current, 0.0)
    return _solved(covariance, linear, np.full(cost.size, np.inf), limit, AT_MOST, home, cost)


def _ceiling(upper: ArrayLike, size: int) -> Floats:
    return np.ascontiguousarray(np.broadcast_to(np.asarray(upper, dtype=np.float64), size))


def _solved(
    covariance: Floats,
    linear: Floats,
    upper: Floats,
    total: float,
    balance: int,
    home: Floats | None = None,
    cost: Floats | None = None,
) -> Floats:
    n, k = linear.shape
    if balance == EXACT and upper.sum() < total * (1.0 - 1e-12):
        raise SpilloverError(f"portfolio: upper bounds sum to {upper.sum():g}, below the total of {total:g}")
    stay = np.zeros((n, k)) if home is None else home
    charge, weights, steps = np.zeros(k) if cost is None else cost, np.empty((n, k)), np.empty(n, np.int64)
    each = covariance if covariance.ndim == 3 else covariance[None]
    solve_portfolios(
        np.ascontiguousarray(each), linear, np.zeros(k), upper, stay, charge, total, balance, weights, steps
    )
    if (steps < 0).any():
        raise SpilloverError(f"portfolio: the covariance of {k} assets is singular; shrink it or lengthen its window")
    if balance != ANY and (n > 1 or abs(float(weights.sum()) - total) > STRAY * total):
        _mend(weights, upper, total, balance)
    return weights


def _mend(weights: Floats, upper: Floats, total: float, balance: int) -> None:
    """Bring sums back to the total where an ill-conditioned covariance made the solver stray from it."""
    stray = weights.sum(axis=1) - total
    for p in np.flatnonzero(np.abs(stray) > STRAY * total if balance == EXACT else stray > STRAY * total).tolist():
        free = np.flatnonzero((weights[p] > 0.0) & (weights[p] < upper))
        part = weights[p, free] * (1.0 - stray[p] / weights[p, free].sum(initial=1e-300))
        weights[p, free] = np.clip(part, 0.0, upper[free])
