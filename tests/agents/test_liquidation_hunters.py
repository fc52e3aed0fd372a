"""Liquidation hunters: what they believe, when they strike, and at whose cost."""

import numpy as np
import pytest

from agents.liquidation_hunters import LiquidationMap, liquidation_price, pushing
from sim import exposure
from sim.events import Kind
from sim.flows import Motive
from sim.model import SpilloverModel
from tests.agents.perp_worlds import perp_world

LONGS = """
[[agents]]
name = "longs"
kind = "leveraged_traders"
count = 30
venue = "perps"
assets = ["ETH"]
leverage = [8.9, 9.0]
equity_usd = { median = 1.1e6, spread = 0.0 }
long_share = 1.0
invested = 1.0
entries_per_day = 0.0
exits_per_day = 0.0
take_profit = 1e9
"""
HUNTERS = """
[[agents]]
name = "hunters"
kind = "liquidation_hunters"
count = COUNT
venue = "perps"
asset = "ETH"
leverages = [9.0]
capital_usd = { median = 6e7, spread = 0.0 }
leverage = 5.0
reach = 0.1
least = 0.1
"""
MINUTES = ("run.dt=1min",)


def run(count, ticks=24):
    """USD earned by every account, and the world, without news."""
    world = perp_world(
        LONGS, HUNTERS.replace("COUNT", str(count)), impact=True, ticks=ticks, leverage=10.0, sets=MINUTES
    )
    SpilloverModel(world).run()
    exposure.revalue(world)
    return exposure.wealth_by_account(world) - world.opening_wealth, world


def of(gain, world, name):
    people = world.population(name)
    return float(gain[people.lo : people.hi].sum())


def test_they_cause_the_liquidations_that_they_live_on_and_gain_what_the_others_lose():
    hunted, world = run(3)
    left, other = run(0)
    assert other.events.where(Kind.LIQUIDATION).size == 0
    assert world.events.where(Kind.LIQUIDATION).size == 30
    profit = of(hunted, world, "hunters")
    assert profit > 1e5
    assert abs(hunted.sum()) < 1.0
    assert abs(left.sum()) < 1.0
    assert of(hunted, world, "longs") < of(left, other, "longs") - profit
    assert profit == pytest.approx(-((hunted.sum() - profit) - left.sum()), abs=1.0)
    flows = world.flows.table()
    attacks = flows["motive"] == Motive.ATTACK
    assert flows["dlog"][attacks].min() < -0.01
    assert flows["dlog"][attacks].max() > 0.0  # they cover


def test_they_leave_a_market_alone_in_which_nothing_is_within_reach():
    hunters = HUNTERS.replace("COUNT", "3").replace("[9.0]", "[2.0]")
    longs = LONGS.replace("[8.9, 9.0]", "[2.0, 3.0]")
    world = perp_world(longs, hunters, impact=True, ticks=12, leverage=10.0)
    SpilloverModel(world).run()
    attacks = world.flows.table()["motive"] == Motive.ATTACK
    assert not attacks.any()


def test_the_map_follows_open_interest():
    known = LiquidationMap(np.array([5.0, 10.0]), 0.01)
    known.note(100.0, 40.0)
    assert known.price == pytest.approx([80.0 / 0.99, 90.0 / 0.99])
    assert known.size == pytest.approx([20.0, 20.0])
    known.note(110.0, 60.0)
    assert known.above(0.0) == pytest.approx(60.0)
    assert known.above(95.0) == pytest.approx(10.0)
    known.note(110.0, 30.0)
    assert known.above(0.0) == pytest.approx(30.0)
    known.note(85.0, 15.0)
    assert known.price.max() < 85.0
    assert known.above(0.0) == pytest.approx(15.0)
    known.drop(0.0)
    assert known.size.size == 0


def test_the_liquidation_price_of_a_long_is_where_its_equity_is_its_maintenance_margin():
    price = liquidation_price(2000.0, np.array([2.0, 10.0, 50.0]), 0.01)
    equity = 2000.0 / np.array([2.0, 10.0, 50.0]) + price - 2000.0
    assert equity == pytest.approx(0.01 * price)


def test_what_must_be_sold_brings_the_average_price_to_the_target():
    world = perp_world(LONGS, impact=True, ticks=2)
    market = world.protocol("perps").quote(world).contracts[0]
    size = pushing(market, 0.97 * market.price, 1e6)
    assert 0.0 < size < 1e6
    assert market.average_price(-size) == pytest.approx(0.97 * market.price, rel=1e-6)
    assert pushing(market, 0.97 * market.price, 0.5 * size) == 0.0
