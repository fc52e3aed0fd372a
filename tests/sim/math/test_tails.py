"""Tail estimators on laws whose tails are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from sim.math.tails import (
    aggregated_kurtosis,
    excess_kurtosis,
    hill,
    kurtosis_slope,
    log_ccdf_exponent,
    skewness,
    worst_return,
)

MANY = 400_000


def limit(law, share):
    """What Hill's estimator on |x| converges to: the inverse of the mean log excess over the quantile."""
    edge = law.isf(share / 2.0)
    excess, _ = integrate.quad(lambda x: 2.0 * law.sf(x) / share / x, edge, np.inf, epsabs=1e-12)
    return 1.0 / excess


TRUTH = [
    pytest.param(stats.t(3), 0.05, 2.64, id="student 5%"),
    pytest.param(stats.t(3), 0.01, 2.87, id="student 1%"),
    pytest.param(stats.norm, 0.05, 6.0, id="normal 5%"),
    pytest.param(stats.norm, 0.01, 8.8, id="normal 1%"),
]


@pytest.mark.parametrize(("law", "share", "published"), TRUTH)
def test_hill_finds_its_limit_on_known_laws(law, share, published):
    expected = limit(law, share)
    assert expected == pytest.approx(published, rel=0.03)
    sample = law.rvs(size=MANY, random_state=np.random.default_rng(1))
    assert abs(hill(sample, share) - expected) < 4.0 * expected / np.sqrt(share * MANY)


@pytest.mark.parametrize("share", [0.05, 0.01], ids=["5%", "1%"])
def test_hill_is_unbiased_on_a_pareto_law(share):
    sample = np.random.default_rng(2).pareto(3.0, MANY) + 1.0
    assert abs(hill(sample, share) - 3.0) < 3.0 * 3.0 / np.sqrt(share * MANY)


def test_hill_on_two_thousand_student_returns():
    rng = np.random.default_rng(3)
    found = np.array([hill(rng.standard_t(3, 2000)) for _ in range(400)])
    assert found.mean() == pytest.approx(2.67, abs=0.05)
    assert found.std() == pytest.approx(0.25, abs=0.04)


@given(scale=st.floats(1e-6, 1e6), seed=st.integers(0, 100))
def test_figures_do_not_depend_on_the_unit(scale, seed):
    values = np.random.default_rng(seed).standard_t(4, 500)
    for measure in (hill, log_ccdf_exponent, excess_kurtosis, skewness, kurtosis_slope):
        assert measure(scale * values) == pytest.approx(measure(values), rel=1e-8)
    assert hill(-values) == hill(values)
    assert skewness(-values) == pytest.approx(-skewness(values))


def test_losses_alone_make_the_log_ccdf_exponent():
    rng = np.random.default_rng(4)
    losses, gains = rng.pareto(2.5, 100_000) + 1.0, rng.pareto(8.0, 100_000) + 1.0
    found = log_ccdf_exponent(np.concatenate((-losses, gains)), 0.1)
    assert abs(found - 2.5) < 4.0 * 2.5 * np.sqrt(2.0 / 10_000)


@pytest.mark.parametrize(("law", "kurtosis", "skew"), [(stats.laplace, 3.0, 0.0), (stats.expon, 6.0, 2.0)])
def test_moments_of_known_laws(law, kurtosis, skew):
    sample = law.rvs(size=2_000_000, random_state=np.random.default_rng(5))
    assert excess_kurtosis(sample) == pytest.approx(kurtosis, rel=0.03)
    assert skewness(sample) == pytest.approx(skew, abs=0.02)
    assert excess_kurtosis(sample[:99]) == pytest.approx(stats.kurtosis(sample[:99]))


def test_kurtosis_of_independent_returns_falls_with_the_horizon():
    returns = stats.laplace.rvs(size=1_000_000, random_state=np.random.default_rng(6))
    horizons = [1, 2, 4, 8, 16]
    assert aggregated_kurtosis(returns, horizons) == pytest.approx(3.0 / np.array(horizons), rel=0.2)
    assert kurtosis_slope(returns, horizons) == pytest.approx(-1.0, abs=0.1)


def test_the_slope_of_normal_returns_is_not_negative():
    rng = np.random.default_rng(7)
    assert min(kurtosis_slope(rng.standard_normal(20_000)) for _ in range(50)) > -0.05


@given(st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=40), st.integers(1, 5))
def test_worst_return_is_the_lowest_sum(returns, horizon):
    values = np.array(returns)
    sums = [values[i : i + horizon].sum() for i in range(values.size - horizon + 1)]
    if sums:
        assert worst_return(values, horizon) == pytest.approx(min(sums), abs=1e-12)
    else:
        assert np.isnan(worst_return(values, horizon))


@pytest.mark.parametrize("values", [np.zeros(0), np.zeros(1000), np.full(1000, 0.1)], ids=["none", "zeros", "constant"])
def test_nothing_is_said_of_values_without_spread(values):
    for measure in (hill, log_ccdf_exponent, excess_kurtosis, skewness, kurtosis_slope):
        assert np.isnan(measure(values))
