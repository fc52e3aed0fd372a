"""Risk budgets: portfolios whose assets contribute to risk in given proportions (equal ones: risk parity)."""

# mypy: allow-untyped-defs, allow-incomplete-defs

import math

import numpy as np
from numpy.typing import NDArray

from sim.errors import SpilloverError
from sim.jit import inline, kernel

Floats = NDArray[np.float64]
CLOSE = 0.3
"""Largest relative error of a contribution from which Newton's method is tried."""
PRECISION = 1e-14
TURNS = 400
PATIENCE = 80
"""Turns after which coordinate descent is given up for damped steps of Newton's method."""
STALLED = 1e-6
"""Error at which it stops where rounding allows no better: without risk to balance, contributions all but cancel."""


def risk_budget_weights(covariance: Floats, budgets: Floats, total: float = 1.0) -> Floats:
    """(k,) or (n, k) weights w > 0, w'1 = total, with w_i (Sw)_i / w'Sw = budgets_i: the only such portfolio.

    From min 1/2 x'Sx - budgets' ln x (Spinu, 2013), by coordinate descent (Griveau-Billion, Richard and Roncalli, 2013)
    until Newton's method converges, damped as Spinu does where some portfolio has next to no risk. It does not need a
    regular covariance, only positive variances and, strictly, that no long portfolio is free of risk.

    covariance: (k, k) or (n, k, k). budgets: (k,) or (n, k), above 0 with a sum of 1.
    Raises SpilloverError for a budget of 0 or a covariance that is not positive semidefinite.
    """
    each = np.ascontiguousarray(covariance if covariance.ndim == 3 else covariance[None])
    shares = np.ascontiguousarray(np.broadcast_to(budgets, each.shape[:2]))
    weights, turns = np.empty(each.shape[:2]), np.empty(len(each), np.int64)
    if not (shares > 0.0).all():
        raise SpilloverError(f"risk budgets: found {shares.min():g}; every asset of the portfolio needs one above 0")
    solve_budgets(each, shares, weights, turns)
    if (turns < 0).any():
        raise SpilloverError(
            "risk budgets: no convergence; the covariance is not positive semidefinite, or all risk can be hedged away"
        )
    weights *= total
    return weights if covariance.ndim == 3 else weights[0]


def risk_contributions(weights: Floats, covariance: Floats) -> Floats:
    """(k,) shares of the portfolio's variance that each asset contributes; they sum to one."""
    each = weights * np.einsum("ij,j->i", covariance, weights)
    return np.asarray(each / each.sum())


@inline
def _sweep(C, b, y):
    """One turn of coordinate descent on y, weights in units of volatility; C: correlations."""
    for i in range(y.size):
        others = 0.0
        for j in range(y.size):
            if j != i:
                others += C[i, j] * y[j]
        y[i] = 0.5 * (math.sqrt(others * others + 4.0 * b[i]) - others)


@inline
def _error(C, b, y, slope):
    """Fill slope with the gradient; returns the largest error of a contribution relative to its budget."""
    worst = 0.0
    for i in range(y.size):
        slope[i] = -b[i] / y[i]
        for j in range(y.size):
            slope[i] += C[i, j] * y[j]
        worst = max(worst, abs(slope[i] * y[i]) / b[i])
    return worst


@inline
def _newton(C, b, y, slope, L, trial):
    """Fill trial with y after one Newton step; False if the step leaves the positive numbers."""
    k = y.size
    for i in range(k):
        for j in range(i + 1):
            rest = C[i, j] + (b[i] / (y[i] * y[i]) if i == j else 0.0)
            for c in range(j):
                rest -= L[i, c] * L[j, c]
            L[i, j] = rest / L[j, j] if j < i else math.sqrt(max(rest, 1e-16))
        rest = slope[i]
        for c in range(i):
            rest -= L[i, c] * trial[c]
        trial[i] = rest / L[i, i]
    positive = True
    for i in range(k - 1, -1, -1):
        rest = trial[i]
        for c in range(i + 1, k):
            rest -= L[c, i] * trial[c]
        trial[i] = rest / L[i, i]
    for i in range(k):
        trial[i] = y[i] - trial[i]
        positive = positive and trial[i] > 0.0
    return positive


@inline
def _damp(y, trial):
    """Shorten the step from y to trial so that no weight falls to zero or more than doubles (Spinu, 2013)."""
    longest = 0.0
    for i in range(y.size):
        longest = max(longest, abs(trial[i] - y[i]) / y[i])
    for i in range(y.size):
        trial[i] = y[i] + (trial[i] - y[i]) / (1.0 + longest)


@inline
def _balance(C, b, y, slope, L, trial, other):
    """Take y to the budgets, Newton where it helps and coordinate descent where not; iterations, -1 if never there."""
    error = _error(C, b, y, slope)
    for turn in range(TURNS):
        if error <= PRECISION:
            return turn
        better = math.inf
        if turn >= PATIENCE:
            _newton(C, b, y, slope, L, trial)
            _damp(y, trial)
            better = _error(C, b, trial, other)
            if better >= error and error < STALLED:
                return turn
        elif error < CLOSE and _newton(C, b, y, slope, L, trial):
            better = _error(C, b, trial, other)
        if better >= error and turn < PATIENCE:
            if error < 1e-12:
                return turn
            _sweep(C, b, y)
            error = _error(C, b, y, slope)
            continue
        for i in range(y.size):
            y[i], slope[i] = trial[i], other[i]
        error = better
    return -1


@kernel()
def solve_budgets(covariance, budgets, weights, turns):
    """Weights by risk budget for n portfolios of k assets.

    Parameters
    ----------
    covariance: (n, k, k). budgets: (n, k) above 0, sum 1. weights: float64 (n, k), overwritten, sum 1. turns: int64
        (n,), overwritten with the iterations taken, -1 without convergence.
    """
    n, k = weights.shape
    C, L = np.empty((k, k)), np.empty((k, k))
    b, y, slope, trial, other = np.empty(k), np.empty(k), np.empty(k), np.empty(k), np.empty(k)
    for p in range(n):
        risk = 0.0
        for i in range(k):
            b[i], y[i] = budgets[p, i], math.sqrt(budgets[p, i])
            for j in range(k):
                C[i, j] = covariance[p, i, j] / math.sqrt(covariance[p, i, i] * covariance[p, j, j])
                risk += C[i, j] * math.sqrt(budgets[p, i] * budgets[p, j])
        for i in range(k):
            y[i] /= math.sqrt(max(risk, 1e-3))
        turns[p] = _balance(C, b, y, slope, L, trial, other)
        total = 0.0
        for i in range(k):
            weights[p, i] = y[i] / math.sqrt(covariance[p, i, i])
            total += weights[p, i]
        for i in range(k):
            weights[p, i] /= total
