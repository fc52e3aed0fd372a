import numpy as np
import pytest

from agents.liquidity_providers import LiquidityProviders
from agents.shared.sizes import Sizes
from sim.flows import Motive
from sim.intents import Act

SHARES = 9


def providers(count=1_000, **settings):
    defaults = {"name": "lps", "venue": "pool", "asset": "ETH", "window": 600.0, "every": 60.0}
    return LiquidityProviders(count=count, **(defaults | settings))


@pytest.fixture
def opened(floor, pool):
    def make(population):
        return floor(ETH=2000.0).open("pool", pool).seat(population)

    return make


def shake(place, volatility, ticks):
    """Move the price up and down so that realised volatility is `volatility` per year; all intents sent."""
    sent, jump = [], volatility * np.sqrt(place.dt_years)
    for _ in range(ticks):
        low = place.prices[1] <= 2000.0
        sent += place.step(2000.0 * np.exp(jump) if low else 2000.0).act()
    return sent


def test_deposits_open_with_half_of_each_token(opened):
    place = opened(providers(count=500, deposit_usd=Sizes(total=1e6)))
    assert place.balances[SHARES].sum() / 1e6 == pytest.approx(5e5, rel=1e-4)
    assert (place.usd(0) + place.usd(1)).sum() < 1.0
    assert (place.balances[SHARES] > 0).all()


def test_the_brave_stay_and_the_timid_leave_at_the_hazard_rate(opened):
    place = opened(providers(count=4_000, threshold=(1.0, 3.0), hazard=24.0))
    shake(place, 2.0, 10 + 60)
    nerve, out = place.population.nerve, place.balances[SHARES] == 0
    assert not out[nerve > 2.0].any()
    # 61 looks once the window is full, at 24 withdrawals a day
    assert out[nerve < 2.0].mean() == pytest.approx(1.0 - np.exp(-24.0 * 61 / 1_440), abs=0.03)
    assert {(intent.act, intent.motive, intent.cause) for intent in place.sent} == {
        (Act.REMOVE_LIQUIDITY, Motive.MARKET_MAKING, 101)
    }


def test_nobody_moves_before_the_window_is_full(opened):
    place = opened(providers(threshold=(0.5, 0.5), hazard=1e9))
    assert shake(place, 3.0, 9) == []
    assert shake(place, 3.0, 1)
    assert (place.balances[SHARES] == 0).all()


def test_who_left_returns_when_it_is_calm_and_only_then(opened):
    place = opened(providers(threshold=(1.0, 1.0), calm=0.5, hazard=1e9))
    before = place.balances[SHARES].copy()
    shake(place, 2.0, 12)
    assert (place.balances[SHARES] == 0).all()
    assert {intent.act for intent in shake(place, 0.7, 30)} == set()
    assert {intent.act for intent in shake(place, 0.2, 12)} == {Act.ADD_LIQUIDITY}
    assert place.balances[SHARES] == pytest.approx(before, rel=0.05)
    assert shake(place, 0.2, 12) == []


def test_volatility_is_only_looked_at_now_and_then(opened):
    place = opened(providers(every=1_800.0, threshold=(0.5, 0.5), hazard=1e9))
    acted = [place.tick for _ in range(65) if shake(place, 3.0, 1)]
    assert acted == [30]


def test_check_names_a_range_that_ends_below_its_start():
    [(field, text)] = providers(threshold=(4.0, 1.0)).check()
    assert field == "threshold"
    assert "found [4, 1]; the first is the lower bound" in text
