"""The tick, as one table. Read this file top to bottom and you have read what happens in a tick.

Each phase takes the world and returns nothing. `run_tick` stamps events with the phase, times it, and adds phase and
tick to any error.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter_ns

import numpy as np

from sim import contagion, exposure
from sim.checks import verify
from sim.errors import PhaseError
from sim.events import PAUSED, Kind
from sim.intents import KEY, VENUE, Orders
from sim.world import World

MAX_ROUNDS = 1_000
"""Safety stop for liquidation and contagion rounds; reaching it is an error, not a result."""


def advance(world: World) -> None:
    """Clock; exogenous fundamentals; due shocks; interest and market resilience accrue."""
    world.clock.tick += 1
    tick = world.clock.tick
    world.events.tick = tick
    for shock in world.shocks:
        if shock.at == tick:
            shock.event = world.shock_event = world.events.add(Kind.SHOCK, subject=shock.index)
            shock.begin(world)
        if shock.until == tick:
            world.shock_event = shock.event
            shock.end(world)
    for protocol in world.protocols:
        protocol.accrue(world)
    world.chain.advance(tick)


def observe(world: World) -> None:
    """Oracles publish; views are frozen."""
    for oracle in world.oracles:
        oracle.publish(world)
    look(world)


def decide(world: World) -> None:
    """Every population turns its view into intents; nobody writes."""
    for actor in world.actors:
        intents = actor.population.decide(actor.view, actor.draws)
        if intents:
            world.submit(actor, intents)


def order(world: World) -> None:
    """The chain puts intents into blocks; the rest waits or is dropped."""
    waiting = world.chain.waiting
    if waiting.count:
        world.luck.tick = world.clock.tick
        luck = world.luck.of(waiting.ints[:, KEY].copy())
        ints, reals = world.chain.sequence(waiting, world.clock.tick, world.ledger, world.events, world.native, luck)
        world.orders.extend(ints, reals)


def execute(world: World) -> None:
    """Venues execute their share through the ledger; fills and price moves are logged."""
    settle_orders(world, world.orders)


def margin(world: World) -> None:
    """Mark positions to the oracle; flag breaches."""
    marks = ((protocol.name, protocol.mark(world)) for protocol in world.protocols)
    world.breaches = {name: found for name, found in marks if found is not None}


def liquidate(world: World) -> None:
    """Rounds: liquidators decide, execute, positions are marked again, until nobody acts or the block is full."""
    rounds = 0
    while (world.breaches or rounds) and _liquidation_round(world):
        rounds += 1
        world.events.round = rounds
        if rounds == MAX_ROUNDS:
            raise PhaseError(f"liquidations did not come to rest in {MAX_ROUNDS} rounds")
    world.events.round = 0


def spread(world: World) -> None:
    """Rounds: shortfalls go down each waterfall, claims are revalued, until quiet."""
    for rounds in range(MAX_ROUNDS):
        world.events.round = rounds
        if not contagion.absorb_losses(world):
            break
    else:
        raise PhaseError(f"losses did not come to rest in {MAX_ROUNDS} rounds")
    world.events.round = 0


def settle(world: World) -> None:
    """Expiries, epochs, withdrawal queues."""
    for protocol in world.protocols:
        protocol.settle(world)


def measure(world: World) -> None:
    """Price moves, metrics, samples, checks."""
    tick = world.clock.tick
    _log_price_moves(world)
    world.prices.record(tick)
    if world.recorder.due(tick):
        exposure.revalue(world)
        world.recorder.sample(world)
    verify(world)
    world.flows.flush(tick)
    world.prices.previous_log_market[:] = world.prices.log_market


@dataclass
class Phase:
    """One row of the tick table, with the nanoseconds it has taken so far."""

    name: str
    run: Callable[[World], None]
    nanoseconds: int = 0

    @property
    def about(self) -> str:
        """First line of the phase's docstring."""
        return (self.run.__doc__ or "").strip().split("\n")[0]


def tick_table() -> list[Phase]:
    """A fresh tick table; insert or replace phases by name before a run to extend the tick."""
    steps = {
        "advance": advance,
        "observe": observe,
        "decide": decide,
        "order": order,
        "execute": execute,
        "margin": margin,
        "liquidate": liquidate,
        "contagion": spread,
        "settle": settle,
        "measure": measure,
    }
    return [Phase(name, run) for name, run in steps.items()]


def run_tick(world: World, phases: list[Phase]) -> None:
    """Run every phase once."""
    start = perf_counter_ns()
    for number, phase in enumerate(phases):
        world.events.phase = number
        try:
            phase.run(world)
        except Exception as error:
            error.add_note(f"in phase {phase.name} of tick {world.clock.tick}")
            raise
        end = perf_counter_ns()
        phase.nanoseconds += end - start
        start = end


def settle_orders(world: World, orders: Orders) -> int:
    """Let each venue execute its rows of a table, in the order of the table, and empty it; how many succeeded."""
    if not orders.count:
        return 0
    done = 0
    ints, reals = orders.ints, orders.reals
    venues = ints[:, VENUE]
    for protocol in world.protocols:
        mine = np.flatnonzero(venues == protocol.index)
        if not mine.size:
            continue
        if protocol.paused:
            world.chain.log(world.events, Kind.TX_FAILED, ints[mine], PAUSED)
        else:
            done += protocol.execute(world, ints[mine], reals[mine])
    orders.clear()
    return done


def look(world: World) -> None:
    """Record current prices, collect quotes and freeze every population's view."""
    world.prices.record(world.clock.tick)
    for protocol in world.protocols:
        quote = protocol.quote(world)
        if quote is not None:
            world.quotes[protocol.name] = quote
    for actor in world.actors:
        actor.draws.tick = world.clock.tick
        actor.view.refresh(actor.noise)


def _liquidation_round(world: World) -> bool:
    """One round: venues' own engines, then populations in turn, each seeing the state the one before it left.

    True if any order went through.
    """
    done = 0
    for protocol in world.protocols:
        if protocol.liquidate(world):
            done += 1
            margin(world)
    for actor in world.actors:
        if not actor.responds:
            continue
        look(world)
        intents = actor.population.respond(actor.view, world.breaches, actor.draws)
        if intents:
            world.submit(actor, intents)
            order(world)
            done += settle_orders(world, world.orders)
            margin(world)
    return done > 0


def _log_price_moves(world: World) -> None:
    """One PRICE_MOVE per asset or contract whose price moved, caused by the event with the largest part in it."""
    prices = world.prices
    for asset, market in prices.markets.of_token.items():
        moved = prices.log_market[market] - prices.previous_log_market[market]
        if moved != 0.0:
            cause = int(world.flows.lead_event[market])
            prices.last_event[asset] = world.events.add(Kind.PRICE_MOVE, token=asset, value=moved, cause=cause)
