import numpy as np
import pytest

from agents.rules.maximum_sharpe import MaximumSharpe
from agents.rules.minimum_variance import MinimumVariance

HOUR = 3_600.0
EXPECTED = {"ETH": 0.2, "BTC": 0.5, "SOL": 0.8}


def test_reward_is_proportional_to_marginal_risk(look, returns):
    view = look(returns)
    rule = MaximumSharpe(window=500 * HOUR, expected=EXPECTED, riskless=0.04)
    weights, covariance = rule.weights(view)[0], rule.covariance(view)
    price = rule.excess(view, covariance, rule.history(view)) / (covariance @ weights)
    assert (weights > 0.0).all()
    assert price == pytest.approx(np.full(3, price[0]), rel=1e-10)


def test_a_cap_binds(look, returns):
    rule = MaximumSharpe(window=500 * HOUR, expected=EXPECTED, largest=0.34)
    weights = rule.weights(look(returns))[0]
    assert weights.max() == pytest.approx(0.34)
    assert weights.sum() == pytest.approx(1.0)


def test_without_a_reward_it_is_minimum_variance_and_counted(look, returns):
    view = look(returns)
    rule = MaximumSharpe(window=500 * HOUR, expected={"ETH": -0.1, "BTC": -0.2, "SOL": -0.3})
    assert np.array_equal(rule.weights(view), MinimumVariance(window=500 * HOUR).weights(view))
    assert rule.fallbacks == {"no_positive_excess": 1}


def test_a_reward_out_of_reach_of_the_bounds_is_none(look, returns):
    view = look(returns)
    settings = {"window": 500 * HOUR, "largest": 0.4}
    rule = MaximumSharpe(expected={"ETH": 0.1, "BTC": -0.2, "SOL": -0.3}, **settings)
    assert np.array_equal(rule.weights(view), MinimumVariance(**settings).weights(view))
    assert rule.fallbacks == {"no_positive_excess": 1}
