"""Arguments for the kernels of forecasts."""

import numpy as np

from tests.kernel_cases import case


@case("sim.math.forecast.garch.garch_variance")
def _(rng, n):
    alpha, beta = rng.dirichlet([1.0, 8.0, 1.0])[:2]
    return rng.standard_normal(n) ** 2, 0.05, float(alpha), float(beta), 1.0, np.empty(n + 1)


@case("sim.math.forecast.regimes.filter_regimes")
def _(rng, n):
    calm = float(rng.random())
    start = np.array([calm, 1.0 - calm])
    return rng.uniform(0.01, 1.0, (n, 2)), rng.uniform(0.5, 0.99, 2), start, np.empty((n, 2)), np.empty(n)


@case("sim.math.forecast.regimes.smooth_regimes")
def _(rng, n):
    calm = rng.uniform(0.01, 0.99, n + 1)
    return np.column_stack([calm, 1.0 - calm]), rng.uniform(0.5, 0.99, 2), np.empty((n + 1, 2))
