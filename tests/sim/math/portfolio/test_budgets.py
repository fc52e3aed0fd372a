import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import SpilloverError
from sim.math.portfolio.budgets import risk_budget_weights, risk_contributions

sizes, seeds = st.integers(1, 12), st.integers(0, 10_000)


@given(size=sizes, seed=seeds, spread=st.sampled_from([0.3, 1.0, 10.0]))
def test_contributions_are_the_budgets(market, size, seed, spread):
    _, covariance = market(size, seed)
    budgets = np.random.default_rng(seed).dirichlet(np.full(size, spread)) + 1e-6
    budgets /= budgets.sum()
    weights = risk_budget_weights(covariance, budgets, total=0.7)
    assert weights.sum() == pytest.approx(0.7, rel=1e-13)
    assert (weights > 0.0).all()
    assert np.abs(risk_contributions(weights, covariance) - budgets).max() < 1e-12


def test_equal_budgets_of_uncorrelated_assets_are_inverse_volatility():
    deviation = np.array([0.2, 0.5, 1.0])
    weights = risk_budget_weights(np.diag(deviation**2), np.full(3, 1 / 3))
    assert weights == pytest.approx(1 / deviation / (1 / deviation).sum(), rel=1e-14)


def test_two_equal_budgets_do_not_see_the_correlation():
    for rho in (-0.9, 0.0, 0.99):
        covariance = np.array([[0.04, rho * 0.1], [rho * 0.1, 0.25]])
        assert risk_budget_weights(covariance, np.full(2, 0.5)) == pytest.approx([5 / 7, 2 / 7], rel=1e-12)


def test_a_singular_covariance_is_no_obstacle():
    beta = np.array([0.5, 1.0, 2.0])
    weights = risk_budget_weights(np.outer(beta, beta), np.full(3, 1 / 3))
    assert weights * beta == pytest.approx(np.full(3, (weights * beta)[0]), rel=1e-10)


def test_many_portfolios_at_once_are_each_its_own(market):
    many = np.stack([market(5, seed)[1] for seed in range(7)])
    together = risk_budget_weights(many, np.full(5, 0.2))
    assert np.array_equal(together, [risk_budget_weights(each, np.full(5, 0.2)) for each in many])


def test_a_budget_of_nothing_is_refused():
    with pytest.raises(SpilloverError, match="found 0; every asset of the portfolio needs one above 0"):
        risk_budget_weights(np.eye(2), np.array([1.0, 0.0]))


@given(seeds, st.integers(2, 40), st.integers(1, 6))
def test_fewer_returns_than_assets_are_no_obstacle_if_little_is_added_to_the_diagonal(seed, size, ticks):
    returns = np.random.default_rng(seed).standard_normal((ticks, size))
    covariance = returns.T @ returns / ticks
    covariance += np.eye(size) * (1e-6 * np.trace(covariance) / size)
    weights = risk_budget_weights(covariance, np.full(size, 1.0 / size))
    assert size * risk_contributions(weights, covariance) == pytest.approx(np.ones(size), abs=1e-6)


def test_budgets_of_a_millionth_are_met():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        covariance = np.cov(rng.standard_normal((42, 40)).T)
        budgets = rng.dirichlet(np.full(40, 0.2)).clip(1e-6)
        budgets /= budgets.sum()
        found = risk_contributions(risk_budget_weights(covariance, budgets), covariance)
        assert found == pytest.approx(budgets, rel=1e-9)
