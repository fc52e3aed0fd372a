from types import SimpleNamespace

import numpy as np
import pytest

from agents.rules.minimum_variance import MinimumVariance
from agents.rules.overlap_penalised import OverlapPenalised
from sim.errors import ConfigError

WINDOW = 500 * 3_600.0
OTHERS, OWN = np.array([5e12, 1e12, 1e12]), np.array([1e12, 2e12, 3e12])
DEPTH = np.array([4e9, 1e9, 4e9])


def crowded(view, others=OTHERS):
    """The view of a market whose assets cost 1 USD; depth is quoted for a fall of 2%."""
    world = view.view
    world.atom_prices = np.full(4, 1e-6)
    world.supply = lambda token: int(others[token - 1] + OWN[token - 1])
    world.balance = lambda token: np.array([OWN[token - 1] / 2] * 2).astype(np.int64)
    markets = [SimpleNamespace(price=1.0, sell_to=lambda to, d=d: d * (1.0 - to) / 0.02) for d in DEPTH]
    world.quotes = {"market": SimpleNamespace(market=lambda token: markets[token - 1])}
    return view


def rule(**settings):
    return OverlapPenalised(**({"venues": ["market"], "window": WINDOW} | settings))


def test_crowding_is_what_others_hold_over_depth_and_one_on_average(look, returns):
    found = rule().crowding(crowded(look(returns)))
    assert found == pytest.approx(OTHERS / DEPTH / (OTHERS / DEPTH).mean())


def test_no_penalty_is_minimum_variance_and_a_great_one_flees_the_crowd(look, returns):
    view = crowded(look(returns))
    expected = MinimumVariance(window=WINDOW).weights(view)
    assert rule(penalty=0.0).weights(view) == pytest.approx(expected, rel=1e-13)
    assert rule(penalty=1e3).weights(view)[0].tolist() == [0.0, 0.0, 1.0]


def test_overlap_with_the_others_falls_as_the_penalty_grows(look, returns):
    view = crowded(look(returns))
    overlap = [rule(penalty=p).weights(view)[0] @ (OTHERS / DEPTH) for p in (0.0, 0.05, 0.2, 1.0, 10.0)]
    assert (np.diff(overlap) <= 1e-9).all()
    assert overlap[-1] < overlap[0]


def test_held_assets_cost_the_same_at_the_margin(look, returns):
    view = crowded(look(returns))
    tested = rule(penalty=0.1, tolerance=0.3, expected={"BTC": 0.4, "SOL": 0.6}, largest=0.6)
    weights, covariance = tested.weights(view)[0], tested.covariance(view)
    slope = (
        covariance @ weights + 0.1 * tested.crowding(view) - 0.3 * tested.excess(view, covariance, tested.history(view))
    )
    assert slope[weights > 0.0].max() <= slope[weights < 0.6].min() + 1e-12


def test_where_nobody_else_holds_anything_it_is_minimum_variance_and_counted(look, returns):
    view = crowded(look(returns), np.zeros(3))
    tested = rule()
    assert np.array_equal(tested.weights(view), MinimumVariance(window=WINDOW).weights(view))
    assert tested.fallbacks == {"nothing_held": 1}


def test_a_deposit_without_a_market_is_named(look, returns):
    view = crowded(look(returns, assets=["ETH", "BTC", "aave"]))
    market = SimpleNamespace(price=1.0, sell_to=lambda to: 1e9)
    view.view.quotes = {"market": SimpleNamespace(market=lambda token: None if token == 3 else market)}
    view.view.atom_prices = np.full(3, 1e-6)
    with pytest.raises(ConfigError, match='no venue trades "aave"; the rule looks at market'):
        rule().crowding(view)
