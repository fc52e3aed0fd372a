import numpy as np
import pytest

from agents.rules.cost_aware import CostAware
from agents.rules.fixed import Fixed
from agents.rules.minimum_variance import MinimumVariance
from agents.rules.volatility_target import VolatilityTarget

WINDOW = 500 * 3_600.0
TARGET = np.array([0.5, 0.3, 0.1])
HELD = np.array([[0.2, 0.2, 0.2], [0.5, 0.305, 0.1], [0.0, 0.0, 0.9]])


def rule(**settings):
    base = Fixed(targets={"ETH": 0.5, "BTC": 0.3, "SOL": 0.1})
    return CostAware(**({"base": base, "window": WINDOW} | settings))


def test_no_trades_at_a_great_cost_and_the_whole_way_at_none(look, returns):
    view = look(returns, current=HELD)
    assert np.array_equal(rule(cost=100.0).weights(view), HELD)
    assert rule(cost=0.0).weights(view) == pytest.approx(np.tile(TARGET, (3, 1)), abs=1e-12)


def test_trades_end_where_the_risk_they_take_away_pays_for_no_more(look, returns):
    view = look(returns, current=HELD)
    tested = rule(cost=0.002, aversion=4.0, horizon=30 * 86_400.0)
    found = tested.weights(view)
    slope = (found - TARGET) @ tested.covariance(view) * (4.0 * 30 / 365)
    assert (np.abs(slope) <= 0.002 + 1e-12).all()
    traded = (found != HELD) & (found > 0.0)
    assert slope[traded] == pytest.approx(-0.002 * np.sign(found - HELD)[traded], abs=1e-12)
    assert np.array_equal(found[1], HELD[1])
    assert traded[0].any()


def test_a_dearer_trade_is_a_smaller_one(look, returns):
    view = look(returns, current=HELD)
    turnover = [np.abs(rule(cost=cost).weights(view) - HELD).sum() for cost in (0.0, 0.001, 0.005, 0.05)]
    assert (np.diff(turnover) < 0.0).all()


def test_who_holds_nothing_yet_buys_the_target(look, returns):
    assert rule(cost=1.0).weights(look(returns)) == pytest.approx(np.tile(TARGET, (3, 1)))


def test_substitutes_and_faults_of_the_base_are_its_own(look, returns):
    tested = rule(base=MinimumVariance(largest=0.2))
    assert [place for place, _ in tested.faults(["ETH", "BTC", "SOL"])] == ["base.largest"]
    whole = rule(base=MinimumVariance())
    whole.weights(look(returns[:5], current=HELD))
    assert whole.fallbacks == {"short_history": 2}


def test_leverage_of_the_base_is_kept(look, returns):
    levered = VolatilityTarget(target=9.0, max_leverage=2.0, window=WINDOW)
    view = look(returns, current=np.full((3, 3), 0.5))
    assert rule(base=levered, cost=0.0).weights(view) == pytest.approx(np.full((3, 3), 2.0 / 3.0))
