"""GARCH(1,1): variance that answers to shocks and reverts to its mean (Bollerslev, J. Econometrics 31, 1986)."""

# mypy: allow-untyped-defs, allow-incomplete-defs

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.jit import kernel

Floats = NDArray[np.float64]
FEW = 20
"""Returns below which nothing is fitted."""
_BACKCAST, _BACKCAST_DECAY = 75, 0.94


class Garch(NamedTuple):
    """h(t+1) = omega + alpha r(t)^2 + beta h(t), in the variance of one return; stationary if alpha + beta < 1."""

    omega: float
    alpha: float
    beta: float

    @property
    def variance(self) -> float:
        """What the variance reverts to."""
        return self.omega / (1.0 - self.alpha - self.beta)


@kernel()
def garch_variance(squares, omega, alpha, beta, start, out):
    """Conditional variance of every return and of the next one.

    squares: (n,) squared returns. start: stands in for what was before the first. out: (n + 1,), overwritten.
    """
    square, variance = start, start
    for t in range(squares.size):
        variance = omega + alpha * square + beta * variance
        out[t], square = variance, squares[t]
    out[squares.size] = omega + alpha * square + beta * variance


def backcast(squares: Floats) -> float:
    """Discounted mean of the first squares: what is taken for the variance before them."""
    some = squares[:_BACKCAST]
    weights = _BACKCAST_DECAY ** np.arange(some.size)
    return float((some * weights).sum() / weights.sum())


def conditional_variance(returns: Floats, model: Garch) -> Floats:
    """(n + 1,) variance of each return seen from before it; the last one is that of the return to come."""
    squares = returns * returns
    out = np.empty(squares.size + 1)
    garch_variance(squares, model.omega, model.alpha, model.beta, backcast(squares), out)
    return out


def log_likelihood(returns: Floats, model: Garch) -> float:
    """Gaussian, of returns about zero."""
    variance = conditional_variance(returns, model)[:-1]
    return -0.5 * float((np.log(2.0 * math.pi * variance) + returns * returns / variance).sum())


def fit_garch(returns: Floats) -> Garch:
    """Quasi-maximum likelihood of returns about zero, by Nelder-Mead from the best of a few starts.

    A constant variance, alpha = beta = 0, where there are fewer than `FEW` returns or none differs from zero.
    """
    squares = returns * returns
    level = float(squares.mean()) if squares.size else 0.0
    if squares.size < FEW or level <= 0.0:
        return Garch(level, 0.0, 0.0)
    from scipy.optimize import minimize

    scaled, out = squares / level, np.empty(squares.size + 1)
    before = backcast(scaled)

    def cost(x):
        garch_variance(scaled, *_unpacked(x), before, out)
        variance = out[:-1]
        return float((np.log(variance) + scaled / variance).sum())

    starts = [_packed(share, persistence) for share in (0.05, 0.2, 0.5) for persistence in (0.5, 0.9, 0.98)]
    # No gradients: the solvers that take them call BLAS, which is slower here and not the same bits on every machine.
    found = minimize(cost, min(starts, key=cost), method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-8})
    omega, alpha, beta = _unpacked(found.x)
    return Garch(omega * level, alpha, beta)


def mean_ahead(model: Garch, following: float, horizon: int) -> float:
    """Mean variance of the next `horizon` returns, given that of the following one."""
    persistence = model.alpha + model.beta
    weight = (1.0 - persistence**horizon) / (horizon * (1.0 - persistence))
    return model.variance + weight * (following - model.variance)


def _unpacked(x) -> tuple[float, float, float]:
    """(omega, alpha, beta) inside their bounds; the mean variance, in units of the sample's, is exp(x0)."""
    persistence, share = _logistic(x[1]), _logistic(x[2])
    return math.exp(min(x[0], 50.0)) * (1.0 - persistence), persistence * share, persistence * (1.0 - share)


def _packed(share: float, persistence: float) -> Floats:
    return np.array([0.0, math.log(persistence / (1.0 - persistence)), math.log(share / (1.0 - share))])


def _logistic(x: float) -> float:
    # Away from 0 and 1, so that the model stays stationary.
    return 1e-8 + (1.0 - 2e-8) / (1.0 + math.exp(-max(min(x, 40.0), -40.0)))
