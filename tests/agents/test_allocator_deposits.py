"""Allocators that hold deposits beside assets, on a real lending pool and a real vault."""

import numpy as np
import pytest

from sim.errors import ConfigError
from sim.model import SpilloverModel
from tests.worlds import AMM, COMMON, DEPTH, LENDING, ORACLE, STILL, holding, make_config, make_world, people, run

SECOND = LENDING.replace('"aave"', '"morpho"')
AGENT = """
[[agents]]
name = "savers"
kind = "allocator"
count = 4
assets = ["ETH"]
deposits = ["aave"]
rule = { kind = "fixed", targets = { ETH = 0.3, aave = 0.5 } }
trigger = { kind = "calendar", every = "10min" }
venues = ["market"]
wealth_usd = { total = 1e5, spread = 0.5 }
"""
FARMERS = """
[[agents]]
name = "farmers"
kind = "allocator"
count = 10
deposits = ["aave", "morpho"]
rule = { kind = "best_yield" }
trigger = { kind = "calendar", every = "10min", together = true }
wealth_usd = { total = 3e6, spread = 0.5 }
"""


def opens(pool, loan):
    deposits = f"['deposit', '{pool}', 'USD', 4e6], ['deposit', '{pool}', 'ETH', 2e4]"
    return f"[{deposits}, ['borrow', '{pool}', 'USD', {loan}]]"


DEBTORS = "".join(
    people(f"at_{pool}", USD=2e7, ETH=2e4, opens=opens(pool, loan))
    for pool, loan in (("aave", 3.0e6), ("morpho", 3.9e6))
)


def measure(world, name):
    """(n, k) USD of each column and (n,) of wealth."""
    population = world.population(name)
    view = next(actor.view for actor in world.actors if actor.population is population)
    return population._measure(view, np.arange(population.count))[1:]


def savers(*parts, sets=()):
    return make_world(STILL, DEPTH, LENDING, ORACLE, AGENT, *parts, sets=sets)


def test_receipts_are_held_from_the_opening_at_the_rules_weights():
    value, wealth = measure(savers(), "savers")
    assert wealth.sum() == pytest.approx(1e5, rel=1e-6)
    assert value / wealth[:, None] == pytest.approx(np.tile([0.3, 0.5], (4, 1)), abs=1e-4)


def test_deposits_are_brought_to_new_weights_and_taken_out_again():
    world = savers()
    population = world.population("savers")
    population.rule.targets = {"ETH": 0.1, "aave": 0.8}
    run(world, 4)
    value, wealth = measure(world, "savers")
    assert value / wealth[:, None] == pytest.approx(np.tile([0.1, 0.8], (4, 1)), abs=2e-3)
    population.rule.targets = {"ETH": 0.6, "aave": 0.0}
    model = SpilloverModel(world)
    for _ in range(4):
        model.step()
    value, wealth = measure(world, "savers")
    assert value / wealth[:, None] == pytest.approx(np.tile([0.6, 0.0], (4, 1)), abs=2e-3)


def test_a_cap_on_a_protocol_binds_and_the_rest_stays_in_cash():
    world = savers(sets=("agents.savers.limits.protocols={aave=0.2}",))
    run(world, 3)
    value, wealth = measure(world, "savers")
    assert value / wealth[:, None] == pytest.approx(np.tile([0.3, 0.2], (4, 1)), abs=1e-3)


def test_what_pays_no_interest_in_the_numeraire_is_no_place_for_deposits():
    with pytest.raises(
        ConfigError, match='"amm" takes no deposits of the numeraire; name a lending pool that lists it'
    ):
        savers(AMM, sets=("agents.savers.deposits=['amm']", "agents.savers.rule.targets={ETH=0.3}"))


def test_targets_name_what_is_held():
    with pytest.raises(ConfigError, match=r'rule.targets.*the allocator does not hold "market"'):
        make_config(
            COMMON, STILL, DEPTH, LENDING, ORACLE, AGENT, sets=("agents.savers.rule.targets={ETH=0.3, market=0.1}",)
        )


def test_best_yield_ends_where_the_last_dollar_earns_the_same_everywhere():
    world = make_world(STILL, DEPTH, LENDING, SECOND, ORACLE, DEBTORS, FARMERS)
    run(world, 3)
    rates = [float(world.protocol(pool).supply_rate[1]) for pool in ("aave", "morpho")]
    value, wealth = measure(world, "farmers")
    assert value.sum() == pytest.approx(wealth.sum(), rel=1e-4)
    assert value.sum(axis=0).min() > 1e4
    assert rates[0] == pytest.approx(rates[1], abs=2e-5)


def test_after_a_rate_shock_funds_move_until_rates_are_equal_again():
    world = make_world(STILL, DEPTH, LENDING, SECOND, ORACLE, DEBTORS, FARMERS, sets=("run.ticks=12",))
    run(world, 2)
    before = measure(world, "farmers")[0].sum(axis=0)
    pool = world.protocol("aave")
    pool._rates[1:3] *= 2.0  # borrowers there pay twice as much for the same utilisation
    model = SpilloverModel(world)
    for _ in range(6):
        model.step()
    after = measure(world, "farmers")[0].sum(axis=0)
    rates = [float(world.protocol(name).supply_rate[1]) for name in ("aave", "morpho")]
    assert after[0] > before[0] + 1e5
    assert rates[0] == pytest.approx(rates[1], abs=5e-5)


def test_reliance_sees_through_receipts():
    world = savers()
    view = next(actor.view for actor in world.actors if actor.population.name == "savers")
    stands = view.reliance()
    assert stands["aave"][view.token("aave.receipt.USD")] == 1.0
    assert stands["aave"][view.token("ETH")] == 0.0
    assert stands["market"].max() == 0.0
    assert holding(world, "savers", "aave.receipt.USD") > 0
