import numpy as np
import pytest

from agents.rules.black_litterman import BlackLitterman, Opinion

WINDOW = 500 * 3_600.0
SUPPLY = {"ETH": 120.0, "BTC": 20.0, "SOL": 500.0}


def rule(*opinions, **settings):
    return BlackLitterman(**({"supply": SUPPLY, "window": WINDOW, "opinions": list(opinions)} | settings))


def market(view):
    size = np.array(list(SUPPLY.values())) * view.prices
    return size / size.sum()


def test_without_opinions_it_holds_the_market(look, returns):
    view = look(returns)
    assert rule().weights(view)[0] == pytest.approx(market(view), rel=1e-10)
    assert rule(invested=0.6).weights(view)[0] == pytest.approx(0.6 * market(view), rel=1e-10)


def test_an_opinion_that_agrees_with_the_market_changes_nothing(look, returns):
    view = look(returns)
    implied = 2.5 * rule().covariance(view) @ market(view)
    agrees = Opinion(picks={"ETH": 1.0}, excess=float(implied[0]))
    assert rule(agrees).weights(view)[0] == pytest.approx(market(view), rel=1e-10)


@pytest.mark.parametrize("confidence", [0.1, 0.5, 1.0])
def test_a_bullish_spread_moves_weight_by_as_much_as_one_is_sure(look, returns, confidence):
    view = look(returns)
    picks = {"BTC": 1.0, "ETH": -1.0}
    more = rule(Opinion(picks=picks, excess=3.0, confidence=confidence)).weights(view)[0] - market(view)
    less = rule(Opinion(picks=picks, excess=3.0, confidence=0.05)).weights(view)[0] - market(view)
    assert more[1] > less[1] > 0.0
    assert more[0] < less[0] < 0.0


def test_opinions_on_strangers_are_faults():
    faults = rule(Opinion(picks={"XRP": 1.0}, excess=0.1)).faults(["ETH", "BTC", "SOL"])
    assert [place for place, _ in faults] == ["opinions"]
