"""A population of liquidators in a fake world, and positions for it to bid on."""

import numpy as np

from agents.liquidators import Liquidators
from sim.intents import Act
from tests.agents.lending_fakes import BTC, ETH, LO, FakeWorld, Flat, Venue, breaches

VICTIMS = 1_000 + np.arange(50)


def liquidators(count=3, **settings):
    settings = {"gas_coins": 50.0} | settings
    return Liquidators(name="keepers", count=count, protocol="pool", venues=["market"], **settings)


def opened(count=3, market=None, seed=1, **settings):
    world, population = FakeWorld(count), liquidators(count, **settings)
    world.venue_quote = Venue({ETH: market or Flat(2_000.0), BTC: Flat(30_000.0)})
    world.look()
    world.open(population, seed)
    return world, population


def found(n, debt_usd=10_000.0, bonus=0.05, price=2_000.0, **more):
    """Positions of this debt each, paying out ETH with a bonus at an oracle price."""
    repay = (np.broadcast_to(debt_usd, n) * 1e6).astype(np.int64)
    return breaches(VICTIMS[:n], repay, (repay * 100.0 * (1.0 + bonus) / price).astype(np.int64), **more)


def respond(world, population, positions):
    return population.respond(world, {} if positions is None else {"pool": positions}, world.draws(population))


def table(intents, act=Act.LIQUIDATE):
    """Rows (liquidator, victim, amount, tip) of one act."""
    rows = []
    for intent in intents:
        if intent.act == act:
            n = intent.account.size
            columns = (intent.account - LO, intent.subject, intent.amount, intent.tip)
            rows += list(zip(*(np.broadcast_to(column, n).tolist() for column in columns), strict=True))
    return rows
