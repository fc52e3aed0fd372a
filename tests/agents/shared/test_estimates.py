"""What rules believe: estimators, what stands in for a history that is too short, and how often."""

from types import SimpleNamespace

import numpy as np
import pytest

from agents.rules.mean_variance import MeanVariance
from agents.rules.minimum_variance import MinimumVariance
from agents.shared.estimates import RIDGE, Estimating
from sim.errors import ConfigError
from sim.interfaces import AllocatorView
from sim.math.covariance import ewma_covariance, sample_covariance, shrink_to_constant_correlation, shrink_to_identity

HOUR = 3_600.0
PER_YEAR = 8_760


def look(returns):
    path = np.exp(np.vstack([np.zeros(returns.shape[1]), np.cumsum(returns, axis=0)]))
    view = SimpleNamespace(dt_years=1 / PER_YEAR, history=lambda asset, ticks: path[-ticks - 1 :, asset])
    names = ["ETH", "BTC", "SOL"][: returns.shape[1]]
    return AllocatorView(np.arange(1), np.zeros((1, 3)), np.ones(1), path[-1], names, list(range(len(names))), view)


@pytest.fixture
def returns():
    rng = np.random.default_rng(1)
    return 0.01 * (rng.standard_normal((300, 3)) + rng.standard_normal((300, 1))) + 0.002


@pytest.mark.parametrize(
    ("estimator", "estimate"),
    [
        ("sample", sample_covariance),
        ("ledoit_wolf", lambda r: shrink_to_identity(r).covariance),
        ("constant_correlation", lambda r: shrink_to_constant_correlation(r).covariance),
        ("ewma", lambda r: np.einsum("ti,tj->ij", r, r) / len(r)),
    ],
    ids=["sample", "ledoit_wolf", "constant_correlation", "ewma"],
)
def test_estimates_are_of_the_window_and_per_year(returns, estimator, estimate):
    rule = Estimating(estimator=estimator, window=200 * HOUR)
    assert rule.covariance(look(returns)) == pytest.approx(estimate(returns[-200:]) * PER_YEAR, rel=1e-9)
    assert rule.fallbacks == {}


def test_a_half_life_discounts_the_past(returns):
    rule = Estimating(window=300 * HOUR, half_life=20 * HOUR)
    expected = ewma_covariance(returns, 0.5 ** (1 / 20)) * PER_YEAR
    assert rule.covariance(look(returns)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("estimator", ["sample", "ledoit_wolf"])
def test_the_prior_stands_in_for_the_part_before_the_run(returns, estimator):
    whole = Estimating(estimator=estimator, window=60 * HOUR)
    half = Estimating(estimator=estimator, window=120 * HOUR, prior=0.5)
    mixed = 0.5 * whole.covariance(look(returns[:60])) + 0.5 * 0.25 * np.eye(3)
    assert half.covariance(look(returns[:60])) == pytest.approx(mixed)
    assert (whole.fallbacks, half.fallbacks) == ({}, {"short_history": 1})


@pytest.mark.parametrize("estimator", ["sample", "ewma"])
def test_fewer_returns_than_assets_are_singular_and_counted(returns, estimator):
    rule = MinimumVariance(estimator=estimator, window=2 * HOUR)
    seen = look(returns)
    realised, used = rule.realised(seen), rule.covariance(seen)
    assert np.linalg.eigvalsh(used)[0] > 0.0
    assert used - realised == pytest.approx(np.eye(3) * RIDGE * np.trace(realised) / 3, rel=1e-6)
    assert np.isfinite(rule.weights(seen)).all()
    assert rule.fallbacks["singular_covariance"] == 2


def test_prices_that_all_stand_still_are_as_risky_as_the_prior():
    rule = Estimating(window=10 * HOUR, prior=0.6)
    assert rule.covariance(look(np.zeros((20, 3)))) == pytest.approx(np.eye(3) * 0.36)
    assert rule.fallbacks == {"singular_covariance": 1}


def test_a_window_of_one_tick_is_refused(returns):
    with pytest.raises(ConfigError, match=r"rule minimum_variance: a window of 4000 s is 1 tick of this run; it takes"):
        MinimumVariance(window=4_000.0).weights(look(returns))


@pytest.mark.parametrize(
    ("settings", "place", "text"),
    [
        ({"window": 0.0}, "window", "found 0 s; must be at least two ticks"),
        ({"half_life": -1.0}, "half_life", "found -1 s; must be above 0, or left out"),
        ({"estimator": "sample", "half_life": 60.0}, "half_life", 'counts all returns the same; take "ewma"'),
    ],
    ids=["window", "half_life", "estimator"],
)
def test_settings_that_contradict_each_other_are_faults(settings, place, text):
    [(found, words)] = Estimating(**settings).check()
    assert found == place
    assert text in words


def test_bounds_without_room_and_strangers_are_faults():
    rule = MinimumVariance(largest=0.6, caps={"SOL": 0.1, "XRP": 0.5})
    (first, stranger), (second, room) = rule.faults(["ETH", "SOL"])
    assert (first, second) == ("caps", "caps")
    assert stranger == 'the allocator does not hold "XRP". Allowed: ETH, SOL'
    assert room.startswith("found room for 0.7 of wealth in 2 assets; must be at least 1, the invested share: raise")
    assert MinimumVariance(largest=0.6).faults(["ETH", "SOL"]) == []


def test_a_discounted_mean_needs_a_half_life_and_lets_any_estimator_have_one():
    [(place, text)] = MeanVariance(mean="ewma", estimator="ledoit_wolf").check()
    assert (place, text) == ("half_life", 'found none; mean "ewma" needs one, or take mean "sample"')
    assert MeanVariance(mean="ewma", estimator="ledoit_wolf", half_life=HOUR).check() == []
    assert MeanVariance(mean="sample", estimator="ledoit_wolf", half_life=HOUR).check()[0][0] == "half_life"
