"""Four generations of allocation in one market: they differ in nothing but how the same money is run."""

from functools import cache

import numpy as np
import pytest

from experiments.build import build
from experiments.catalogue import load_components
from experiments.config import load
from sim.model import SpilloverModel

GENERATIONS = (1, 2, 3, 4)
FEW = tuple(
    f"agents.{name}.count={count}"
    for name, count in (("borrowers", 100), ("longs", 50), ("noise", 50), ("depositors", 50), ("momentum", 50))
)


@cache
def config(generation):
    load_components()
    return load(f"generation_{generation}", (*FEW, "run.ticks=150"))


@cache
def finished(generation):
    world = build(config(generation))
    SpilloverModel(world).run()
    return world


def allocators(generation):
    return [agent for agent in config(generation).components("population") if agent.kind == "allocator" and agent.count]


def others(generation):
    """The config without allocators and its own name, as comparable text."""
    found = []
    for family in ("process", "protocol", "oracle", "shock", "population"):
        for item in config(generation).components(family):
            if getattr(item, "kind", "") != "allocator":
                found.append((item.name, repr(item)))
    return found


@pytest.mark.parametrize("generation", GENERATIONS[1:])
def test_market_crash_and_everybody_else_are_the_same(generation):
    assert others(generation) == others(1)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_the_same_accounts_run_the_same_money(generation):
    found = allocators(generation)
    assert [agent.count for agent in found] == [100, 100]
    assert [agent.wealth_usd.total for agent in found] == [60e6, 60e6]
    world = finished(generation)
    places = [world.population(agent.name) for agent in found]
    opening = sum(float(world.opening_wealth[place.lo : place.hi].sum()) for place in places)
    assert opening == pytest.approx(120e6, rel=0.01)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_fall_by_a_quarter_passes_with_every_invariant_in_place(generation):
    world = finished(generation)
    assert world.clock.tick == 149
    names = [agent.name for agent in allocators(generation)]
    wealth = [world.population(name).peak.min() for name in names]
    assert min(wealth) > 0.0


@pytest.mark.parametrize(("generation", "name"), [(2, "targeters"), (3, "loopers"), (4, "parity")])
def test_the_order_of_rows_changes_nothing_but_labels(generation, name):
    world, shuffled = finished(generation), build(config(generation), permute={name: 3})
    SpilloverModel(shuffled).run()
    plain, moved = world.population(name), shuffled.population(name)
    order = np.argsort(moved.labels)
    for column in ("peak", "plan", "goal", "paid", "calm_at"):
        assert np.array_equal(getattr(moved, column)[order], getattr(plain, column)), column
    held = shuffled.ledger.balance[:, moved.lo : moved.hi][:, order]
    assert np.array_equal(held, world.ledger.balance[:, plain.lo : plain.hi])
