"""The tick table: its order, what errors say, and rounds that must end."""

import numpy as np
import pytest

from sim import phases
from sim.errors import PhaseError
from sim.events import Kind
from sim.intents import Act, Intent
from sim.model import SpilloverModel
from sim.phases import Phase, tick_table
from tests.worlds import DEPTH, LENDING, ORACLE, STILL, events_of, make_world, people, run

ORDER = ["advance", "observe", "decide", "order", "execute", "margin", "liquidate", "contagion", "settle", "measure"]
SHAKY = people(
    "shaky", USD=0.0, ETH=10.0, opens='[["deposit", "aave", "ETH", 10.0], ["borrow", "aave", "USD", 15000.0]]'
)
BANK = people("bank", USD=1e6, opens='[["deposit", "aave", "USD", 1e6]]')
FALL = '[[shocks]]\nname = "fall"\nkind = "price_jump"\nat = 2\nasset = "ETH"\nsize = -0.1\n'
CRASH = (STILL, DEPTH, LENDING, ORACLE, BANK, SHAKY, FALL)


def test_the_table_is_in_order_and_says_what_each_phase_does():
    table = tick_table()
    assert [phase.name for phase in table] == ORDER
    assert all(phase.about.endswith((".", ")")) and len(phase.about) > 10 for phase in table)
    assert tick_table()[0] is not table[0]  # a fresh table for every run


def test_every_phase_stamps_its_events_and_takes_time():
    world = make_world(*CRASH)
    model = run(world, 4)
    assert all(phase.nanoseconds > 0 for phase in model.phases)
    number = {name: i for i, name in enumerate(ORDER)}
    assert set(events_of(world, Kind.SHOCK)["phase"]) == {number["advance"]}
    assert set(events_of(world, Kind.ORACLE_UPDATE)["phase"]) == {number["observe"]}
    assert set(events_of(world, Kind.BREACH)["phase"]) == {number["margin"]}
    assert set(events_of(world, Kind.PRICE_MOVE)["phase"]) == {number["measure"]}


def test_phases_can_be_added_by_name():
    world = make_world(STILL, DEPTH)
    seen = []
    table = tick_table()
    table.insert(
        1 + [phase.name for phase in table].index("settle"), Phase("tea", lambda world: seen.append(world.clock.tick))
    )
    model = SpilloverModel(world, table)
    model.step()
    model.step()
    assert seen == [0, 1]


def test_errors_say_phase_and_tick():
    world = make_world(STILL, DEPTH, people("ann"))

    def trip(view, draws):
        if view.tick == 3:
            raise ZeroDivisionError("tripped")
        return []

    world.population("ann").script = trip
    model = SpilloverModel(world)
    with pytest.raises(ZeroDivisionError) as caught:
        model.run()
    assert caught.value.__notes__ == ["in phase decide of tick 3"]


def test_liquidation_rounds_that_never_end_are_an_error(monkeypatch):
    monkeypatch.setattr(phases, "MAX_ROUNDS", 7)
    world = make_world(*CRASH, people("fool", kind="responder", ETH=100.0, USD=0.0))
    fool = world.population("fool")

    def sell(view, breaches):
        return [Intent(Act.SWAP, view.venue("market"), view.accounts, view.token("ETH"), 1_000_000, token2=0)]

    fool.reply = sell
    with pytest.raises(PhaseError, match="liquidations did not come to rest in 7 rounds") as caught:
        run(world)
    assert caught.value.__notes__ == ["in phase liquidate of tick 2"]


def test_losses_that_never_end_are_an_error(monkeypatch):
    monkeypatch.setattr(phases, "MAX_ROUNDS", 5)
    world = make_world(STILL, DEPTH)
    market = world.protocol("market")
    monkeypatch.setattr(market, "exposed", lambda world: True, raising=False)
    monkeypatch.setattr(market, "absorb", lambda world: bool(world.events.add(Kind.LOSS_ABSORBED)), raising=False)
    with pytest.raises(PhaseError, match="losses did not come to rest in 5 rounds"):
        run(world, 1)


def test_rounds_end_when_nobody_acts_and_each_sees_what_the_last_left():
    world = make_world(*CRASH, people("seller", kind="responder", ETH=3.0, USD=0.0))
    seen = []

    def sell(view, breaches):
        left = int(view.spendable(1)[0])
        seen.append((view.tick, left, view.prices[1], sorted(breaches)))
        if left < 10**8:
            return []
        return [Intent(Act.SWAP, view.venue("market"), view.accounts, 1, 10**8, token2=0)]

    world.population("seller").reply = sell
    run(world, 3)
    assert [row[:2] for row in seen] == [(2, k * 10**8) for k in (3, 2, 1, 0)]
    assert all(row[3] == ["aave"] for row in seen)
    assert np.all(np.diff([row[2] for row in seen]) < 0.0)  # every sale is seen in the next price
    assert events_of(world, Kind.SWAP)["round"] == [0, 1, 2]
    assert world.events.round == 0


def test_a_calm_tick_asks_no_liquidator():
    world = make_world(STILL, DEPTH, LENDING, ORACLE, BANK, people("idle", kind="responder"))
    world.population("idle").reply = lambda view, breaches: pytest.fail("nothing is liquidatable")
    run(world, 2)


def test_a_paused_venue_fails_orders_with_its_own_reason():
    from sim.events import PAUSED

    pause = '[[shocks]]\nname = "off"\nkind = "protocol_pause"\nat = 1\nduration = "20min"\nprotocol = "market"\n'
    world = make_world(STILL, DEPTH, people("ann", USD=100.0), pause)
    world.population("ann").script = lambda view, draws: [Intent(Act.SWAP, 0, view.accounts, 0, 10**6, token2=1)]
    run(world, 5)
    failed = events_of(world, Kind.TX_FAILED)
    assert failed["tick"] == [1, 2]
    assert failed["value"] == [PAUSED, PAUSED]
    assert events_of(world, Kind.SWAP)["tick"] == [0, 3, 4]
