"""A common factor: what assets share, what is their own, and what an observer can recover."""

import numpy as np
import pytest

from sim.errors import ConfigError
from sim.math.covariance import factor_model, sample_covariance, shrink_to_constant_correlation
from sim.processes import fundamental_paths
from sim.processes.factor import Factor
from sim.rng import Streams

HOUR_YEARS = 1.0 / 8760.0
LOADINGS, OWN, MACRO = [1.0, 1.4, 2.1, -0.5], [0.0, 0.5, 0.7, 0.3], 0.25


@pytest.fixture
def simulate(make_grid):
    def make(ticks=20_000, correlation=None, seed=1, **settings):
        chosen = {"loadings": LOADINGS, "volatility": OWN, "factor_volatility": MACRO} | settings
        assets = [f"A{i}" for i in range(4)]
        process = Factor(name="macro", assets=assets, **chosen)
        grid = make_grid(ticks, assets=4)
        path = fundamental_paths([process], assets, correlation, grid, Streams(seed))
        return np.diff(path, axis=0), process.factor_returns(grid, Streams(seed).generator("process:macro"))

    return make


def test_loadings_are_recovered_from_simulation(simulate):
    returns, factor = simulate()
    found = factor_model(returns, factor)
    errors = np.array(OWN) / (MACRO * np.sqrt(len(factor)))
    assert np.all(np.abs(found.loadings - LOADINGS) <= 4.0 * errors + 1e-9)
    assert np.allclose(np.sqrt(found.residual / HOUR_YEARS), OWN, atol=0.01)
    assert np.sqrt(found.factor_variance / HOUR_YEARS) == pytest.approx(MACRO, rel=0.02)


def test_the_asset_of_loading_one_without_noise_shows_the_factor_to_everybody(simulate):
    returns, factor = simulate(ticks=500)
    assert np.allclose(returns[:, 0] - returns[:, 0].mean(), factor - factor.mean(), atol=1e-15)


def test_covariance_is_that_of_the_model_and_of_the_noise_in_the_config(simulate):
    noise = np.eye(4)
    noise[1, 2] = noise[2, 1] = 0.4
    returns, _ = simulate(ticks=40_000, correlation=noise)
    expected = MACRO**2 * np.outer(LOADINGS, LOADINGS) + noise * np.outer(OWN, OWN)
    assert np.allclose(sample_covariance(returns) / HOUR_YEARS, expected, atol=0.015)
    assert np.allclose(shrink_to_constant_correlation(returns).covariance / HOUR_YEARS, expected, atol=0.015)


def test_expected_price_grows_at_the_drift_whatever_the_loading(make_grid, within):
    process = Factor(name="macro", assets=["A", "B"], loadings=[2.0, -1.0], factor_volatility=0.4, drift=0.3)
    grid = make_grid(3, seconds=30 * 86_400.0, assets=2)
    ends = []
    for seed in range(6_000):
        rng = np.random.default_rng(seed)
        ends.append(process.log_path(grid, rng, rng.standard_normal((3, 2)))[-1])
    for column in range(2):
        assert within(np.exp(np.array(ends)[:, column]), np.exp(0.3 * 90 / 365))


def test_no_loading_is_geometric_brownian_motion(make_paths):
    from sim.processes.gbm import GeometricBrownianMotion

    settings = {"volatility": 0.5, "drift": 0.1}
    plain = make_paths(GeometricBrownianMotion, 100, paths=3, **settings)
    assert np.array_equal(make_paths(Factor, 100, paths=3, loadings=0.0, **settings), plain)


@pytest.mark.parametrize("setting", ["loadings", "volatility"])
def test_a_list_has_one_number_for_each_asset(setting):
    with pytest.raises(ConfigError, match=rf'process "macro" \(factor\): {setting} lists 3 values for 2 assets'):
        Factor(name="macro", assets=["A", "B"], **{setting: [1.0, 1.0, 1.0]})
