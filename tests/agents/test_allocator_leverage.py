"""Allocators that borrow, on a real lending pool: the weights they reach, and the health they never go below."""

import numpy as np
import pytest

from sim.errors import ConfigError
from sim.events import Kind
from sim.model import SpilloverModel
from tests.worlds import (
    COMMON,
    DEPTH,
    LENDING,
    ORACLE,
    STILL,
    events_of,
    make_config,
    make_world,
    people,
    run,
    set_price,
)

HOUSE = people("house", USD=5e7, opens='[["deposit", "aave", "USD", 4e7]]')
LEVERED = """
[[agents]]
name = "levered"
kind = "allocator"
count = 5
assets = ["ETH"]
rule = { kind = "cppi", multiplier = 1e6, floor = 0.0, max_leverage = 2.5 }
trigger = { kind = "calendar", every = "10min" }
venues = ["market"]
wealth_usd = { total = 5e4, spread = 0.5 }
borrow = { protocol = "aave", max_leverage = 2.5, floor = 1.2 }
"""


def build(*sets, agent=LEVERED, ticks=60):
    whole = (STILL, DEPTH, LENDING, ORACLE, HOUSE, agent)
    return make_world(*whole, sets=(f"run.ticks={ticks}", *sets))


def book(world, name="levered"):
    """(n,) USD of assets, of debt and of wealth."""
    people_ = world.population(name)
    margin, view = people_._margin, next(a.view for a in world.actors if a.population is people_)
    held, value, wealth = people_._measure(view, np.arange(people_.count))
    debt = margin.book(view, np.arange(people_.count), held).debt * view.atom_prices[0]
    return value.sum(axis=1), debt, wealth


def test_accounts_open_levered_with_their_own_wealth():
    world = build()
    value, debt, wealth = book(world)
    assert wealth.sum() == pytest.approx(5e4, rel=1e-6)
    assert value / wealth == pytest.approx(np.full(5, 2.5), rel=1e-4)
    assert debt / wealth == pytest.approx(np.full(5, 1.5), rel=1e-4)


@pytest.mark.parametrize(("price", "direction"), [(1_800.0, -1), (2_400.0, 1)], ids=["fall", "rise"])
def test_leverage_comes_back_to_its_target_after_a_move(price, direction):
    world = build()
    set_price(world, "ETH", price)
    value, _, wealth = book(world)
    assert direction * (2.5 - value / wealth).min() > 0.1
    run(world)
    value, debt, wealth = book(world)
    assert value / wealth == pytest.approx(np.full(5, 2.5), abs=0.03)
    assert (value - debt) == pytest.approx(wealth, abs=30.0)
    assert world.population("levered").left.max() <= 60


def test_own_loans_and_withdrawals_never_go_below_the_floor_where_leverage_stops():
    world = build("agents.levered.rule.max_leverage=1.0", "agents.levered.borrow.floor=1.6")
    levered, pool, model = world.population("levered"), world.protocol("aave"), SpilloverModel(world)
    levered.rule.max_leverage, lowest = 2.5, np.inf
    for _ in range(60):
        model.step()
        lowest = min(lowest, float(pool.health[levered.lo : levered.hi].min()))
    value, debt, _ = book(world)
    assert lowest >= 1.6 * (1.0 - 1e-3)  # interest, and the impact of their purchases that fades
    assert (value * 0.83 / debt).max() < 1.65


def test_deleveraging_to_no_risk_repays_everything():
    world = build()
    world.population("levered").rule.max_leverage = 0.0
    run(world)
    value, debt, wealth = book(world)
    assert debt.max() == 0.0
    assert value.max() < 30.0
    assert wealth.min() > 0.0
    assert len(events_of(world, Kind.LIQUIDATION)["id"]) == 0


def test_an_opening_below_the_floor_is_refused():
    with pytest.raises(ConfigError, match=r"ETH 2.5 has a health of 1.383, below borrow.floor 1.4; lower the leverage"):
        build("agents.levered.borrow.floor=1.4")


def test_a_pool_that_lends_nothing_on_an_asset_is_refused():
    with pytest.raises(ConfigError, match=r'borrow.protocol: "aave" lends nothing on ETH; it must take every asset'):
        build("protocols.aave.reserves.ETH.ltv=0.0")


@pytest.mark.parametrize(
    ("sets", "text"),
    [
        (["agents.levered.rule.max_leverage=3.0"], r"rule.max_leverage.*found 3; at most 2.5, borrow.max_leverage"),
        (["agents.levered.slices=2"], r"slices.*found 2; borrowers trade in steps"),
        (["agents.levered.deposits=['aave']"], r"borrow.*found deposits too"),
        (
            ["agents.levered.limits.allowed=['market']"],
            r'borrow.protocol.*"aave" is not among limits.allowed \(market\)',
        ),
        (["agents.levered.limits.allowed=['aave']"], r'venues.*"market" is not among limits.allowed \(aave\)'),
        (["agents.levered.limits.protocols={market2=0.1}"], r'no protocol "market2"'),
    ],
    ids=["leverage", "slices", "deposits", "loan not allowed", "venue not allowed", "unknown protocol"],
)
def test_what_does_not_go_together_is_named(sets, text):
    with pytest.raises(ConfigError, match=text):
        make_config(COMMON, STILL, DEPTH, LENDING, ORACLE, HOUSE, LEVERED, sets=sets)
