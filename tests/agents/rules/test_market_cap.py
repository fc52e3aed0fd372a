import numpy as np
import pytest

from agents.allocator import Allocator
from agents.rules.market_cap import MarketCap
from agents.triggers.calendar import Calendar
from sim.errors import ConfigError

SUPPLY = {"ETH": 120.0, "SOL": 500.0}


def test_weights_are_shares_of_the_market(look, returns):
    view = look(returns)
    size = np.array([120.0, 0.0, 500.0]) * view.prices
    assert MarketCap(supply=SUPPLY, invested=0.8).weights(view)[0] == pytest.approx(0.8 * size / size.sum())


def test_moving_prices_cause_no_trade(look, returns):
    rule = MarketCap(supply=SUPPLY)
    before, after = look(returns[:100]), look(returns[:400])
    drifted = rule.weights(before) * after.prices / before.prices
    assert rule.weights(after) == pytest.approx(drifted / drifted.sum(axis=1)[:, None], rel=1e-12)


def test_allocators_that_hold_the_market_send_no_orders(floor):
    people = Allocator(
        name="people",
        count=20,
        assets=["ETH", "BTC"],
        rule=MarketCap(supply={"ETH": 120.0, "BTC": 20.0}),
        trigger=Calendar(every=60.0),
        venues=["market"],
        min_trade_usd=0.5,
    )
    place = floor(ETH=2_000.0, BTC=40_000.0).open("market").seat(people)
    for eth, btc in ((3_000.0, 30_000.0), (500.0, 80_000.0), (2_000.0, 40_000.0)):
        assert place.step(eth, btc).act() == []


def test_a_supply_that_is_not_held_is_named(look, returns):
    with pytest.raises(ConfigError, match='does not hold "ETC"; did you mean "ETH"'):
        MarketCap(supply={"ETC": 1.0}).weights(look(returns))
    [(place, text)] = MarketCap(supply={"ETC": 1.0}).faults(["ETH", "BTC"])
    assert place == "supply"
    assert 'did you mean "ETH"' in text
