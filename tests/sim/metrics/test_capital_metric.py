"""Capital efficiency is measured: what a population holds per USD of its own, and a venue per USD posted."""

import numpy as np
import pytest

from sim import exposure
from sim.intents import Act
from sim.metrics.capital import CapitalMetric
from sim.phases import look
from tests.agents.option_worlds import story
from tests.agents.perp_worlds import perp_world
from tests.agents.test_allocator_leverage import HOUSE, LEVERED
from tests.worlds import DEPTH, LENDING, ORACLE, STILL, do, make_world, people


def measured(world):
    look(world)
    exposure.revalue(world)
    return CapitalMetric().final(world)


def test_money_carries_nothing_coins_themselves_and_a_loop_its_leverage():
    holders = people("holders", 3, ETH=10.0), people("half", ETH=1.0, USD=2000.0)
    found = measured(make_world(STILL, DEPTH, LENDING, ORACLE, HOUSE, LEVERED, *holders, sets=("chain.allowance=0.0",)))
    assert found["capital_efficiency.house"] == 0.0
    assert found["capital_efficiency.holders"] == pytest.approx(1.0)
    assert found["capital_efficiency.half"] == pytest.approx(0.5)
    assert found["capital_efficiency.levered"] == pytest.approx(2.5, rel=1e-3)


@pytest.mark.parametrize("contracts", [0, 5, 40])
def test_of_a_perpetual_it_is_open_interest_over_what_is_posted(contracts):
    posted = '[["deposit", "perps", "USD", 8e3]]'
    world = perp_world(*(people(name, opens=posted, USD=1e4) for name in ("long", "short")))
    if contracts:
        for name, act in (("long", Act.BUY), ("short", Act.SELL)):
            assert do(world, name, act, "perps", "perps.ETH", contracts * 10**8).done
    found = measured(world)
    assert found["capital_efficiency.perps"] == pytest.approx(contracts * 2000.0 / 16e3, rel=1e-2)
    for name in ("long", "short"):
        assert found[f"capital_efficiency.{name}"] == pytest.approx(contracts * 2000.0 / 1e4, rel=1e-2)


def test_options_count_at_the_value_of_their_underlying():
    sold = 'exposure = 0.5\ndelta = 0.2\nevery = "4h"\nexpiry = "7d"\ntake_profit = 1.0\nstop_loss = 1e9\n'
    world = story(("theta", "theta_harvesters", sold), assets=4, ticks=1, dt="4h", strikes=(0.85, 1.15)).world
    found = measured(world)
    assert found["capital_efficiency.theta"] == pytest.approx(2 * 0.5, rel=0.05)  # a call and a put


def test_it_ranks_strategies_by_numbers_not_by_name():
    posted = '[["deposit", "perps", "USD", 8e3]]'
    world = perp_world(people("trader", opens=posted, USD=1e4), people("holder", ETH=5.0))
    assert do(world, "trader", Act.BUY, "perps", "perps.ETH", 40 * 10**8).done
    found = measured(world)
    ranked = sorted((name for name in found if name.split(".")[1] in ("trader", "holder")), key=lambda n: -found[n])
    assert [name.split(".")[1] for name in ranked] == ["trader", "holder"]
    assert np.isfinite(list(found.values())).all()
