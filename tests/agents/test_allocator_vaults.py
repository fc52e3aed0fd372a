"""Allocators in a vault: deposits and withdrawals wait for the end of an epoch, and count as wealth all the time."""

import numpy as np
import pytest

from experiments.build import build
from sim.model import SpilloverModel
from tests.town import PEOPLE, table, town

AGENT = """
count = 3
deposits = ["puts", "lending"]
rule = { kind = "fixed", targets = { puts = 0.4, lending = 0.3 } }
trigger = { kind = "drift", band = 0.02, every = "5min" }
wealth_usd = { total = 3e4, spread = 0.3 }
"""


@pytest.fixture(scope="module")
def world():
    idle = tuple(kind for kind in PEOPLE if kind not in ("option_market_makers", "noise"))
    return build(town(table("allocator", AGENT, name="vaulters"), without=idle))


def measure(world):
    population = world.population("vaulters")
    view = next(actor.view for actor in world.actors if actor.population is population)
    rows = np.arange(population.count)
    value, wealth = population._measure(view, rows)[1:]
    return value, wealth, population._holdings.on_the_way(view, rows)


def test_money_that_waits_to_get_in_or_out_is_never_lost_from_sight(world):
    model, leaving = SpilloverModel(world), []
    value, wealth, _ = measure(world)
    assert wealth.sum() == pytest.approx(3e4, rel=1e-6)
    assert value / wealth[:, None] == pytest.approx(np.tile([0.4, 0.3], (3, 1)), abs=1e-4)
    for tick in range(40):
        if tick == 20:
            world.population("vaulters").rule.targets = {"puts": 0.1, "lending": 0.3}
        model.step()
        value, wealth, way = measure(world)
        own = next(actor.view for actor in world.actors if actor.population.name == "vaulters")
        gas = own.gas_reserve * own.atom_prices[own.native]
        assert wealth + own.balance(own.native) * own.atom_prices[own.native] == pytest.approx(
            own.wealth(), rel=0.01, abs=gas
        )
        leaving.append(float(way.sum()))
    assert max(leaving[:19]) == 0.0
    assert max(leaving[20:]) > 5_000.0
    assert leaving[-1] == pytest.approx(0.0, abs=50.0)
    assert value / wealth[:, None] == pytest.approx(np.tile([0.1, 0.3], (3, 1)), abs=0.03)


def test_yield_seekers_count_what_waits_at_a_vault_as_their_own_money():
    idle = tuple(kind for kind in PEOPLE if kind not in ("option_market_makers", "noise"))
    seekers = AGENT.replace(
        'kind = "fixed", targets = { puts = 0.4, lending = 0.3 }', 'kind = "best_yield", yields = { puts = 0.5 }'
    )
    world = build(town(table("allocator", seekers, name="vaulters"), without=idle))
    model, waited = SpilloverModel(world), []
    population = world.population("vaulters")
    view = next(actor.view for actor in world.actors if actor.population is population)
    vault = view.quotes["puts"]
    for tick in range(40):
        if tick in (10, 25):
            population.rule.yields = {"puts": -0.5 if tick == 10 else 0.5}
        model.step()
        _, wealth, _ = measure(world)
        seen = population._seen(view, np.arange(3), np.zeros((3, 2)), wealth)
        own, money = population.rule._holdings(seen)
        assert money * view.atom_prices[0] == pytest.approx(wealth.sum(), rel=1e-3)
        waited.append([int(view.balance(token).sum()) for token in (vault.pending, vault.leaving)])
        assert own[0] >= waited[-1][0]
    assert np.max(waited, axis=0).min() > 0
