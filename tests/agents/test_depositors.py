"""Depositors: personal limits, flight, waiting for cash, coming back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.depositors import Depositors
from agents.shared.sizes import Sizes
from sim.flows import Motive
from sim.intents import ALL, Act
from tests.agents.lending_fakes import LO, RECEIPTS, USD, FakeWorld, by_label, permuted


def depositors(count, **settings):
    settings = {"deposit_usd": Sizes(median=10_000.0), "reaction_delay": (0, 0)} | settings
    return Depositors(name="savers", count=count, protocol="pool", asset="USD", **settings)


def opened(count=200, seed=1, **settings):
    world, population = FakeWorld(count), depositors(count, **settings)
    world.open(population, seed)
    return world, population


def rows(intents):
    return np.sort(np.concatenate([intent.account for intent in intents] or [np.empty(0, int)])) - LO


def test_everything_is_deposited_at_the_start():
    world, _ = opened(deposit_usd=Sizes(total=5e6))
    assert not world.balances[USD].any()
    assert world.balances[RECEIPTS[USD]].sum() / 1e6 == pytest.approx(5e6, rel=1e-6)


def test_nothing_happens_while_calm():
    world, population = opened()
    world.utilisation[:] = 0.89
    for _ in range(5):
        assert world.step(population) == []


class Untouchable(FakeWorld):
    """A view whose balances may not be read."""

    def balance(self, token):
        raise AssertionError("a calm tick looks at balances")


def test_a_calm_tick_reads_two_numbers():
    world, population = opened()
    world.__class__ = Untouchable
    assert world.step(population) == []


@settings(max_examples=30)
@given(utilisation=st.floats(0.0, 1.0), cover=st.floats(0.8, 1.0), seed=st.integers(0, 100))
def test_exactly_those_beyond_a_limit_leave_with_everything(utilisation, cover, seed):
    world, population = opened(100, seed, utilisation_limit=(0.7, 1.0), cover_limit=(0.8, 1.0))
    world.utilisation[USD], world.cover[USD] = utilisation, cover
    intents = world.step(population)
    scared = (utilisation > population.utilisation_most) | (cover < population.cover_least)
    assert np.array_equal(rows(intents), np.flatnonzero(scared))
    assert all((i.act, i.motive) == (Act.WITHDRAW, Motive.RUN) and np.all(i.amount == ALL) for i in intents)
    assert np.array_equal(world.balances[RECEIPTS[USD]] == 0, scared)


def test_other_reserves_frighten_nobody():
    world, population = opened()
    world.utilisation[:] = (0.5, 1.0, 1.0)
    assert world.step(population) == []


def test_after_the_nervous_have_left_the_same_utilisation_is_calm():
    world, population = opened(utilisation_limit=(0.8, 1.0))
    world.utilisation[USD] = 0.9
    assert rows(world.step(population)).size > 0
    assert world.step(population) == []
    world.__class__ = Untouchable
    assert world.step(population) == []


def test_delays_pass_before_the_flight():
    world, population = opened(utilisation_limit=(0.9, 0.9), reaction_delay=(0, 5))
    world.utilisation[USD] = 0.95
    for elapsed in range(6):
        assert np.array_equal(rows(world.step(population)), np.flatnonzero(population.delay == elapsed))
    assert np.unique(population.delay).size == 6


def test_a_fright_that_passes_in_time_is_forgotten():
    world, population = opened(utilisation_limit=(0.9, 0.9), reaction_delay=(3, 3))
    for utilisation in (0.95, 0.95, 0.5, 0.5, 0.5, 0.95, 0.95, 0.95):
        world.utilisation[USD] = utilisation
        assert world.step(population) == []
    assert rows(world.step(population)).size == 200


def test_without_cash_nobody_asks_and_with_some_they_take_what_there_is():
    world, population = opened(5, utilisation_limit=(0.9, 0.9), deposit_usd=Sizes(median=1_000.0, spread=0.0))
    world.utilisation[USD] = 1.0
    world.cash[USD] = 0
    assert [world.step(population) for _ in range(4)] == [[]] * 4
    world.cash[USD] = 1_500 * 10**6
    (intent,) = world.step(population)
    assert np.all(intent.amount == ALL)
    assert (world.balances[RECEIPTS[USD]] == 0).sum() == 1
    world.cash[USD] = 600 * 10**6
    world.look()
    for _ in range(12):
        world.step(population)
    assert world.balances[USD].sum() == 1_600 * 10**6
    world.cash[USD] = 10**12
    world.look()
    for _ in range(12):
        world.step(population)
    assert not world.balances[RECEIPTS[USD]].any()


def test_who_got_nothing_asks_again_after_its_patience():
    world, population = opened(1, utilisation_limit=(0.9, 0.9), patience=4)
    world.utilisation[USD] = 0.95
    assert [len(world.step(population, run=False)) for _ in range(9)] == [1, 0, 0, 0, 1, 0, 0, 0, 1]


def test_nobody_asks_while_a_request_waits():
    world, population = opened(2, utilisation_limit=(0.9, 0.9), patience=4)
    world.utilisation[USD] = 0.95
    world.waiting[0] = True
    assert rows(world.step(population, run=False)).tolist() == [1]
    assert [world.step(population, run=False) for _ in range(3)] == [[]] * 3
    world.waiting[:] = [False, True]
    assert rows(world.step(population)).tolist() == [0]


def test_returning_when_calm():
    world, population = opened(400, utilisation_limit=(0.8, 0.9), return_rate=0.1)
    world.utilisation[USD] = 0.95
    world.step(population)
    assert not world.balances[RECEIPTS[USD]].any()
    assert all(intent.act == Act.WITHDRAW for _ in range(15) for intent in world.step(population))
    world.utilisation[USD] = 0.5
    back = rows(world.step(population)).size
    assert 15 <= back <= 75
    for _ in range(150):
        world.step(population)
    assert not world.balances[USD].any()
    world.utilisation[USD] = 0.95
    for _ in range(12):
        world.step(population)
    assert not world.balances[RECEIPTS[USD]].any()


def test_nobody_returns_just_below_the_limit_or_without_a_rate():
    for utilisation, rate in ((0.89, 1.0), (0.1, 0.0)):
        world, population = opened(50, utilisation_limit=(0.9, 0.9), return_rate=rate, return_margin=0.05)
        world.utilisation[USD] = 0.95
        world.step(population)
        world.utilisation[USD] = utilisation
        assert [world.step(population) for _ in range(20)] == [[]] * 20


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), order=st.permutations(range(30)))
def test_rows_may_be_permuted(seed, order):
    world, population = opened(
        30, seed, utilisation_limit=(0.6, 0.9), return_rate=0.3, reaction_delay=(0, 2), patience=1
    )
    other, twin = permuted(world, population, np.array(order))
    for utilisation in (0.7, 0.8, 0.95, 0.4, 0.4, 0.4, 0.95):
        world.utilisation[USD] = other.utilisation[USD] = utilisation
        assert by_label(population, world.step(population)) == by_label(twin, other.step(twin))
    assert np.array_equal(world.balances[:, order], other.balances)


def test_check():
    assert depositors(1).check() == []
    fault = ("utilisation_limit", "found [0.9, 0.2]; the first is the lower bound")
    assert depositors(1, utilisation_limit=(0.9, 0.2)).check() == [fault]
