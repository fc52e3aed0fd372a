"""Bids under way are not repeated."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agents.shared.bids import Bids


def ints(*entries):
    return np.array(entries, dtype=np.int64)


def test_a_bid_is_under_way_until_its_time_is_over():
    bids = Bids()
    bids.add(ints(7, 3), ints(1_000, 2_000), until=5)
    ask = ints(3, 4, 7), ints(2_000, 1, 1_000)
    assert bids.under_way(*ask, tick=4).tolist() == [True, False, True]
    assert bids.under_way(*ask, tick=5).tolist() == [False, False, False]
    assert len(bids) == 0


def test_a_position_that_changed_may_be_bid_for_again():
    bids = Bids()
    bids.add(ints(7), ints(100_000), until=5)
    assert bids.under_way(ints(7), ints(100_050), tick=1).tolist() == [True]
    assert bids.under_way(ints(7), ints(50_000), tick=1).tolist() == [False]


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 10**6), st.integers(0, 20)), max_size=30), st.integers(0, 20)
)
def test_the_last_bid_counts(log, tick):
    bids, last = Bids(), {}
    for key, repay, until in log:
        bids.add(ints(key), ints(repay), until)
        last[key] = repay, until
    keys = ints(*range(10))
    repay = ints(*(last.get(key, (1, 0))[0] for key in range(10)))
    expected = [key in last and last[key][1] > tick for key in range(10)]
    assert bids.under_way(keys, repay, tick).tolist() == expected


def test_two_bids_for_one_position_at_once():
    bids = Bids()
    bids.add(ints(1, 1), ints(10, 10), until=9)
    assert len(bids) == 1
