"""Geometric Brownian motion against its closed form, and as the negative control of tails and clustering."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sim.processes.gbm import GeometricBrownianMotion

DAY = 86_400.0


def test_moments(make_paths, within):
    path = make_paths(GeometricBrownianMotion, 50, 7 * DAY, paths=20_000, drift=0.3, volatility=0.8)
    years = 50 * 7 / 365
    assert within(path[-1], (0.3 - 0.32) * years)
    assert within((path[-1] - (0.3 - 0.32) * years) ** 2, 0.64 * years)
    assert within(np.exp(path[-1]), np.exp(0.3 * years))


@given(drift=st.floats(-2.0, 2.0), volatility=st.floats(0.0, 3.0))
def test_without_innovations_the_path_is_the_median(drift, volatility):
    from datetime import datetime

    from sim.processes import PathGrid

    process = GeometricBrownianMotion(name="p", assets=["A"], drift=drift, volatility=volatility)
    grid = PathGrid(10, 1 / 365, datetime(2024, 1, 1), DAY, np.ones(1))
    path = process.log_path(grid, np.random.default_rng(1), np.zeros((10, 1)))[:, 0]
    assert np.allclose(path, (drift - volatility**2 / 2) * grid.years(), atol=1e-12)
    assert np.allclose(process.trend(grid), drift * grid.years())


def test_negative_control_no_fat_tails_no_clustering(make_paths, hill, excess_kurtosis):
    returns = np.diff(make_paths(GeometricBrownianMotion, 50_000, DAY)[:, 0])
    assert hill(returns, 0.05) > 5.0
    assert hill(returns, 0.01) > 5.0
    assert abs(excess_kurtosis(returns)) < 4.0 * np.sqrt(24 / returns.size)
    size = np.abs(returns) - np.abs(returns).mean()
    clustering = [(size[lag:] * size[:-lag]).mean() / size.var() for lag in (1, 5, 20)]
    assert np.abs(clustering).max() < 4.0 / np.sqrt(returns.size)
