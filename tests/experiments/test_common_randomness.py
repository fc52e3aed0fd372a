"""Common random numbers on the real quickstart: removing a population or permuting rows shifts nobody's draws."""

import numpy as np
import pytest

from experiments.build import build
from experiments.catalogue import load_components
from experiments.config import load
from sim.events import Kind
from sim.model import SpilloverModel

SHORT = ["run.ticks=90", "processes.eth.knots=[['20min', 0.0], ['60min', -0.3]]", "record.checks='every'"]


def quickstart(*sets):
    load_components()
    return load("quickstart", [*SHORT, *sets])


@pytest.fixture(scope="module")
def whole():
    return build(quickstart())


@pytest.mark.parametrize("removed", ["noise", "momentum", "arbitrageurs"])
def test_removing_a_population_leaves_all_other_draws_unchanged(whole, removed):
    without = build(quickstart(f"agents.{removed}.count=0"))
    others = [actor for actor in whole.actors if actor.population.name != removed]
    assert [actor.population.name for actor in others] == [actor.population.name for actor in without.actors]
    assert np.array_equal(whole.prices.fundamental, without.prices.fundamental)
    for before, after in zip(others, without.actors, strict=True):
        states = before.population.state(), after.population.state()
        assert states[0].keys() == states[1].keys()
        assert all(np.array_equal(states[0][key], states[1][key], equal_nan=True) for key in states[0])
        rows = np.arange(before.population.count)
        for tick in (0, 17):
            before.draws.tick = after.draws.tick = tick
            assert np.array_equal(before.draws.uniform(rows, 3), after.draws.uniform(rows, 3))
            before.noise.tick = after.noise.tick = tick
            assert np.array_equal(before.noise.normal(before.noise.labels), after.noise.normal(after.noise.labels))


def test_permuting_rows_changes_nothing_but_labels():
    config = quickstart()
    plain = build(config)
    names = [actor.population.name for actor in plain.actors]
    mixed = build(config, permute={name: seed for seed, name in enumerate(names)})
    for world in (plain, mixed):
        SpilloverModel(world).run()
    assert np.array_equal(plain.prices.history, mixed.prices.history)
    kinds = np.sort(plain.events.column("kind")), np.sort(mixed.events.column("kind"))
    assert np.array_equal(*kinds)
    moved = 0
    for before, after in zip(plain.actors, mixed.actors, strict=True):
        lo, hi = before.population.lo, before.population.hi
        own = plain.ledger.balance[:, lo:hi], mixed.ledger.balance[:, lo:hi]
        assert np.array_equal(own[0][:, after.population.labels], own[1])
        moved += not np.array_equal(*own)
    assert moved == len(names)
    assert plain.events.where(Kind.LIQUIDATION).size > 0
