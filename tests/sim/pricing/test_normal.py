"""The exponential, the logarithm and the normal distribution against 40 digits."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.pricing.elementary import exp, log_ratio
from sim.pricing.normal import cdf, density, mills

EXACT = mp.mp.clone()
EXACT.dps = 40


def error(found, expected):
    return float(abs(EXACT.mpf(float(found)) / expected - 1))


@given(st.floats(-708.0, 709.0))
def test_exponential(x):
    assert error(exp(x), EXACT.exp(EXACT.mpf(x))) < 5e-16


def test_exponential_beyond_its_range():
    assert exp(-709.0) == exp(-1e6) == exp(-np.inf) == 0.0
    assert exp(710.0) == exp(np.inf) == np.inf
    assert np.isnan(exp(np.nan))


@given(st.floats(1e-150, 1e150), st.floats(1e-150, 1e150))
def test_log_ratio(above, below):
    expected = EXACT.log(EXACT.mpf(above) / EXACT.mpf(below))
    found = log_ratio(above, below)
    assert found == 0.0 if expected == 0 else error(found, expected) < 1e-15


@given(st.floats(1e-3, 1e6), st.integers(-(10**6), 10**6))
def test_log_ratio_of_neighbours_keeps_its_digits(below, steps):
    above = below * (1.0 + steps * 1e-12)
    if above != below:
        assert error(log_ratio(above, below), EXACT.log(EXACT.mpf(above) / EXACT.mpf(below))) < 1e-15


@given(st.floats(0.0, 60.0))
def test_mills_ratio(z):
    x = EXACT.mpf(z)
    expected = EXACT.sqrt(EXACT.pi / 2) * EXACT.exp(x * x / 2) * EXACT.erfc(x / EXACT.sqrt(2))
    assert error(mills(z), expected) < 2e-15


@given(st.floats(-37.0, 37.0))
def test_distribution_keeps_relative_digits_in_the_tail(z):
    expected = EXACT.erfc(-EXACT.mpf(z) / EXACT.sqrt(2)) / 2
    assert error(cdf(z), expected) < 3e-13
    assert cdf(z) + cdf(-z) == pytest.approx(1.0, abs=3e-16)
    assert error(density(z), EXACT.npdf(EXACT.mpf(z))) < 3e-13
