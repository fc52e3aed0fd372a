"""Liquidators: selling what was seized."""

import numpy as np

from sim.flows import Motive
from sim.intents import Act
from tests.agents.lending_fakes import (
    ETH,
    MARKET,
    USD,
    Curve,
)
from tests.agents.liquidator_fakes import found, opened, respond


def test_the_whole_wallet_is_sold_in_the_next_round():
    world, population = opened(2)
    first = respond(world, population, found(2))
    assert [intent.act for intent in first] == [Act.LIQUIDATE]
    world.balances[ETH] += np.array([3 * 10**8, 7 * 10**8])
    (swap,) = respond(world, population, None)
    assert (swap.act, swap.venue, swap.token, swap.token2) == (Act.SWAP, MARKET, ETH, USD)
    assert swap.amount.tolist() == [3 * 10**8, 7 * 10**8]
    assert swap.motive == Motive.LIQUIDATION
    assert set(swap.cause.tolist()) <= {0, 900, 901}
    world.run([swap])
    assert respond(world, population, None) == []
    assert np.all(world.balances[ETH] == 50 * 10**8)


def test_what_rounds_left_over_is_sold_by_the_next_decision():
    world, population = opened(1)
    respond(world, population, found(1))
    world.tick += 5
    world.balances[ETH] += 10**8
    (swap,) = population.decide(world, world.draws(population))
    assert swap.amount.tolist() == [10**8]


def test_a_sale_without_effect_is_sent_again_in_the_next_tick_unless_it_waits():
    world, population = opened(1)
    respond(world, population, found(1))
    world.balances[ETH] += 10**8
    for tick in range(1, 7):
        world.tick, world.waiting[:] = tick, tick > 3
        sent = [len(population.decide(world, world.draws(population))), len(respond(world, population, None))]
        assert sent == [int(tick <= 3), 0]


def test_new_bids_allow_for_what_is_about_to_be_sold():
    world, population = opened(1, Curve(2_000.0, 10_000.0))
    respond(world, population, found(1))
    world.balances[ETH] += 2_000 * 10**8
    intents = respond(world, population, found(1, 20_000.0))
    assert [intent.act for intent in intents] == [Act.SWAP]


def test_holders_sell_over_time():
    world, population = opened(1, flash=0.0, hold=4)
    respond(world, population, found(1))
    world.balances[ETH] += 8 * 10**8
    assert respond(world, population, None) == []
    left = []
    for _ in range(5):
        world.tick += 1
        world.run(population.decide(world, world.draws(population)))
        left.append(int(world.balances[ETH, 0] - 50 * 10**8))
    assert left[-2:] == [0, 0]
    assert left[:3] == sorted(left[:3], reverse=True)
    assert left[0] > 4 * 10**8
