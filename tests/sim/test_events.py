"""The causal log: ids, growth, read-only columns, chains of causes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.events import COLUMNS, EventLog, Kind


def test_the_first_event_is_genesis_before_the_first_tick():
    log = EventLog()
    assert log.count == 1
    assert {name: int(log.column(name)[0]) for name in ("tick", "kind", "cause")} == {"tick": -1, "kind": 0, "cause": 0}


@given(st.lists(st.integers(0, 40), max_size=30), st.integers(1, 5))
def test_ids_are_consecutive_whatever_the_log_has_to_grow(batches, capacity):
    log = EventLog(capacity)
    expected = 1
    for tick, size in enumerate(batches):
        log.tick = tick
        ids = log.add_many(size, Kind.SWAP, actor=np.arange(size), value=np.arange(size) / 2.0)
        assert ids.tolist() == list(range(expected, expected + size))
        assert log.add(Kind.GAS, value=-1.0) == expected + size
        expected += size + 1
    assert log.count == expected
    ticks = np.repeat(np.arange(len(batches)), np.array(batches, dtype=np.int64) + 1)
    assert np.array_equal(log.column("tick")[1:], ticks)
    swaps = log.where(Kind.SWAP)
    assert np.array_equal(log.value[swaps], log.column("actor")[swaps] / 2.0)


def test_events_carry_phase_round_and_everything_they_are_given():
    log = EventLog()
    log.tick, log.phase, log.round = 3, 5, 2
    event = log.add(Kind.LIQUIDATION, 7, 8, 1, 2, 99, 1.5, 0)
    row = {name: int(log.column(name)[event]) for name in COLUMNS}
    assert row == {
        "tick": 3, "phase": 5, "round": 2, "kind": Kind.LIQUIDATION, "actor": 7, "subject": 8, "protocol": 1,
        "token": 2, "amount": 99, "cause": 0,
    }  # fmt: skip
    assert log.value[event] == 1.5


def test_columns_cannot_be_written():
    log = EventLog()
    for column in (log.column("kind"), log.value):
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 1


def test_a_chain_leads_back_to_genesis():
    log = EventLog()
    shock = log.add(Kind.SHOCK)
    log.add(Kind.SWAP)
    move = log.add(Kind.PRICE_MOVE, cause=shock)
    breach = log.add(Kind.BREACH, cause=move)
    assert log.chain(breach) == [breach, move, shock, 0]
    assert log.chain(0) == [0]


@given(st.integers(0, 5000), st.integers(0, 5000))
def test_the_latest_of_some_kinds_is_the_last_of_those_found(before, after):
    log = EventLog()
    log.add(Kind.BAD_DEBT)
    log.add_many(before, Kind.SWAP)
    log.add(Kind.LOSS_ABSORBED)
    log.add_many(after, Kind.SWAP)
    assert log.latest(Kind.LOSS_ABSORBED, Kind.BAD_DEBT) == log.where(Kind.LOSS_ABSORBED)[-1]
    assert log.latest(Kind.BAD_DEBT) == 1
    assert log.latest(Kind.REPAY) == 0
