"""Random arguments for the kernels of sim/math/portfolio."""

import numpy as np

from sim.math.portfolio.kernels import ANY, AT_MOST, EXACT
from tests.kernel_cases import case


def covariances(rng, count, size):
    """(count, size, size) of assets with a common factor and volatilities that differ."""
    returns = rng.standard_normal((count, 3 * size + 5, size)) + rng.standard_normal((count, 3 * size + 5, 1))
    scaled = returns * rng.uniform(0.2, 1.5, (count, 1, size))
    return np.einsum("nti,ntj->nij", scaled, scaled) / scaled.shape[1]


def shape(n):
    """(portfolios, assets) for a size that the suite asks for."""
    return min(n, 6), 1 + n % 9


@case("sim.math.portfolio.kernels.solve_portfolios")
def _(rng, n):
    count, size = shape(n)
    S = covariances(rng, count if rng.random() < 0.5 else 1, size)
    home = rng.dirichlet(np.ones(size), count) * rng.choice([0.0, 0.9])
    upper = np.full(size, rng.choice([np.inf, 1.0, 1.5 / size]))
    cost = np.full(size, rng.choice([0.0, 0.02]))
    balance = int(rng.choice([EXACT, AT_MOST, ANY]))
    results = np.empty((count, size)), np.empty(count, np.int64)
    return S, rng.normal(0.0, 0.3, (count, size)), np.zeros(size), upper, home, cost, 1.0, balance, *results


@case("sim.math.portfolio.budgets.solve_budgets")
def _(rng, n):
    count, size = shape(n)
    budgets = rng.dirichlet(np.ones(size), count) + 1e-3
    results = np.empty((count, size)), np.empty(count, np.int64)
    return covariances(rng, count, size), budgets / budgets.sum(axis=1, keepdims=True), *results


@case("sim.math.portfolio.hierarchy.share_by_hierarchy")
def _(rng, n):
    count, size = shape(n)
    return covariances(rng, count, size), np.empty((count, size))
