import numpy as np
import pytest

from agents.rules.index_tracking import IndexTracking

UNITS = {"ETH": 2.0, "BTC": 1.0, "SOL": 5.0}
HOUR = 3_600.0


def index_weights(view, names=("ETH", "BTC", "SOL")):
    value = np.array([UNITS[name] for name in names]) * view.prices
    return value / value.sum()


def test_an_index_that_can_be_held_is_held_without_error(look, returns):
    view = look(returns)
    weights = IndexTracking(units=UNITS).weights(view)[0]
    assert weights == pytest.approx(index_weights(view), rel=1e-13)
    held = weights * view.prices[0] / view.prices  # units per dollar
    path = np.exp(np.cumsum(returns[:50], axis=0))
    tracked, index = path @ (held * view.prices / view.prices[0]), path @ index_weights(view)
    assert tracked == pytest.approx(index, rel=1e-12)


def test_prices_alone_cause_no_trade(look, returns):
    rule = IndexTracking(units=UNITS)
    before, after = look(returns[:100]), look(returns[:400])
    drifted = rule.weights(before) * after.prices / before.prices
    assert rule.weights(after) == pytest.approx(drifted / drifted.sum(axis=1)[:, None], rel=1e-12)


def test_what_may_not_be_held_is_replaced_by_what_moves_like_it(look):
    rng = np.random.default_rng(1)
    moves = 0.01 * rng.standard_normal((500, 3))
    moves[:, 2] = moves[:, 0] + 0.001 * rng.standard_normal(500)  # SOL follows ETH
    view = look(moves)
    rule = IndexTracking(units={"BTC": 1.0, "SOL": 1.0}, caps={"SOL": 0.0}, window=500 * HOUR)
    index = np.array([0.0, *(view.prices[1:] / view.prices[1:].sum())])
    assert rule.weights(view)[0] == pytest.approx([index[2], index[1], 0.0], abs=0.02)


def test_no_other_weights_track_better(look, returns):
    view = look(returns)
    rule = IndexTracking(units=UNITS, largest=0.5, window=500 * HOUR)
    weights, index = rule.weights(view)[0], index_weights(view)
    covariance = rule.covariance(view)
    error = (weights - index) @ covariance @ (weights - index)
    assert error > 0.0
    for other in np.random.default_rng(2).dirichlet(np.ones(3), 2_000):
        if other.max() <= 0.5:
            assert (other - index) @ covariance @ (other - index) >= error - 1e-15


def test_an_asset_of_the_index_may_be_one_that_the_allocator_does_not_hold(look, returns):
    wide = look(returns)
    narrow = look(returns[:, :2])
    narrow.view.history = wide.view.history
    narrow.view.token = lambda name: ["USD", "ETH", "BTC", "SOL"].index(name)
    narrow.view.prices = np.append(1.0, wide.prices)
    capped = IndexTracking(units=UNITS, caps={"SOL": 0.0}, window=500 * HOUR).weights(wide)
    assert IndexTracking(units=UNITS, window=500 * HOUR).weights(narrow) == pytest.approx(capped[:, :2], rel=1e-12)
