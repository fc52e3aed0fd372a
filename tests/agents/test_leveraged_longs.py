"""Leveraged longs: looped opening, deleveraging, adding in a rising market."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from agents.leveraged_longs import LeveragedLongs
from agents.shared.loans import Response
from agents.shared.sizes import Sizes
from sim.errors import ConfigError
from sim.flows import Motive
from sim.intents import Act
from tests.agents.lending_fakes import DEBTS, ETH, RECEIPTS, USD, FakeWorld, by_label, permuted


def longs(count, **settings):
    settings = {"equity_usd": Sizes(median=10_000.0, spread=0.5)} | settings
    return LeveragedLongs(
        name="longs", count=count, protocol="pool", collateral="ETH", debt="USD", venue="market", **settings
    )


def positions(world):
    """USD of (collateral, debt)."""
    return world.balances[RECEIPTS[ETH]] * world.prices[ETH] / 1e8, -world.balances[DEBTS[USD]] / 1e6


def test_leverage_is_log_uniform_and_health_follows_from_it():
    world, population = FakeWorld(2_000), longs(2_000, leverage=(1.2, 4.5))
    world.open(population)
    collateral, debt = positions(world)
    leverage = collateral / (collateral - debt)
    assert kstest(np.log(leverage / 1.2) / np.log(4.5 / 1.2), "uniform").pvalue > 0.01
    np.testing.assert_allclose(world.health(), leverage * 0.8 / (leverage - 1.0), rtol=1e-6)
    np.testing.assert_allclose(population.opening, world.health(), rtol=1e-4)


def test_equity_is_what_was_asked_for():
    world, population = FakeWorld(50), longs(50, equity_usd=Sizes(total=1e6))
    world.open(population)
    collateral, debt = positions(world)
    assert (collateral - debt).sum() == pytest.approx(1e6, rel=1e-5)


def test_leverage_beyond_the_liquidation_threshold_is_refused():
    text = 'population "longs": leverage 5 opens below a health of 1; with the liquidation threshold 0.8 of ETH it must'
    with pytest.raises(ConfigError, match=f"{text} be below 5"):
        FakeWorld(3).open(longs(3, leverage=(2.0, 5.0)))


def test_all_open_calm():
    world, population = FakeWorld(500), longs(500, leverage=(1.1, 4.9))
    world.open(population)
    assert world.step(population) == []


@settings(max_examples=25)
@given(seed=st.integers(0, 1_000), fall=st.floats(0.0, 0.25))
def test_a_thin_cushion_is_restored_and_thick_ones_are_left_alone(seed, fall):
    world, population = FakeWorld(40), longs(40, leverage=(1.5, 4.0), alarm=(0.3, 0.6), floor=1.0, least_usd=0.01)
    world.open(population, seed)
    world.reprice(2_000.0 * (1.0 - fall))
    health, debt = world.health(), positions(world)[1]
    alarmed = (health < population.alarm_at) & (health > 1.02)
    for _ in range(150):
        world.step(population)
    np.testing.assert_allclose(world.health()[alarmed], population.goal[alarmed], rtol=1e-3)
    calm = health >= population.alarm_at
    assert np.array_equal(positions(world)[1][calm], debt[calm])


def test_ignoring_longs_never_sell():
    world, population = FakeWorld(100), longs(100, ignore=1.0)
    world.open(population)
    assert np.all(population.response == Response.IGNORE)
    world.reprice(1_650.0)
    assert world.step(population) == []


def adding(**settings):
    world = FakeWorld(1)
    settings = {"add_above": 1.2, "add_rate": 1.0, "trend_window": 600.0, "leverage": (2.0, 2.0)} | settings
    population = longs(1, equity_usd=Sizes(total=1_000.0), **settings)
    world.open(population)
    return world, population


def test_adding_in_a_rising_market_by_hand():
    world, population = adding()
    # 2,000 of collateral, 1,000 of debt, health 1.6; at a price of 2,400 it is 1.92 with a ceiling of 1.72, and
    # (2,400 + b) x 0.8 = 1.6 x (1,000 + b) at b = 400
    world.reprice(2_400.0)
    steps = []
    for _ in range(12):
        steps += [(intent.act, float(intent.amount[0]), intent.motive) for intent in world.step(population)]
    assert [(act, motive) for act, _, motive in steps] == [
        (act, Motive.MOMENTUM) for act in (Act.BORROW, Act.SWAP, Act.DEPOSIT)
    ]
    assert steps[0][1] / 1e6 == pytest.approx(400.0, rel=1e-6)
    assert world.health()[0] == pytest.approx(1.6, rel=1e-5)
    assert not population.expanding[0]


def test_adding_respects_the_borrowing_limit():
    world, population = adding(leverage=(3.9, 3.9))
    world.reprice(2_500.0)
    for _ in range(60):
        assert world.run(world.step(population, run=False)) == 0
    collateral, debt = positions(world)
    assert debt[0] <= 0.75 * collateral[0]


@pytest.mark.parametrize(
    ("settings", "price"),
    [({"add_above": None}, 2_400.0), ({}, 2_050.0), ({"trend": 0.5}, 2_400.0), ({"add_rate": 0.0}, 2_400.0)],
    ids=["never", "below the ceiling", "trend too flat", "no draw"],
)
def test_no_adding(settings, price):
    world, population = adding(**settings)
    world.reprice(price)
    assert world.step(population) == []


def test_no_adding_when_the_trend_is_over():
    world, population = adding()
    world.reprice(2_400.0)
    world.past = [world.prices] * 20
    assert world.step(population) == []


def test_a_fall_while_adding_turns_into_deleveraging():
    world, population = adding()
    world.reprice(2_400.0)
    world.step(population)
    world.step(population)
    world.reprice(1_330.0)
    acts = []
    for _ in range(20):
        acts += [intent.act for intent in world.step(population)]
    assert acts[0] == Act.SWAP
    assert Act.REPAY in acts
    assert not population.expanding[0]


@settings(max_examples=10)
@given(seed=st.integers(0, 10_000), order=st.permutations(range(30)))
def test_rows_may_be_permuted(seed, order):
    world, population = FakeWorld(30), longs(30, add_above=1.05, add_rate=0.5, reaction_delay=(0, 2))
    world.open(population, seed)
    other, twin = permuted(world, population, np.array(order))
    for price in (2_100.0, 2_300.0, 2_400.0, 2_000.0, 1_700.0, 1_600.0, 1_550.0):
        for each in (world, other):
            each.reprice(price)
        assert by_label(population, world.step(population)) == by_label(twin, other.step(twin))


def test_check():
    assert longs(3).check() == []
    assert longs(3, leverage=(3.0, 2.0)).check() == [("leverage", "found [3, 2]; the first is the lower bound")]
    assert longs(3, restore=0.5).check() == [("restore", "0.5 is below the highest alarm, 0.6")]
