"""Autocorrelation and its decay on processes whose memory is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.math.memory import (
    autocorrelation,
    correlation_band,
    decay,
    hawkes_branching,
    spread_lags,
    volume_volatility_correlation,
)


def self_exciting(rng, branching, background, horizon, mean_delay=1.0):
    """Times of a Hawkes process as a tree: immigrants, and Poisson children at exponential delays."""
    generation = rng.uniform(0.0, horizon, rng.poisson(background * horizon))
    times = [generation]
    while generation.size:
        children = np.repeat(generation, rng.poisson(branching, generation.size))
        generation = children + rng.exponential(mean_delay, children.size)
        times.append(generation)
    return np.concatenate(times)


def test_first_order_autoregression_has_geometric_autocorrelation():
    noise = np.random.default_rng(1).standard_normal(200_000)
    values = noise.copy()
    for t in range(1, values.size):
        values[t] += 0.7 * values[t - 1]
    lags = np.arange(12)
    assert autocorrelation(values, lags) == pytest.approx(0.7**lags, abs=0.02)
    fitted = decay(lags[1:], 0.7 ** lags[1:])
    assert fitted.exponential_misfit < 1e-12 < fitted.power_misfit


@given(st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=60), st.floats(1e-3, 1e3), st.floats(-1e2, 1e2))
def test_autocorrelation_is_one_at_zero_bounded_and_free_of_units(values, scale, shift):
    series = np.array(values)
    lags = np.arange(series.size)
    found = autocorrelation(series, lags)
    if np.ptp(series) < 1e-3:
        return
    assert found[0] == pytest.approx(1.0)
    assert np.all(np.abs(found) <= 1.0 + 1e-12)
    assert found.sum() == pytest.approx(0.5, abs=1e-6)
    assert autocorrelation(scale * series + shift, lags) == pytest.approx(found, abs=1e-6)


def test_independent_values_stay_within_the_band():
    values = np.random.default_rng(2).standard_normal(50_000)
    found = np.abs(autocorrelation(values, np.arange(1, 301)))
    assert np.mean(found < correlation_band(values.size)) > 0.98
    assert np.mean(found < correlation_band(values.size, 1.0)) == pytest.approx(0.683, abs=0.08)


@given(st.floats(-0.9, -0.1), st.floats(0.01, 0.9))
def test_a_power_law_is_read_off_exactly(exponent, first):
    lags = spread_lags(100)
    fitted = decay(lags, first * lags**exponent)
    assert fitted.exponent == pytest.approx(exponent)
    assert fitted.power_misfit < 1e-12 < fitted.exponential_misfit


def test_lags_are_whole_increasing_and_reach_the_last():
    lags = spread_lags(100)
    assert lags[0] == 1 and lags[-1] == 100
    assert np.all(np.diff(lags) > 0)


def test_what_is_not_positive_everywhere_has_no_exponent():
    assert np.isnan(decay(np.array([1, 2, 4]), np.array([0.3, -0.01, 0.1]))).all()


@pytest.mark.parametrize("values", [np.zeros(0), np.full(50, 0.1)], ids=["none", "constant"])
def test_a_series_without_movement_has_no_autocorrelation(values):
    assert np.isnan(autocorrelation(values, [1, 5])).all()


def test_a_lag_beyond_the_end_is_not_a_number():
    assert np.isnan(autocorrelation(np.arange(4.0), [3, 4])).tolist() == [False, True]


@pytest.mark.parametrize("branching", [0.0, 0.032, 0.14, 0.195, 0.6], ids=lambda n: f"n={n}")
def test_branching_of_a_self_exciting_process_is_recovered(branching):
    """The middle three are a venue's forced selling after, at and before its peak in Garcia Seuma (2026)."""
    window, windows = 400.0, 4000
    times = self_exciting(np.random.default_rng(8), branching, 1.0, window * windows)
    counts = np.bincount((times / window).astype(int), minlength=windows)[2:windows]
    error = (1.0 - branching) / np.sqrt(2.0 * windows)
    assert abs(hawkes_branching(counts) - branching) < 4.0 * error


def test_branching_is_zero_where_counts_vary_less_than_chance_and_unknown_without_events():
    assert hawkes_branching([5, 5, 5, 5]) == 0.0
    assert np.isnan(hawkes_branching([0, 0, 0]))


def test_volume_follows_the_size_of_moves_or_does_not():
    rng = np.random.default_rng(9)
    returns = rng.standard_normal(5000)
    assert volume_volatility_correlation(3.0 * np.abs(returns) + 1.0, returns) == pytest.approx(1.0)
    assert abs(volume_volatility_correlation(rng.random(5000), returns)) < 4.0 / np.sqrt(5000)
    assert np.isnan(volume_volatility_correlation(np.ones(5000), returns))
