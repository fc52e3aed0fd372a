"""Correlation in stress and in calm, and the principal components behind it."""

import numpy as np
import pytest

from sim.math.risk import absorption_ratio
from sim.math.systemic.comovement import FEWEST, mean_correlation, stress_and_calm


def normals(rho, assets=4, ticks=200_000, seed=3):
    rng = np.random.default_rng(seed)
    common, own = rng.standard_normal((ticks, 1)), rng.standard_normal((ticks, assets))
    return np.sqrt(rho) * common + np.sqrt(1.0 - rho) * own


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.9])
def test_mean_correlation_is_that_of_the_law_and_of_numpy(rho):
    returns = normals(rho)
    found = mean_correlation(returns)
    assert found == pytest.approx(rho, abs=0.01)
    assert found == pytest.approx(np.corrcoef(returns.T)[np.triu_indices(4, 1)].mean(), abs=1e-12)


def test_a_constant_column_has_no_part_in_it():
    returns = normals(0.5)[:500]
    assert mean_correlation(np.column_stack([returns, np.full(500, 0.1)])) == pytest.approx(mean_correlation(returns))
    assert np.isnan(mean_correlation(returns[:, :1]))
    assert np.isnan(mean_correlation(returns[:0]))


def test_choosing_the_worst_ticks_of_a_normal_law_lowers_its_correlation():
    """Given the average A, correlation of two of k assets falls from rho as var(A) shrinks in the chosen tail."""
    rho, k = 0.5, 4
    stress, calm = stress_and_calm(normals(rho, k))
    tail = 1.0 + 1.2815515655 * -1.7549833193 * -1.0 - 1.7549833193**2  # variance of a normal below its tenth
    whole = (1.0 + (k - 1) * rho) / k
    expected = rho - whole * (1.0 - tail), 1.0 - whole * (1.0 - tail)
    assert stress == pytest.approx(expected[0] / expected[1], abs=0.02)
    assert calm < rho


def test_a_sale_of_everything_at_once_raises_stress_above_calm():
    rng = np.random.default_rng(1)
    returns = 0.01 * rng.standard_normal((2_000, 3))
    sold = rng.choice(2_000, 200, replace=False)
    returns[sold] -= 0.1 * rng.exponential(1.0, (200, 1))
    stress, calm = stress_and_calm(returns)
    assert stress > 0.9
    assert abs(calm) < 0.2


def test_too_few_ticks_of_stress_say_nothing():
    returns = normals(0.5)[: 10 * FEWEST]
    assert np.isfinite(stress_and_calm(returns)).all()
    assert np.isnan(stress_and_calm(returns[:-1])).all()


@pytest.mark.parametrize(("components", "share"), [(1, 0.314), (10, 0.44)])
def test_absorption_ratio_of_fifty_assets_from_their_returns(components, share):
    returns = normals(0.3, assets=50, ticks=40_000)
    centred = returns - returns.mean(axis=0)
    exact = np.full((50, 50), 0.3) + 0.7 * np.eye(50)
    assert absorption_ratio(exact, components) == pytest.approx(share, abs=1e-12)
    assert absorption_ratio(centred.T @ centred, components) == pytest.approx(share, abs=0.01)
