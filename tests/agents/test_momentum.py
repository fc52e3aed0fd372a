import numpy as np
import pytest

from agents.momentum import Momentum
from agents.shared.cadence import GROUPS
from agents.shared.sizes import Sizes
from sim.flows import Motive

HOUR = 3_600.0


def momentum(count=1, **settings):
    defaults = {
        "name": "trend",
        "assets": ["ETH"],
        "venues": ["market"],
        "lookbacks": [HOUR],
        "entry": (0.02, 0.02),
        "exit": (0.005, 0.005),
        "every": HOUR,
        "wealth_usd": Sizes(median=10_000.0, spread=0.0),
    }
    return Momentum(count=count, **(defaults | settings))


def shares(place):
    value = place.usd(1)
    return value / (value + place.usd(0))


def follow(floor, log_prices, **settings):
    """Believed trend and share of wealth of one account after each hour of a price path."""
    place = floor(dt=HOUR, ETH=2000.0).open("market").seat(momentum(**settings))
    seen = []
    for log_price in log_prices:
        place.step(2000.0 * np.exp(log_price)).act()
        seen.append((int(place.population.trend[0]), round(float(shares(place)[0]), 3)))
    return seen


def test_position_and_trend_follow_the_price_with_hysteresis(floor):
    returns = np.array([0.01, 0.03, 0.01, 0.001, -0.03, -0.01, 0.03])
    seen = follow(floor, np.cumsum(returns), neutral=0.5, tilt=0.3, tolerance=0.05)
    assert [trend for trend, _ in seen] == [0, 1, 1, 0, -1, -1, 1]
    assert [share for _, share in seen] == pytest.approx([0.5, 0.8, 0.8, 0.5, 0.2, 0.2, 0.8], abs=0.02)


def test_without_a_neutral_holding_accounts_are_long_or_flat(floor):
    seen = follow(floor, np.cumsum([0.03, 0.03, -0.05, -0.05, 0.03]), neutral=0.0, tilt=0.9)
    assert [share for _, share in seen] == pytest.approx([0.9, 0.9, 0.0, 0.0, 0.9], abs=0.01)


def test_a_gap_within_the_tolerance_is_left_alone(floor):
    place = floor(dt=HOUR, ETH=2000.0).open("market").seat(momentum(neutral=0.5, tolerance=0.1, entry=(9.0, 9.0)))
    assert place.step(2000.0 * np.exp(0.3)).act() == []
    assert 0.5 < shares(place)[0] < 0.6
    [sale] = place.step(2000.0 * np.exp(0.6)).act()
    assert (sale.token, sale.motive, sale.cause) == (1, Motive.MOMENTUM, 101)
    assert shares(place)[0] == pytest.approx(0.5, abs=1e-6)


def test_nobody_believes_in_a_trend_longer_than_the_run(floor):
    place = floor(ETH=2000.0).open("market").seat(momentum(count=500, every=60.0))
    for tick in range(1, 60):
        place.step(2000.0 * np.exp(0.01 * tick)).act()
        assert not place.population.trend.any()
    place.step(2000.0 * np.exp(0.6)).act()
    assert place.population.trend.all()


def test_every_account_looks_once_per_period(floor):
    place = floor(ETH=2000.0).open("market").seat(momentum(count=600, every=HOUR, tolerance=0.0, neutral=0.5))
    turns, counts = np.zeros(600), []
    for _ in range(120):
        intents = place.step(3000.0).act(execute=False)
        counts.append(sum(intent.account.size for intent in intents))
        for intent in intents:
            turns[intent.account - 10] += 1
    assert (turns == 2).all()
    assert [count for count in counts if count] == pytest.approx([600 / GROUPS] * 2 * GROUPS, abs=2)


def test_thresholds_lookbacks_and_assets_are_personal(floor):
    population = momentum(
        count=3_000, assets=["ETH", "BTC"], lookbacks=[HOUR, 4 * HOUR, 24 * HOUR], entry=(0.01, 0.04), exit=(0.0, 0.01)
    )
    floor(ETH=2000.0, BTC=40_000.0).open("market").seat(population)
    assert np.bincount(population.lookback) == pytest.approx([1_000] * 3, abs=110)
    assert np.bincount(population.follows) == pytest.approx([1_500] * 2, abs=110)
    for found, (low, high) in ((population.enters, (0.01, 0.04)), (population.leaves, (0.0, 0.01))):
        assert found.min() >= low
        assert found.max() <= high
        assert found.mean() == pytest.approx((low + high) / 2, rel=0.03)


@pytest.mark.parametrize(
    ("settings", "field", "text"),
    [
        ({"entry": (0.04, 0.01)}, "entry", "the first is the lower bound"),
        ({"exit": (0.0, 0.03)}, "exit", "must not pass the lowest entry threshold, 0.02"),
    ],
)
def test_check_names_the_setting_that_is_wrong(settings, field, text):
    assert any(found == field and text in message for found, message in momentum(**settings).check())
