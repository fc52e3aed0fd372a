"""Signals read off real venues: the skew of an options market, and the funding rate of a perpetual."""

from types import SimpleNamespace

import numpy as np
import pytest

from agents.triggers.funding import Funding
from agents.triggers.skew_change import SkewChange
from sim.intents import Act
from sim.model import SpilloverModel
from tests.agents.option_worlds import actor_of
from tests.agents.perp_worlds import perp_world
from tests.worlds import DEPTH, STILL, do, make_world, people

PHASE = np.zeros(3)
OPTIONS = """
[[protocols]]
name = "options"
kind = "options"
every = "7d"
expiries = 1
[[protocols.underlyings]]
asset = "ETH"
strikes = [0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2]
surface = { skew_pressure = 0.5, vega_capacity = 1e4 }
"""


def quoted(rate):
    """A view of a venue whose one perpetual, on token 1, pays this rate."""
    quote = SimpleNamespace(contract=lambda token: SimpleNamespace(funding=rate) if token == 1 else None)
    return SimpleNamespace(tick=0, dt_years=1.0, token=lambda name: {"ETH": 1, "BTC": 2}[name], quotes={"perps": quote})


def told(trigger, view):
    due = trigger.due(view, PHASE)
    assert due.all() == due.any()
    return bool(due[0])


def test_funding_fires_where_it_becomes_extreme_on_either_side_or_ceases_to_be():
    trigger = Funding(venue="perps", asset="ETH", extreme=0.3)
    rates = (0.1, 0.3, 0.31, 0.9, 0.3, -0.2, -0.31, 0.31, 0.0)
    assert [told(trigger, quoted(rate)) for rate in rates] == [False, False, True, False, True, False, True, True, True]


def test_funding_found_extreme_at_the_first_look_is_no_news_and_unlisted_assets_are_silent():
    trigger = Funding(venue="perps", asset="ETH")
    assert [told(trigger, quoted(rate)) for rate in (2.0, 2.0)] == [False, False]
    assert not any(told(Funding(venue="perps", asset="BTC"), quoted(rate)) for rate in (2.0, 0.0, -2.0))


@pytest.mark.parametrize(("act", "side"), [(Act.BUY, 1), (Act.SELL, -1)], ids=["longs", "shorts"])
def test_a_crowded_perpetual_is_recognised_by_the_funding_that_it_makes(act, side):
    crowd = people("crowd", opens='[["deposit", "perps", "USD", 4e6]]', USD=5e6)
    world = perp_world(crowd, impact=True, sets=("protocols.perps.contracts.ETH.book.half_life=30d",))
    model, view = SpilloverModel(world), actor_of(world, "crowd").view
    trigger, fired = Funding(venue="perps", asset="ETH", extreme=0.05, every=600.0), []
    while model.running:
        if world.clock.tick == 5:
            assert do(world, "crowd", act, "perps", "perps.ETH", 2_000 * 10**8).done
        model.step()
        fired.append(world.clock.tick if told(trigger, view) else -1)
    times = [tick for tick in fired if tick >= 0]
    assert len(times) == 1
    assert times[0] > 5
    assert trigger.last == side


def test_a_rush_for_puts_is_recognised_by_the_skew_that_it_makes():
    worried = people("worried", opens='[["deposit", "options", "USD", 4e6]]', USD=5e6)
    world = make_world(STILL, DEPTH, OPTIONS, worried)
    model, view = SpilloverModel(world), actor_of(world, "worried").view
    trigger, fired = SkewChange(venue="options", asset="ETH", change=0.03, every=600.0), []
    while model.running:
        if world.clock.tick == 5:
            quote = world.quotes["options"]
            put = quote.series(world.tokens["ETH"].index, False, 7 / 365, 0.25)
            name = world.tokens.rows[quote.token[put]].name
            assert do(world, "worried", Act.BUY, "options", name, 200 * 10**8).done
        model.step()
        fired.append(told(trigger, view))
    assert fired.count(True) == 1
    assert fired.index(True) >= 5
