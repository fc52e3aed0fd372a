"""What every registered population must do; registering a behaviour is opting in."""

import numpy as np
import pytest

from experiments.build import build
from sim.interfaces import Population, Row
from sim.model import SpilloverModel
from sim.phases import look
from sim.registry import kinds, lookup, summary
from tests.town import PEOPLE, history, town
from tests.worlds import load_components

load_components()
KINDS = kinds("population")


def test_every_kind_lives_in_the_town():
    assert sorted(PEOPLE) == KINDS, "describe the population in tests/town.py"


def by_label(world):
    """Everything that is not a label: prices, and what each account of each population holds, by label."""
    held = {}
    for actor in world.actors:
        population = actor.population
        order = np.argsort(population.labels)
        held[population.name] = world.ledger.balance[:, population.lo : population.hi][:, order]
    return world.prices.history, held


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_a_population_that_says_what_it_does(kind):
    cls = lookup("population", kind)
    assert issubclass(cls, Population)
    assert len(summary(cls)) > 20
    assert cls.decide is not Population.decide or cls.respond is not Population.respond


@pytest.mark.parametrize("kind", KINDS)
def test_permuting_its_rows_changes_nothing_but_labels(kind):
    world = build(town(), permute={kind: 5})
    population = world.population(kind)
    assert sorted(population.labels) == list(range(population.count))
    assert population.count == 1 or population.labels.tolist() != list(range(population.count))
    SpilloverModel(world).run()
    prices, held = by_label(world)
    expected_prices, expected = by_label(history())
    assert np.array_equal(prices, expected_prices)
    assert dict.fromkeys(held, True) == {name: np.array_equal(held[name], expected[name]) for name in held}


@pytest.mark.parametrize("kind", KINDS)
def test_removing_it_leaves_every_other_populations_draws_and_start_unchanged(kind):
    with_it, without = build(town()), build(town(without=(kind,)))
    assert kind not in [actor.population.name for actor in without.actors]
    others = {actor.population.name: actor for actor in with_it.actors if actor.population.name != kind}
    assert {actor.population.name for actor in without.actors} == set(others)
    for actor in without.actors:
        twin, rows = others[actor.population.name], np.arange(actor.population.count)
        for tick in (0, 7):
            actor.draws.tick = twin.draws.tick = tick
            for slot in (0, 3):
                assert np.array_equal(actor.draws.uniform(rows, slot), twin.draws.uniform(rows, slot))
        state, other = actor.population.state(), twin.population.state()
        assert state.keys() == other.keys()
        for name, array in state.items():
            assert np.array_equal(array, other[name], equal_nan=array.dtype.kind == "f"), name


@pytest.mark.parametrize("kind", KINDS)
def test_the_town_runs_without_it_and_with_one_account_of_it(kind):
    for count in (0, 1):
        world = build(town(sets=(f"agents.{kind}.count={count}", "run.ticks=16")))
        SpilloverModel(world).run()
        assert not world.ledger.residuals().any()
        assert np.array_equal(world.ledger.replay(), world.ledger.balance)


@pytest.mark.parametrize("kind", KINDS)
def test_deciding_writes_nothing_but_its_own_arrays_and_sends_whole_orders(kind):
    world = build(town())
    actor = next(actor for actor in world.actors if actor.population.name == kind)
    model, sent = SpilloverModel(world), 0
    while model.running:
        model.step()
        look(world)
        before = world.ledger.balance.copy(), world.prices.history.copy(), world.events.count, world.ledger.postings
        intents = actor.population.decide(actor.view, actor.draws) + actor.population.respond(
            actor.view, {}, actor.draws
        )
        assert np.array_equal(world.ledger.balance, before[0])
        assert np.array_equal(world.prices.history, before[1])
        assert (world.events.count, world.ledger.postings) == before[2:]
        for intent in intents:
            world.check_intent(actor.population, intent)
            amounts = np.broadcast_to(intent.amount, intent.account.shape)
            assert intent.account.size > 0
            assert (amounts > 0).all()
            assert len(set(intent.account.tolist())) == intent.account.size
            sent += intent.account.size
    assert kind in ("liquidators", "depositors") or sent > 0, "the town gives it nothing to do"


@pytest.mark.parametrize("kind", KINDS)
def test_rows_read_through_to_its_arrays(kind):
    population = history().population(kind)
    row = population[population.count - 1]
    assert isinstance(row, Row)
    assert row.account == population.hi - 1
    for name, array in population.state().items():
        assert len(array) == population.count
        assert np.array_equal(getattr(row, name), array[-1], equal_nan=array.dtype.kind == "f")


def test_the_same_seed_gives_the_same_town_and_another_replication_does_not():
    again = build(town())
    SpilloverModel(again).run()
    (prices, held), (expected_prices, expected) = by_label(again), by_label(history())
    assert np.array_equal(prices, expected_prices)
    assert all(np.array_equal(held[name], expected[name]) for name in held)
    assert not np.array_equal(by_label(history(1))[0], prices)
