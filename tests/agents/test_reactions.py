"""Delays, waiting for effects, and seals of balances."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agents.shared.reactions import NEVER, draw_delays, range_faults, ready, seal

ONE = np.zeros(1, dtype=np.int64)


class Watcher:
    """One row that is asked about tick by tick."""

    def __init__(self, delay):
        self.delay, self.due, self.sealed = np.array([delay]), np.array([NEVER]), ONE.copy()

    def acts(self, tick, seal_now=5):
        return bool(ready(ONE, tick, self.delay, self.due, self.sealed, lambda rows: np.full(rows.size, seal_now))[0])


@given(delay=st.integers(0, 20), start=st.integers(0, 100))
def test_acts_once_exactly_after_its_delay(delay, start):
    watcher = Watcher(delay)
    acted = [tick for tick in range(start, start + delay + 1) if watcher.acts(tick)]
    assert acted == [start + delay]


def test_a_row_that_was_calm_in_between_waits_again():
    watcher = Watcher(3)
    assert not watcher.acts(10)
    assert [tick for tick in range(20, 25) if watcher.acts(tick)] == [23]


def test_after_acting_a_row_waits_for_an_effect_or_its_patience():
    watcher = Watcher(0)
    assert watcher.acts(1)
    watcher.due[:], watcher.sealed[:] = 6, 5
    assert not watcher.acts(2)
    assert watcher.acts(3, seal_now=9)
    assert watcher.acts(6)


def test_rows_do_not_touch_each_other():
    delay, due, sealed = np.array([0, 5]), np.full(2, NEVER), np.zeros(2, dtype=np.int64)
    assert ready(np.array([1]), 4, delay, due, sealed, lambda rows: rows).tolist() == [False]
    assert due.tolist() == [NEVER, 9]


@given(st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=6), st.data())
def test_a_seal_changes_with_any_column(balances, data):
    column = data.draw(st.integers(0, len(balances) - 1))
    change = data.draw(st.integers(-(2**62), 2**62).filter(lambda value: value != balances[column]))
    others = [*balances[:column], change, *balances[column + 1 :]]
    one, other = (seal(*(np.array([entry]) for entry in entries)) for entries in (balances, others))
    assert one[0] != other[0]
    assert one[0] != 0


def test_a_seal_knows_which_column_is_which():
    a, b = np.array([3]), np.array([8])
    assert seal(a, b)[0] != seal(b, a)[0]


def test_delays_cover_their_range():
    delays = draw_delays(np.random.default_rng(1), 5_000, (2, 6))
    assert np.unique(delays).tolist() == [2, 3, 4, 5, 6]
    assert draw_delays(np.random.default_rng(1), 3, (4, 4)).tolist() == [4, 4, 4]


def test_range_faults():
    assert range_faults("alarm", (1.0, 1.0)) == []
    assert range_faults("alarm", (2.0, 1.5)) == [("alarm", "found [2, 1.5]; the first is the lower bound")]
