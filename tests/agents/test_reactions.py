"""Delays between alarm and act."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agents.shared.reactions import NEVER, draw_delays, range_faults, ready

ONE = np.zeros(1, dtype=np.int64)


class Watcher:
    """One row that is asked about tick by tick."""

    def __init__(self, delay):
        self.delay, self.due = np.array([delay]), np.array([NEVER])

    def acts(self, tick):
        return bool(ready(ONE, tick, self.delay, self.due)[0])


@given(delay=st.integers(0, 20), start=st.integers(0, 100))
def test_acts_once_exactly_after_its_delay(delay, start):
    watcher = Watcher(delay)
    acted = [tick for tick in range(start, start + delay + 1) if watcher.acts(tick)]
    assert acted == [start + delay]


def test_a_row_that_was_calm_in_between_waits_again():
    watcher = Watcher(3)
    assert not watcher.acts(10)
    assert [tick for tick in range(20, 25) if watcher.acts(tick)] == [23]


def test_rows_do_not_touch_each_other():
    delay, due = np.array([0, 5]), np.full(2, NEVER)
    assert ready(np.array([1]), 4, delay, due).tolist() == [False]
    assert due.tolist() == [NEVER, 9]


def test_delays_cover_their_range():
    delays = draw_delays(np.random.default_rng(1), 5_000, (2, 6))
    assert np.unique(delays).tolist() == [2, 3, 4, 5, 6]
    assert draw_delays(np.random.default_rng(1), 3, (4, 4)).tolist() == [4, 4, 4]


def test_range_faults():
    assert range_faults("alarm", (1.0, 1.0)) == []
    assert range_faults("alarm", (2.0, 1.5)) == [("alarm", "found [2, 1.5]; the first is the lower bound")]
