"""The world: names, and intents that are refused before a venue could misread them."""

import numpy as np
import pytest

from sim.errors import ConfigError, SpilloverError
from sim.intents import AMOUNT, KEY, LIMIT, TIP, Act, Intent, Orders
from tests.worlds import AMM, DEPTH, LENDING, ORACLE, STILL, make_world, people


@pytest.fixture(scope="module")
def world():
    return make_world(STILL, DEPTH, AMM, LENDING, ORACLE, people("ann", 2, USD=10.0), people("bob", USD=1.0))


def intent(world, act=Act.SWAP, venue="market", token="USD", amount=1, who="ann", **more):
    population = world.population(who)
    accounts = np.arange(population.lo, population.hi)
    number = world.protocol(venue).index if isinstance(venue, str) else venue
    return Intent(act, number, accounts, world.tokens[token].index, amount, **({"token2": 1} | more))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"venue": -1}, "venue -1; venues run from 0 to 2"),
        ({"venue": 3}, "venue 3; venues run from 0 to 2"),
        ({"act": Act.BORROW}, 'BORROW to "market", which accepts SWAP'),
        ({"venue": "aave"}, 'SWAP to "aave", which accepts DEPOSIT, WITHDRAW, BORROW, REPAY, SET_MODE, LIQUIDATE'),
        ({"act": Act.ADD_LIQUIDITY, "venue": "aave"}, 'ADD_LIQUIDITY to "aave"'),
        ({"token2": 99}, "tokens 0 and 99; tokens run from 0 to"),
        ({"token2": -2}, "tokens 0 and -2"),
        ({"amount": 0.5}, "amounts of type float64; amounts are whole atoms"),
        ({"amount": np.array([1.0, 2.0])}, "amounts of type float64"),
        ({"who": "bob"}, "orders of accounts that are not its own"),
        ({"act": Act.LIQUIDATE, "venue": "aave"}, "a liquidation of an account that does not exist"),
        ({"act": Act.LIQUIDATE, "venue": "aave", "subject": 10**6}, "a liquidation of an account that does not exist"),
    ],
)
def test_intents_that_a_venue_would_misread_are_refused(world, change, message):
    actor = world.actors[0]
    with pytest.raises(SpilloverError, match=f'population "ann" sent {message}'):
        world.submit(actor, [intent(world, **change)])
    assert world.orders.count == world.chain.waiting.count == 0


def test_intents_go_to_the_chain_or_straight_to_the_venue(world):
    actor = world.actors[0]
    world.submit(actor, [intent(world), intent(world, Act.DEPOSIT, "aave"), intent(world, venue="amm", token="ETH")])
    assert (world.orders.count, world.chain.waiting.count) == (2, 4)
    keys = world.chain.waiting.ints[:, KEY]
    assert len(set(keys.tolist())) == 4
    world.orders.clear()
    world.chain.waiting.clear()


def test_unknown_names_come_with_the_nearest_one(world):
    for find, name, near in (
        (world.protocol, "markt", "market"),
        (world.oracle, "fed", "feed"),
        (world.population, "anne", "ann"),
    ):
        with pytest.raises(ConfigError, match=f'"{name}"; did you mean "{near}"'):
            find(name)


def test_orders_keep_what_they_are_given_when_they_grow():
    orders = Orders(1)
    for batch in range(5):
        accounts = np.arange(batch, batch + 3)
        sent = Intent(Act.SWAP, 0, accounts, 0, accounts * 10, token2=1, limit=0.5, tip=2.0 + batch)
        orders.add(sent, 0, accounts, batch)
    assert orders.count == 15
    assert orders.ints[:, AMOUNT].tolist() == [10 * (b + i) for b in range(5) for i in range(3)]
    assert orders.reals[:, LIMIT].tolist() == [0.5] * 15
    copy = Orders(1)
    copy.extend(orders.ints, orders.reals)
    orders.clear()
    assert (orders.count, copy.count) == (0, 15)
    assert copy.reals[-1, TIP] == 6.0


def test_opening_positions_are_vetted_too():
    nonsense = people("ann", 2, USD=10.0, opens='[["borrow", "market", "USD", 1.0]]')
    with pytest.raises(SpilloverError, match='population "ann" sent BORROW to "market", which accepts SWAP'):
        make_world(STILL, DEPTH, nonsense)
