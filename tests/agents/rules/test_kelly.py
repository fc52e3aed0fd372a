import numpy as np
import pytest

from agents.rules.kelly import Kelly

WINDOW = 500 * 3_600.0
EXPECTED = {"ETH": 0.12, "BTC": 0.3, "SOL": 0.4}


@pytest.mark.parametrize("fraction", [0.25, 0.5, 1.0])
def test_weights_are_the_fraction_of_excess_over_covariance(look, returns, fraction):
    view = look(returns)
    rule = Kelly(window=WINDOW, expected=EXPECTED, riskless=0.02, fraction=fraction)
    covariance = rule.covariance(view)
    growth = np.linalg.solve(covariance, np.array(list(EXPECTED.values())) - 0.02)
    assert (growth > 0.0).all()
    assert growth.sum() < 1.0
    assert rule.weights(view)[0] == pytest.approx(fraction * growth, rel=1e-10)


def test_caps_and_the_limit_bind(look, returns):
    rich = {"ETH": 2.0, "BTC": 3.0, "SOL": 4.0}
    limited = Kelly(window=WINDOW, expected=rich, fraction=1.0, invested=0.9).weights(look(returns))[0]
    assert limited.sum() == pytest.approx(0.9)
    capped = Kelly(window=WINDOW, expected=rich, fraction=1.0, largest=0.1).weights(look(returns))[0]
    assert capped.tolist() == [0.1, 0.1, 0.1]


def test_nothing_worth_holding_is_cash(look, returns):
    view = look(returns)
    assert not Kelly(window=WINDOW, expected={"ETH": -0.1}, riskless=0.05).weights(view).any()


def test_caps_without_room_are_no_fault_but_strangers_are():
    assert Kelly(largest=0.1).faults(["ETH", "BTC"]) == []
    [(place, _)] = Kelly(expected={"XRP": 0.1}).faults(["ETH", "BTC"])
    assert place == "expected"
