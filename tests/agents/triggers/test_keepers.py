"""Conditions set beforehand, carried out without anybody deciding: health triggers and the epochs of vaults."""

import numpy as np
import pytest

from sim.events import Kind
from sim.model import SpilloverModel
from tests.agents.option_worlds import actor_of
from tests.agents.test_allocator_leverage import HOUSE
from tests.worlds import DEPTH, LENDING, ORACLE, STILL, Act, do, events_of, make_world, people, run

FALL = """
[[processes]]
name = "eth"
kind = "shock_path"
assets = ["ETH"]
volatility = 0.0
knots = [["2h", 0.0], ["6h", -0.36]]
"""
GUARDED = """
[[agents]]
name = "guarded"
kind = "allocator"
count = 5
assets = ["ETH"]
rule = { kind = "cppi", multiplier = 1e6, floor = 0.0, max_leverage = 2.5 }
trigger = { kind = "health", protocol = "aave", below = 1.25 }
venues = ["market"]
wealth_usd = { total = 5e4, spread = 0.5 }
borrow = { protocol = "aave", max_leverage = 2.5, floor = 1.02 }
"""
VAULT = """
[[protocols]]
name = "options"
kind = "options"
every = "1d"
expiries = 2
[[protocols.underlyings]]
asset = "ETH"
strikes = [0.9, 1.0, 1.1]
[[protocols]]
name = "vault"
kind = "put_selling_vault"
asset = "USD"
options = "options"
underlying = "ETH"
epoch = "1d"
auction = 0
"""


def watched(below):
    """A run of five levered accounts in a fall of 30%; each tick's health and whether orders were sent."""
    guarded = GUARDED.replace("1.25", str(below))
    world = make_world(FALL, DEPTH, LENDING, ORACLE, HOUSE, guarded, sets=("run.ticks=48",))
    model, actor, seen = SpilloverModel(world), actor_of(world, "guarded"), []
    decide = actor.population.decide

    def keeping(view, draws):
        health, busy = np.array(view.health("aave")), actor.population.left.copy() != 0
        sent = decide(view, draws)
        accounts = {int(a) - view.lo for intent in sent for a in np.atleast_1d(intent.account)}
        seen.append((health, busy, np.isin(np.arange(5), sorted(accounts))))
        return sent

    actor.population.decide = keeping
    model.run()
    return world, [np.array(column) for column in zip(*seen, strict=True)]


@pytest.mark.parametrize("below", [1.25, 1.3, 1.35])
def test_accounts_act_when_their_health_is_below_the_level_and_not_before(below):
    world, (health, busy, acted) = watched(below)
    idle = ~busy
    assert not (acted & idle & (health >= below)).any()
    assert acted[idle & (health < below)].mean() > 0.9
    assert acted.any(axis=0).all()
    assert not acted[:12].any()
    assert not len(world.events.where(Kind.LIQUIDATION))


def test_without_a_condition_that_comes_in_time_the_same_accounts_may_be_liquidated():
    late, (health, _, acted) = watched(1.0001)
    assert not acted[:-1][health[:-1] >= 1.0001].any()
    assert len(late.events.where(Kind.BREACH))


def test_a_vault_sells_and_settles_at_the_end_of_every_epoch_though_nobody_does_anything():
    saver = people("saver", USD=1e5)
    world = make_world(STILL, DEPTH, VAULT, saver, sets=("run.ticks=60", "run.dt=2h"))
    assert do(world, "saver", Act.MINT, "vault", "USD", 50_000 * 10**6, token2="vault.share").done
    orders = world.orders.count
    run(world)
    ends, trades = events_of(world, Kind.EPOCH)["tick"], events_of(world, Kind.TRADE)
    assert world.orders.count == orders
    assert np.diff(ends)[1:].tolist() == [12] * (len(ends) - 2)
    assert len(ends) >= 5
    vault = world.protocol("vault").account
    assert set(trades["actor"]) == {vault}
    assert set(trades["tick"]) <= set(ends)
    assert len(trades["tick"]) == len(ends)
