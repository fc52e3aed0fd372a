"""What every registered oracle must do."""

import numpy as np
import pytest

from experiments.build import build
from sim.events import Kind
from sim.interfaces import Oracle
from sim.model import SpilloverModel
from sim.registry import kinds, lookup, summary
from tests.town import history, town
from tests.worlds import events_of, load_components

load_components()
KINDS = kinds("oracle")


def of_kind(world, kind):
    found = [oracle for oracle in world.oracles if type(oracle).kind == kind]
    assert found, f"put a {kind} oracle into tests/town.py"
    return found[0]


def published(world, kind, meddle=lambda oracle, tick: None):
    """The price of its asset after every tick."""
    oracle, model, found = of_kind(world, kind), SpilloverModel(world), []
    asset = world.tokens[oracle.asset].index
    while model.running:
        meddle(oracle, model.tick)
        model.step()
        found.append(oracle.price(asset))
    return np.array(found)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_an_oracle_that_says_what_it_does(kind):
    cls = lookup("oracle", kind)
    assert issubclass(cls, Oracle)
    assert len(summary(cls)) > 20
    assert cls.publish is not Oracle.publish
    assert cls.price is not Oracle.price


@pytest.mark.parametrize("kind", KINDS)
def test_prices_are_positive_from_the_start_and_follow_the_market(kind):
    world = build(town())
    oracle = of_kind(world, kind)
    asset = world.tokens[oracle.asset].index
    assert oracle.price(asset) == pytest.approx(world.prices.history[0, asset])
    prices = published(world, kind)
    assert np.isfinite(prices).all()
    assert (prices > 0).all()
    assert prices[-1] == pytest.approx(world.prices.history[-1, asset], rel=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_every_change_of_price_is_an_event_with_a_cause_before_it(kind):
    world = build(town())
    prices = published(world, kind)
    index = of_kind(world, kind).index
    updates = events_of(world, Kind.ORACLE_UPDATE)
    mine = [i for i, subject in enumerate(updates["subject"]) if subject == index]
    ticks = [updates["tick"][i] for i in mine]
    changed = 1 + np.flatnonzero(np.diff(prices))
    assert set(changed.tolist()) <= set(ticks)
    assert [updates["value"][i] for i in mine] == [prices[tick] for tick in ticks]
    assert all(updates["cause"][i] < updates["id"][i] for i in mine)
    assert all(updates["amount"][i] <= updates["tick"][i] for i in mine)  # the tick it was observed at


@pytest.mark.parametrize("kind", KINDS)
def test_a_frozen_oracle_says_nothing(kind):
    world = build(town())

    def freeze(oracle, tick):
        oracle.frozen = int(tick >= 10)

    prices = published(world, kind, freeze)
    assert len(set(prices[9:].tolist())) == 1
    assert len(set(published(build(town()), kind)[9:].tolist())) > 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_skew_multiplies_what_it_sees(kind):
    def skew(oracle, tick):
        oracle.skew = 2.0

    quiet = ("agents.borrowers.count=0", "agents.leveraged_longs.count=0", "agents.liquidators.count=0")
    straight = published(build(town(sets=quiet)), kind)
    assert published(build(town(sets=quiet)), kind, skew) == pytest.approx(2.0 * straight, rel=0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_it_publishes_the_same_again(kind):
    assert np.array_equal(published(build(town()), kind), published(build(town()), kind))
    assert history().oracles[0].event > 0
