import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.math.portfolio.opinions import implied_excess, opinion_variance, posterior
from sim.math.portfolio.quadratic import kelly_weights

TAU = 0.05


def believe(market, size, seed, confidence):
    rng = np.random.default_rng(seed)
    _, covariance = market(size, seed)
    prior = implied_excess(rng.dirichlet(np.ones(size)), covariance, 2.5)
    picks, said = rng.standard_normal((2, size)), rng.normal(0.1, 0.2, 2)
    doubt = opinion_variance(picks, covariance, TAU, np.full(2, confidence))
    return prior, covariance, picks, said, doubt


def test_an_investor_with_the_implied_expectations_holds_the_market(market):
    _, covariance = market(6, 1)
    weights = np.random.default_rng(1).dirichlet(np.ones(6))
    assert kelly_weights(implied_excess(weights, covariance, 2.5) / 2.5, covariance) == pytest.approx(weights, rel=1e-9)


@given(size=st.integers(2, 8), seed=st.integers(0, 10_000), confidence=st.floats(0.05, 0.99))
def test_it_is_the_weighted_least_squares_of_market_and_opinions(market, size, seed, confidence):
    prior, covariance, picks, said, doubt = believe(market, size, seed, confidence)
    precision = np.linalg.inv(TAU * covariance)
    joint = precision + picks.T @ np.diag(1 / doubt) @ picks
    found = posterior(prior, covariance, picks, said, doubt, TAU)
    assert found.excess == pytest.approx(np.linalg.solve(joint, precision @ prior + picks.T @ (said / doubt)), rel=1e-6)
    assert found.covariance == pytest.approx(covariance + np.linalg.inv(joint), rel=1e-6)


def test_certain_opinions_come_true_and_vague_ones_change_nothing(market):
    prior, covariance, picks, said, doubt = believe(market, 5, 2, 1.0)
    assert picks @ posterior(prior, covariance, picks, said, doubt, TAU).excess == pytest.approx(said, rel=1e-10)
    vague = opinion_variance(picks, covariance, TAU, np.full(2, 1e-12))
    assert posterior(prior, covariance, picks, said, vague, TAU).excess == pytest.approx(prior, rel=1e-9)


def test_an_opinion_as_sure_as_the_market_moves_it_half_way(market):
    prior, covariance, picks, _, _ = believe(market, 4, 3, 0.5)
    doubt = opinion_variance(picks[:1], covariance, TAU, np.array([0.5]))
    moved = posterior(prior, covariance, picks[:1], np.array([0.9]), doubt, TAU).excess
    assert picks[0] @ moved == pytest.approx(0.5 * (0.9 + picks[0] @ prior), rel=1e-12)
