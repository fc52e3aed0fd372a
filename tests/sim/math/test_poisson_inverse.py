"""Poisson counts by inversion."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import poisson

from sim.math.poisson import poisson_inverse

UNIFORMS = np.random.default_rng(5).random(20_000)


@given(mean=st.floats(1e-6, 2000.0), uniform=st.floats(1e-9, 1.0 - 1e-9))
def test_agrees_with_the_quantile_function(mean, uniform):
    count = int(poisson_inverse(np.array([uniform]), mean)[0])
    assert poisson.cdf(count, mean) >= uniform * (1.0 - 1e-9)
    assert poisson.cdf(count - 1, mean) <= uniform * (1.0 + 1e-9)


@given(mean=st.floats(0.0, 50.0), more=st.floats(0.0, 50.0))
def test_a_larger_mean_never_has_fewer_events(mean, more):
    assert np.all(poisson_inverse(UNIFORMS, mean + more) >= poisson_inverse(UNIFORMS, mean))


@pytest.mark.parametrize("mean", [0.01, 1.0, 30.0, 1500.0])
def test_moments(mean):
    counts = poisson_inverse(UNIFORMS, mean)
    assert abs(counts.mean() - mean) < 4.0 * np.sqrt(mean / UNIFORMS.size)
    assert counts.var() == pytest.approx(mean, rel=0.35 if mean < 1.0 else 0.05)


def test_no_events_without_intensity():
    assert not poisson_inverse(UNIFORMS, 0.0).any()
