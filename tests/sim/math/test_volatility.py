"""Estimators of variance on geometric Brownian motion, where the truth is a setting."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.math.volatility import (
    HAR_WINDOWS,
    bar_ranges,
    close_variance,
    ewma_variance,
    har_components,
    har_forecast,
    parkinson_variance,
    range_moment,
    realised_variance,
)
from sim.processes.base import brownian_returns
from sim.processes.gbm import GeometricBrownianMotion

VOLATILITY = 0.8
TRUTH = VOLATILITY**2
HOUR = 1.0 / 8760.0
DAY = 24.0 * HOUR


@pytest.fixture(scope="module")
def paths():
    """(samples, days * 24 + 1) hourly log prices of independent samples with drift, of `sim.processes.gbm`."""
    process = GeometricBrownianMotion(name="p", assets=["A"], drift=0.5, volatility=VOLATILITY)
    normals = np.random.default_rng(1).standard_normal((200, 100 * 24))
    returns = brownian_returns(process.drift, process.volatility, HOUR, normals)
    return np.concatenate((np.zeros((200, 1)), np.cumsum(returns, axis=1)), axis=1)


def unbiased(estimates, errors=4.0):
    estimates = np.asarray(estimates)
    return abs(estimates.mean() - TRUTH) < errors * estimates.std(ddof=1) / np.sqrt(estimates.size)


def test_close_to_close_is_unbiased(paths):
    estimates = np.array([close_variance(path[::24], DAY) for path in paths])
    assert unbiased(estimates)
    assert estimates.std() / TRUTH == pytest.approx(np.sqrt(2.0 / 99), rel=0.25)


def test_parkinson_is_unbiased_once_it_knows_how_often_prices_are_seen(paths):
    informed = [parkinson_variance(bar_ranges(path, 24), DAY, steps=24) for path in paths]
    naive = np.array([parkinson_variance(bar_ranges(path, 24), DAY) for path in paths])
    assert unbiased(informed)
    assert naive.mean() / TRUTH == pytest.approx(0.75, abs=0.04)


def test_parkinson_on_a_nearly_continuous_path_needs_no_correction():
    rng = np.random.default_rng(2)
    estimates = []
    for _ in range(60):
        steps = 4000
        path = np.concatenate(([0.0], np.cumsum(VOLATILITY * np.sqrt(DAY / steps) * rng.standard_normal(20 * steps))))
        estimates.append(parkinson_variance(bar_ranges(path, steps), DAY))
    assert abs(np.mean(estimates) / TRUTH - 1.0) < 0.03 + 4.0 * np.std(estimates) / TRUTH / np.sqrt(60)


@pytest.mark.parametrize("steps", [1, 2, 6, 24, 96])
def test_squared_range_of_a_random_walk(steps):
    walk = np.random.default_rng(steps).standard_normal((40_000, steps)).cumsum(axis=1) / np.sqrt(steps)
    squares = (np.maximum(walk.max(axis=1), 0.0) - np.minimum(walk.min(axis=1), 0.0)) ** 2
    tolerance = 0.003 * range_moment(steps) + 4.0 * squares.std() / np.sqrt(squares.size)
    assert abs(squares.mean() - range_moment(steps)) < tolerance
    assert range_moment(steps) < range_moment(steps + 1) < range_moment() == 4.0 * np.log(2.0)


def test_parkinson_needs_fewer_days_than_closes(paths):
    closes = [close_variance(path[::24], DAY) for path in paths]
    ranges = [parkinson_variance(bar_ranges(path, 24), DAY, steps=24) for path in paths]
    assert np.var(closes) / np.var(ranges) > 3.0


def test_daily_realised_variance_and_its_components_are_unbiased(paths):
    daily = np.array([realised_variance(path, 24, HOUR) for path in paths])
    assert daily.shape == (200, 100)
    assert unbiased(daily.mean(axis=1))
    for column in range(3):
        assert unbiased([har_components(days)[-1, column] for days in daily])


def test_ewma_is_unbiased_from_the_first_return(paths):
    assert unbiased([ewma_variance(np.diff(path), HOUR) for path in paths])
    assert unbiased([ewma_variance(np.diff(path[:6]), HOUR) for path in paths])


def test_har_forecast_is_unbiased(paths):
    assert unbiased([har_forecast(realised_variance(path, 24, HOUR)).forecast for path in paths])


def test_har_coefficients_are_recovered_from_a_heterogeneous_autoregression():
    rng = np.random.default_rng(3)
    truth, floor, days = np.array([0.35, 0.3, 0.2]), 0.06, 20_000
    variance = np.full(days, 0.4)
    for t in range(30, days):
        past = [variance[t - window : t].mean() for window in HAR_WINDOWS]
        variance[t] = floor + truth @ past + 0.05 * (rng.gamma(4.0) / 4.0 - 1.0)
    fitted = har_forecast(variance)
    past = np.array([variance[-window:].mean() for window in HAR_WINDOWS])
    assert fitted.coefficients == pytest.approx(truth, abs=0.06)
    assert fitted.forecast == pytest.approx(floor + truth @ past, abs=0.01)
    assert har_components(variance)[-1] == pytest.approx(past)


@pytest.mark.parametrize("horizon", [1, 5])
def test_har_is_least_squares_on_the_mean_variance_ahead(horizon):
    variance = np.random.default_rng(4).gamma(2.0, 0.2, 200)
    rows, ahead = [], []
    for t in range(30, 200 - horizon + 1):
        rows.append([1.0, variance[t - 1], variance[t - 7 : t].mean(), variance[t - 30 : t].mean()])
        ahead.append(variance[t : t + horizon].mean())
    expected = np.linalg.solve(np.array(rows).T @ rows, np.array(rows).T @ ahead)
    fitted = har_forecast(variance, horizon)
    assert [fitted.intercept, *fitted.coefficients] == pytest.approx(expected, rel=1e-8)


@given(st.lists(st.floats(0.0, 10.0), min_size=1, max_size=80), st.integers(1, 10))
def test_a_forecast_stays_within_what_was_seen(values, horizon):
    variance = np.array(values)
    forecast = har_forecast(variance, horizon).forecast
    assert variance.min() - 1e-12 <= forecast <= variance.max() + 1e-12


@given(st.floats(0.01, 0.999), st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=30))
def test_ewma_follows_its_recursion(share, returns):
    weight, state = 0.0, 0.0
    for value in returns:
        state, weight = share * state + value * value, share * weight + 1.0
    assert ewma_variance(np.array(returns), 0.5, share) == pytest.approx(2.0 * state / weight, abs=1e-15)


def test_bars_share_their_ends():
    path = np.array([0.0, 3.0, 1.0, -2.0, 0.0, 9.0])
    assert bar_ranges(path, 2).tolist() == [3.0, 3.0]
    assert bar_ranges(path, 5).tolist() == [11.0]
    assert bar_ranges(path, 6).size == 0


def test_nothing_is_said_without_data():
    empty = np.zeros(0)
    assert np.isnan([close_variance(np.zeros(2), 1.0), parkinson_variance(empty, 1.0), ewma_variance(empty, 1.0)]).all()
    assert np.isnan(har_forecast(empty).forecast)
