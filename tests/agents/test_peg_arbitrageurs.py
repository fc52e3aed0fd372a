"""Those who tie an issued dollar to what it is worth: which way they go, how much, and when they stop."""

import numpy as np
import pytest

from sim import exposure
from sim.errors import ConfigError
from sim.events import Kind
from sim.intents import Act
from sim.model import SpilloverModel
from tests.dollar_worlds import BOOK, ISSUER, MONEY, make
from tests.worlds import DEPTH, do, events_of

PEGS = """
[[agents]]
name = "pegs"
kind = "peg_arbitrageurs"
count = 3
issuer = "issuer"
venue = "market"
capital_usd = { median = 1e6, spread = 0.5 }
"""
OUTSIDE = ISSUER + "outside_supply = 2e7\n"


def step(world, ticks=1):
    model = SpilloverModel(world)
    for _ in range(ticks):
        model.step()


def push(world, given, usd=3.6e6):
    """Everybody sells (or buys) the dollar."""
    taken = "USD" if given == "USDE" else "USDE"
    for row in range(4):
        do(world, "holders", Act.SWAP, "market", given, round(usd / 4 * MONEY), row=row, token2=taken)


def price(world):
    return float(world.spot()[world.protocol("issuer").unit])


def profit(world):
    exposure.revalue(world)
    pegs = world.population("pegs")
    return (exposure.wealth_by_account(world) - world.opening_wealth)[pegs.lo : pegs.hi]


@pytest.mark.parametrize("given", ["USDE", "USD"])
def test_a_price_away_from_par_comes_back_and_they_earn_it(given):
    alone, world = make(issuer=OUTSIDE), make(PEGS, issuer=OUTSIDE)
    for each in (alone, world):
        step(each)
        push(each, given)
        assert abs(price(each) - 1.0) > 0.02
        step(each, 3)
    assert abs(price(world) - 1.0) < 0.3 * abs(price(alone) - 1.0)
    assert (profit(world) > 0.0).all()


@pytest.mark.parametrize("given", ["USDE", "USD"])
def test_supply_shrinks_below_par_and_grows_above_it(given):
    world = make(PEGS, issuer=OUTSIDE)
    step(world)
    supply = world.protocol("issuer").owed(world)
    push(world, given)
    step(world, 4)
    change = world.protocol("issuer").owed(world) - supply
    assert (change < -5e5) if given == "USDE" else (change > 5e5)


def test_inside_the_costs_of_a_round_trip_nothing_happens():
    world = make(PEGS, issuer=OUTSIDE)
    step(world)
    push(world, "USDE", 4e2)
    assert 0.998 < price(world) < 1.0
    step(world, 3)
    pegs = world.population("pegs")
    assert not np.isin(events_of(world, Kind.SWAP)["actor"], np.arange(pegs.lo, pegs.hi)).any()
    assert not events_of(world, Kind.MINT)["id"]


def test_a_long_queue_leaves_a_discount_that_nobody_closes():
    quick = make(PEGS, issuer=OUTSIDE)
    slow = make(PEGS, issuer=OUTSIDE + "redeem_cap = 100.0\n", sets=("agents.pegs.patience_rate=5.0",))
    for world in (quick, slow):
        step(world)
        do(world, "holders", Act.REDEEM, "issuer", "USDE", 10**11, row=3)
        push(world, "USDE")
        step(world, 2)
    assert price(slow) < price(quick) - 0.003


def test_they_never_spend_more_than_they_have_and_stop_when_they_may_not_redeem():
    world = make(PEGS, issuer=OUTSIDE + 'open_to = ["holders"]\n')
    step(world)
    push(world, "USDE")
    step(world, 3)
    assert profit(world) == pytest.approx(0.0, abs=1e-9)
    rich = make(PEGS, issuer=OUTSIDE, sets=("agents.pegs.capital_usd.median=1e3",))
    step(rich)
    push(rich, "USDE")
    step(rich, 3)
    assert not events_of(rich, Kind.TX_FAILED)["id"]
    assert price(rich) < 0.99


def test_an_issuer_and_a_market_are_needed():
    with pytest.raises(ConfigError, match="issues nothing that can be redeemed"):
        make(PEGS, sets=("agents.pegs.issuer=market",))
    with pytest.raises(ConfigError, match='does not trade what "issuer" issues'):
        make(PEGS, depth=DEPTH)
    assert make(PEGS, depth=DEPTH + BOOK).population("pegs").count == 3
