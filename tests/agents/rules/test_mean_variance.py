import numpy as np
import pytest

from agents.rules.mean_variance import MeanVariance
from agents.rules.minimum_variance import MinimumVariance

HOUR = 3_600.0
WINDOW = 500 * HOUR
EXPECTED = {"ETH": 0.1, "BTC": 0.5, "SOL": 0.9}


def test_no_tolerance_is_minimum_variance(look, returns):
    view = look(returns)
    expected = MinimumVariance(window=WINDOW).weights(view)
    assert MeanVariance(window=WINDOW, tolerance=0.0).weights(view) == pytest.approx(expected, rel=1e-13)


def test_tolerance_moves_along_the_frontier(look, returns):
    view = look(returns)
    mean = np.array(list(EXPECTED.values()))
    path = [MeanVariance(window=WINDOW, tolerance=t, expected=EXPECTED).weights(view)[0] for t in (0.0, 0.2, 1.0, 50.0)]
    assert (np.diff([weights @ mean for weights in path]) > 0.0).all()
    assert path[-1].tolist() == [0.0, 0.0, 1.0]


def test_the_slope_is_the_same_for_every_held_asset(look, returns):
    view = look(returns)
    rule = MeanVariance(window=WINDOW, tolerance=0.5, expected=EXPECTED, riskless=0.05, largest=0.7)
    weights, covariance = rule.weights(view)[0], rule.covariance(view)
    slope = covariance @ weights - 0.5 * rule.excess(view, covariance, rule.history(view))
    assert slope[weights > 0.0].max() <= slope[weights < 0.7].min() + 1e-12


@pytest.mark.parametrize("mean", ["sample", "ewma", "james_stein", "bayes_stein"])
def test_a_rising_asset_is_expected_to_rise(look, returns, mean):
    view = look(returns[:500] + np.array([0.0, 0.002, 0.0]))
    rule = MeanVariance(window=WINDOW, mean=mean, half_life=200 * HOUR, tolerance=1.0)
    assert np.argmax(rule.excess(view, rule.covariance(view), rule.history(view))) == 1
    assert rule.weights(view)[0][1] > MinimumVariance(window=WINDOW).weights(view)[0][1]


def test_expected_returns_are_those_of_prices_and_not_of_their_logarithms(look, returns):
    view = look(returns)
    rule = MeanVariance(window=WINDOW, mean="sample")
    covariance = rule.covariance(view)
    drift = returns[-500:].mean(axis=0) * 8_760 + 0.5 * np.diag(covariance)
    assert rule.excess(view, covariance, rule.history(view)) == pytest.approx(drift)


def test_the_prior_fills_what_the_run_does_not_know(look, returns):
    view = look(returns[:0])
    rule = MeanVariance(prior_mean=0.3, riskless=0.1)
    assert rule.excess(view, rule.covariance(view), rule.history(view)) == pytest.approx(np.full(3, 0.2))


def test_a_discounted_mean_believes_the_recent_past(look, returns):
    turned = returns[:500] + np.where(np.arange(500) < 450, 0.01, -0.01)[:, None] * np.array([0.0, 1.0, 0.0])
    view = look(turned)
    excess = {}
    for mean in ("sample", "ewma"):
        rule = MeanVariance(window=WINDOW, mean=mean, half_life=20 * HOUR)
        excess[mean] = rule.excess(view, rule.covariance(view), rule.history(view))[1]
    assert excess["ewma"] < 0.0 < excess["sample"]
