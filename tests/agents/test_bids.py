"""A position is bid for once in a tick, unless it changes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agents.shared.bids import Bids


def ints(*entries):
    return np.array(entries, dtype=np.int64)


def test_bids_are_known_until_they_are_forgotten():
    bids = Bids()
    ask = ints(3, 4, 7), ints(2_000, 1, 1_000)
    assert not bids.made(*ask).any()
    bids.add(ints(7, 3), ints(1_000, 2_000))
    assert bids.made(*ask).tolist() == [True, False, True]
    bids.clear()
    assert not bids.made(*ask).any()


def test_a_position_that_changed_may_be_bid_for_again():
    bids = Bids()
    bids.add(ints(7), ints(100_000))
    assert bids.made(ints(7), ints(100_050)).tolist() == [True]
    assert bids.made(ints(7), ints(50_000)).tolist() == [False]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 10**6)), max_size=30))
def test_the_last_bid_counts(log):
    bids, last = Bids(), {}
    for key, repay in log:
        bids.add(ints(key), ints(repay))
        last[key] = repay
    keys = ints(*range(10))
    repay = ints(*(last.get(key, 1) for key in range(10)))
    assert bids.made(keys, repay).tolist() == [key in last for key in range(10)]


def test_two_bids_for_one_position_at_once():
    bids = Bids()
    bids.add(ints(1, 1), ints(10, 10))
    assert len(bids) == 1
