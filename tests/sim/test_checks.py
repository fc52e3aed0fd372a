"""Every invariant notices what it is there for, by name."""

import numpy as np
import pytest

from sim import checks
from sim.checks import CHECKS, SAMPLE_EVERY, verify
from sim.errors import InvariantError
from sim.events import Kind
from tests.worlds import DEPTH, LENDING, ORACLE, STILL, make_world, people, run


@pytest.fixture
def world():
    found = make_world(
        STILL, DEPTH, LENDING, ORACLE,
        people("ann", 2, USD=1e4, ETH=5.0, opens='[["deposit", "aave", "USD", 5e3], ["deposit", "aave", "ETH", 5.0], '
                                                  '["borrow", "aave", "USD", 1e3]]'),
        sets=["run.ticks=120"],
    )  # fmt: skip
    run(found, 2)
    return found


def write(world, token, who, amount):
    """Write a balance behind the ledger's back; external takes the other side, so that the row still sums to zero."""
    row = world.ledger._book.balance[world.tokens[token].index]
    account = world.population("ann").lo if who == "ann" else world.protocol(who).account
    row[account] += amount
    return row


def lose_an_atom(world):
    write(world, "USD", "ann", -1)
    return "the row of USD sums to -1 atoms, not 0"


def overdraw(world):
    held = int(world.ledger.balance[0, world.population("ann").lo])
    write(world, "USD", "ann", -held - 7)[0] += held + 7
    return r"ann\[0\] holds -7 atoms of USD"


def owe_less_than_nothing(world):
    row = write(world, "aave.debt.USD", "ann", 10**12)
    row[world.protocol("aave").account] -= 10**12
    return r"ann\[0\] holds \d+ atoms of aave.debt.USD"


def move_a_price_in_the_dark(world):
    world.prices.log_market[0] += 1e-9
    return r"market market:1 moved by 1\.0.*e-09 in log price but 0 was attributed"


def credit_a_move_that_was_none(world):
    world.flows.credit(0, 0, 4, 1e-9)
    return "market market:1 moved by 0 in log price but 1e-09 was attributed"


def blame_the_future(world):
    event = world.events.add(Kind.SWAP, cause=world.events.count + 5)
    return f"event {event} names event {event + 5} as its cause"


def blame_nothing(world):
    event = world.events.add(Kind.SWAP, cause=-1)
    return f"event {event} names event -1 as its cause"


def lose_a_price(world):
    world.prices.log_market[0] = world.prices.previous_log_market[0] = -np.inf
    return r"the price of ETH is 0\.0"


PLANTED = {
    "conservation": [lose_an_atom],
    "signs": [overdraw, owe_less_than_nothing],
    "attribution": [move_a_price_in_the_dark, credit_a_move_that_was_none],
    "causality": [blame_the_future, blame_nothing],
    "finite_prices": [lose_a_price],
}


@pytest.mark.parametrize(("name", "plant"), [(name, plant) for name, plants in PLANTED.items() for plant in plants])
@pytest.mark.filterwarnings("ignore:invalid value encountered in subtract")
def test_a_planted_violation_is_found_by_name(world, name, plant):
    verify(world)
    assert CHECKS[name](world) is None
    expected = plant(world)
    with pytest.raises(InvariantError, match=f"invariant {name} does not hold: {expected}"):
        verify(world)


def test_every_check_has_a_planted_violation():
    assert set(PLANTED) == set(CHECKS)


def test_sampled_checks_run_now_and_then_and_cheap_ones_always(world):
    world.checks = "sampled"
    world.clock.tick = SAMPLE_EVERY + 1
    lose_an_atom(world)
    verify(world)
    world.clock.tick = 2 * SAMPLE_EVERY
    with pytest.raises(InvariantError, match="conservation"):
        verify(world)
    world.clock.tick += 1
    move_a_price_in_the_dark(world)
    with pytest.raises(InvariantError, match="attribution"):
        verify(world)
    world.checks = "off"
    verify(world)


def test_causality_looks_at_each_event_once(world):
    verify(world)
    assert world.checked_events == world.events.count
    assert checks.causality(world) is None
