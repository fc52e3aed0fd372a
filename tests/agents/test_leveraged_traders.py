"""Leveraged traders on a venue of perpetuals: where they are liquidated, stopped, and what they may open."""

import numpy as np
import pytest

from sim.errors import ConfigError
from sim.events import Kind
from sim.model import SpilloverModel
from tests.agents.perp_worlds import perp_world
from tests.worlds import DEPTH, STILL, make_world

TRADERS = """
[[agents]]
name = "traders"
kind = "leveraged_traders"
count = COUNT
venue = "perps"
assets = ["ETH"]
equity_usd = { median = 1000.0, spread = 0.5 }
invested = 1.0
entries_per_day = 0.0
exits_per_day = 0.0
"""
HELD = "take_profit = 1e9\n"


def make(settings=HELD, count=24, **more):
    return perp_world(TRADERS.replace("COUNT", str(count)) + settings, **more)


def steps(world):
    """Prices, and the position of every trader, after each tick."""
    model, traders = SpilloverModel(world), world.population("traders")
    token = world.tokens["perps.ETH"].index
    prices, held = [], []
    while model.running:
        model.step()
        prices.append(world.protocol("perps").markets[0].mark)
        held.append(world.ledger.balance[token, traders.lo : traders.hi].copy())
    return np.array(prices), np.array(held)


@pytest.mark.parametrize(("side", "move"), [(1.0, -0.5), (0.0, 0.4)], ids=["long", "short"])
def test_they_are_liquidated_where_the_formula_says(side, move):
    """Long: entry (1 - 1 / L) / (1 - mm); short: entry (1 + 1 / L) / (1 + mm)."""
    world = make(f"{HELD}long_share = {side}\nleverage = [2.5, 40.0]", move=move)
    leverage = world.population("traders").multiple.copy()
    prices, held = steps(world)
    maintenance, sign = 0.5 / 50.0, 1.0 if side else -1.0
    level = 2000.0 * (1.0 - sign / leverage) / (1.0 - sign * maintenance)
    reached = sign * (prices[:, None] - level) < 0.0
    assert np.array_equal(held == 0, np.maximum.accumulate(reached, axis=0))
    assert reached.any(axis=0).sum() > 10
    found = world.events.where(Kind.LIQUIDATION)
    assert found.size == reached.any(axis=0).sum()


def test_leverages_are_log_uniform_within_their_range_and_the_venues():
    world = make("leverage = [2.0, 200.0]", count=400, ticks=2)
    multiple = world.population("traders").multiple
    assert multiple.min() >= 2.0
    assert multiple.max() == pytest.approx(45.0)
    below = multiple[multiple < 44.9]
    assert np.mean(below < np.sqrt(2.0 * 44.9)) == pytest.approx(0.5, abs=0.08)
    held = world.ledger.balance[world.tokens["perps.ETH"].index, world.population("traders").lo :][:400]
    assert (held != 0).all()


@pytest.mark.parametrize(
    ("settings", "move", "gain"),
    [("stop_loss = 0.3\ntake_profit = 1e9", -0.2, -0.3), ("take_profit = 0.5", 0.3, 0.5)],
    ids=["stop", "profit"],
)
def test_they_close_at_their_stop_and_at_their_target(settings, move, gain):
    world = make(f"{settings}\nlong_share = 1.0\nleverage = [3.0, 8.0]", move=move)
    leverage = world.population("traders").multiple.copy()
    prices, held = steps(world)
    seen = leverage * (prices[:, None] / 2000.0 - 1.0)
    closed = np.argmax(held == 0, axis=0)
    assert (held[-1] == 0).all()
    before = seen[closed - 1, np.arange(leverage.size)]
    assert before == pytest.approx(gain, abs=0.09)
    assert not world.events.where(Kind.LIQUIDATION).size


def test_they_come_and_go_at_their_rates_and_with_the_trend():
    settings = "invested = 0.0\nentries_per_day = 48.0\nexits_per_day = 48.0\n"
    settings += 'trend_following = 1.0\ntrend_window = "1h"'
    text = TRADERS.replace("COUNT", "60")
    for name in ("invested = 1.0\n", "entries_per_day = 0.0\n", "exits_per_day = 0.0\n"):
        text = text.replace(name, "")
    world = perp_world(text + settings + "\nleverage = [2.0, 5.0]\n" + HELD, move=0.2)
    _, held = steps(world)
    assert (held[6:] >= 0).all()
    assert 0.35 < np.mean(held[20:] > 0) < 0.65
    assert not world.ledger.residuals().any()


@pytest.mark.parametrize(
    ("settings", "text"),
    [("leverage = [9.0, 2.0]", "give the smaller number first"), ("asset_shares = [0.5, 0.5]", "one for each")],
)
def test_settings_that_do_not_fit_are_refused(settings, text):
    with pytest.raises(ConfigError, match=text):
        make(settings)


def test_a_venue_without_perpetuals_is_refused():
    with pytest.raises(ConfigError, match='"market" is no venue of perpetuals'):
        make_world(STILL, DEPTH, TRADERS.replace("COUNT", "2").replace('"perps"', '"market"'))
