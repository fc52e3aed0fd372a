"""Quantile regression and Delta-CoVaR: a linear programme, a normal law, and invariances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from sim.math.risk import gaussian_delta_covar, gaussian_mes, sample_mes
from sim.math.systemic.dependence import delta_covar, quantile_line


def loss(x, y, quantile, intercept, slope):
    rest = y - intercept - slope * x
    return float((rest * np.where(rest < 0.0, quantile - 1.0, quantile)).sum())


def by_programme(x, y, quantile):
    """Least loss of any line, by HiGHS: rest = up - down, cost quantile up + (1 - quantile) down."""
    n = x.size
    cost = np.concatenate([np.zeros(2), np.full(n, quantile), np.full(n, 1.0 - quantile)])
    rows = np.column_stack([np.ones(n), x, np.eye(n), -np.eye(n)])
    return linprog(cost, A_eq=rows, b_eq=y, bounds=[(None, None)] * 2 + [(0, None)] * 2 * n, method="highs").fun


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.05, 0.25, 0.5, 0.9]), st.sampled_from([5, 40, 81]))
def test_no_line_fits_better(seed, quantile, n):
    rng = np.random.default_rng(seed)
    x = rng.standard_t(3, n)
    y = 0.7 * x + rng.standard_normal(n) * (1.0 + 0.3 * np.abs(x))
    assert loss(x, y, quantile, *quantile_line(x, y, quantile)) == pytest.approx(by_programme(x, y, quantile), rel=1e-8)


def test_normal_returns_have_the_closed_forms():
    rng = np.random.default_rng(5)
    system = rng.standard_normal(400_000)
    own = 0.5 * system + np.sqrt(0.75) * rng.standard_normal(400_000)
    assert gaussian_delta_covar(0.5) == pytest.approx(-0.82243, abs=5e-6)
    assert delta_covar(own, system) == pytest.approx(-0.82243, abs=0.02)
    assert gaussian_mes(0.5) == pytest.approx(-1.03136, abs=5e-6)
    assert sample_mes(own, system) == pytest.approx(-1.03136, abs=0.02)


def test_independent_returns_have_none():
    rng = np.random.default_rng(6)
    assert delta_covar(rng.standard_normal(200_000), rng.standard_normal(200_000)) == pytest.approx(0.0, abs=0.03)


def test_scale_of_the_unit_does_not_matter_and_that_of_the_system_does():
    rng = np.random.default_rng(7)
    own = rng.standard_normal(500)
    system = 0.5 * own + rng.standard_normal(500)
    base = delta_covar(own, system)
    assert base < 0.0
    assert delta_covar(1e-6 * own + 3.0, system) == pytest.approx(base, rel=1e-5)
    assert delta_covar(own, 100.0 * system) == pytest.approx(100.0 * base, rel=1e-6)
    assert delta_covar(-own, system) > 0.0


def test_a_unit_that_never_moves_and_no_returns_at_all():
    rng = np.random.default_rng(8)
    assert delta_covar(np.zeros(100), rng.standard_normal(100)) == 0.0
    assert quantile_line(np.full(100, 0.3), np.arange(100.0), 0.05) == (4.0, 0.0)
    assert np.isnan(delta_covar(np.zeros(0), np.zeros(0)))
