"""Matching against a plain book of deques and heaps, and what price-time priority means message by message."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.orderbook import PlainExchange
from protocols.shared.book_reading import OF_ROW, TICKS, resting_orders, side_levels
from protocols.shared.ladder import (
    AMOUNT,
    BASE,
    BEST,
    FIRST,
    ID,
    KEY,
    LAST,
    NEXT,
    NOBODY,
    NOTHING,
    OWNER,
    PREVIOUS,
    SIDE,
    VOLUME,
    WORD,
)
from protocols.shared.matching import (
    ASK,
    BID,
    CANCEL,
    CANCEL_ALL,
    ENTERED,
    IMMEDIATE,
    LIMIT,
    MID2,
    POST_ONLY,
    RELEASED,
    RESTS,
    TRADED,
    UNKNOWN_ORDER,
    WOULD_TRADE,
    Matching,
    match_messages,
)

ACCOUNTS, MID = 5, 1_000


class Floor:
    """Books that take one message at a time and say what came of it."""

    def __init__(self, books=1, window=64):
        self.engine = Matching(books, ACCOUNTS, window)
        self.engine.books.marks[:, MID2] = 2 * MID

    def send(self, *message):
        """(status, lots traded, number), fills, mid in half ticks."""
        rows, results, mids = np.array([message]), np.empty((1, 3), np.int64), np.empty(1, np.int64)
        books, fills = self.engine.room(1), self.engine.fills(1)
        count = match_messages(books, rows, 0, fills, results, mids)
        return tuple(results[0].tolist()), fills[:count].tolist(), int(mids[0])

    def order(self, sender, side, tick, lots, flag=RESTS, book=0):
        return self.send(LIMIT, book, sender, side, tick, lots, flag, 0)

    def trades(self, *args, **more):
        """(account, tick, lots) of each trade of an order."""
        _, fills, _ = self.order(*args, **more)
        return [(fill[3], fill[5], fill[6]) for fill in fills if fill[1] == TRADED]

    def levels(self, side, book=0):
        rows = np.empty((self.engine.live + 1, 2), np.int64)
        near, count = side_levels(self.engine.books, 2 * book + side, rows)
        return rows[:near].tolist(), rows[near:count].tolist()


def audit(books):
    """Everything that is kept twice agrees, and no book is crossed."""
    window, seen = books.levels.shape[0] // len(books.sides) - 1, 0
    for side in range(len(books.sides)):
        keys = []
        for level in range(window + 1):
            row = side * (window + 1) + level
            slot, before, volume = books.levels[row, FIRST], NOBODY, 0
            filled = bool(books.bits[side, level // WORD] >> np.uint64(level % WORD) & np.uint64(1))
            assert filled == (slot != NOBODY)
            while slot != NOBODY:
                order = books.orders[slot]
                assert order[SIDE] == side
                assert order[PREVIOUS] == before
                assert order[AMOUNT] > 0
                assert min(order[KEY] - books.sides[side, BASE], window) == level
                keys.append(order[KEY])
                volume, before, slot, seen = volume + order[AMOUNT], slot, order[NEXT], seen + 1
            assert books.levels[row, LAST] == before
            assert books.levels[row, VOLUME] == volume
        assert books.sides[side, BEST] == min(keys, default=NOTHING)
    assert seen == books.pool[3] == np.count_nonzero(books.orders[:, ID])
    for book in range(len(books.marks)):
        bid, ask = books.sides[2 * book, BEST], books.sides[2 * book + 1, BEST]
        assert NOTHING in (bid, ask) or -bid < ask, "crossed"
        rows = np.empty((seen + 1, 6), np.int64)
        count = resting_orders(books, book, 0, ACCOUNTS, rows)
        own = books.orders[(books.orders[:, ID] > 0) & (books.orders[:, SIDE] >> 1 == book)]
        assert sorted(rows[:count, OF_ROW].tolist()) == sorted(own[:, OWNER].tolist())
        assert sorted(rows[:count, TICKS].tolist()) == sorted(np.abs(own[:, KEY]).tolist())


@st.composite
def streams(draw):
    near = st.integers(MID - 4, MID + 4)
    ticks = st.one_of(near, near, st.integers(1, 3 * MID))
    message = st.tuples(
        st.sampled_from([LIMIT] * 7 + [CANCEL] * 3 + [CANCEL_ALL]), st.integers(0, 1), st.integers(0, ACCOUNTS - 1),
        st.sampled_from([BID, ASK]), ticks, st.integers(1, 9), st.sampled_from([RESTS, RESTS, POST_ONLY, IMMEDIATE]),
        st.integers(0, 10**6),
    )  # fmt: skip
    return draw(st.lists(message, min_size=1, max_size=60))


@settings(max_examples=150, deadline=None)
@given(streams())
def test_any_stream_comes_to_what_a_plain_book_makes_of_it(stream):
    floor, plain, numbers = Floor(books=2), PlainExchange([2 * MID] * 2), []
    for row, (*message, pick) in enumerate(stream):
        number, sender, book = numbers[pick % len(numbers)] if numbers else (pick, message[2], message[1])
        if message[0] == CANCEL and pick % 5:
            message[2], message[1] = sender, book
        plain.fills.clear()
        expected, mid = plain.message(row, [*message, number])
        (status, traded, rests), fills, found_mid = floor.send(*message, number)
        assert (status, traded, rests >> 24) == expected
        assert found_mid == mid
        assert [(row, *fill[1:2], *fill[3:]) for fill in fills] == plain.fills
        if rests:
            numbers.append((rests, message[2], message[1]))
        audit(floor.engine.books)


@pytest.mark.parametrize("seed", range(3))
def test_a_batch_is_its_messages_one_by_one(seed):
    rng, n = np.random.default_rng(seed), 400
    rows = np.zeros((n, 8), np.int64)
    rows[:, 1], rows[:, 2], rows[:, 3] = rng.integers(0, (2, ACCOUNTS, 2), (n, 3)).T
    rows[:, 4], rows[:, 5] = rng.integers(MID - 300, MID + 300, n), rng.integers(1, 9, n)
    one, other = Floor(books=2), Floor(books=2)
    results, mids = np.empty((n, 3), np.int64), np.empty(n, np.int64)
    books, fills = one.engine.room(n), one.engine.fills(n)
    fills = fills[: match_messages(books, rows, 0, fills, results, mids)]
    said = [other.send(*row) for row in rows.tolist()]
    assert [tuple(result) for result in results.tolist()] == [result for result, _, _ in said]
    assert mids.tolist() == [mid for _, _, mid in said]
    assert fills[:, 1:].tolist() == [fill[1:] for _, made, _ in said for fill in made]
    audit(one.engine.books)


def test_the_best_price_trades_first_and_the_oldest_order_within_it():
    floor = Floor()
    for sender, tick in ((1, MID + 2), (2, MID + 1), (3, MID + 1), (4, MID + 2)):
        floor.order(sender, ASK, tick, 5)
    assert floor.trades(0, BID, MID + 2, 17) == [(2, MID + 1, 5), (3, MID + 1, 5), (1, MID + 2, 5), (4, MID + 2, 2)]
    assert floor.levels(ASK) == ([[MID + 2, 3]], [])


def test_a_partly_filled_order_keeps_its_place_and_a_renewed_one_loses_it():
    floor = Floor()
    (_, _, first), _, _ = floor.order(1, BID, MID, 5)
    floor.order(2, BID, MID, 5)
    assert floor.trades(3, ASK, MID, 3) == [(1, MID, 3)]
    assert floor.trades(3, ASK, MID, 1) == [(1, MID, 1)]
    floor.send(CANCEL, 0, 1, BID, 0, 0, 0, first)
    floor.order(1, BID, MID, 1)
    assert floor.trades(3, ASK, MID, 2) == [(2, MID, 2)]


def test_trades_are_at_the_resting_price_and_never_beyond_the_limit():
    floor = Floor()
    floor.order(1, ASK, MID + 1, 5)
    floor.order(1, ASK, MID + 9, 5)
    assert floor.trades(0, BID, MID + 5, 8) == [(1, MID + 1, 5)]
    assert floor.levels(BID) == ([[MID + 5, 3]], [])


def test_a_post_only_order_rests_or_does_nothing():
    floor = Floor()
    floor.order(1, ASK, MID + 1, 5)
    assert floor.order(0, BID, MID + 1, 2, POST_ONLY)[0] == (WOULD_TRADE, 0, 0)
    (status, _, number), fills, _ = floor.order(0, BID, MID, 2, POST_ONLY)
    assert (status, fills) == (ENTERED, [])
    assert number > 0
    assert floor.levels(ASK) == ([[MID + 1, 5]], [])


def test_what_an_immediate_order_does_not_trade_is_dropped():
    floor = Floor()
    floor.order(1, ASK, MID + 1, 5)
    assert floor.order(0, BID, MID + 1, 8, IMMEDIATE)[0] == (ENTERED, 5, 0)
    assert floor.order(0, BID, MID + 1, 8, IMMEDIATE)[0] == (ENTERED, 0, 0)
    assert floor.engine.live == 0


def test_an_account_never_trades_with_itself_its_resting_order_goes():
    floor = Floor()
    (_, _, own), _, _ = floor.order(0, ASK, MID, 5)
    floor.order(1, ASK, MID, 5)
    (status, traded, rests), fills, _ = floor.order(0, BID, MID, 3)
    assert (status, traded, rests) == (ENTERED, 3, 0)
    assert [fill[1:4] for fill in fills] == [[RELEASED, own, 0], [TRADED, fills[1][2], 1]]
    assert fills[0][6] == 5
    assert floor.levels(ASK) == ([[MID, 2]], [])


def test_only_its_sender_cancels_an_order_once_and_in_its_own_book():
    floor = Floor(books=2)
    (_, _, number), _, _ = floor.order(0, BID, MID, 5)
    for sender, book, named in ((1, 0, number), (0, 1, number), (0, 0, number + 1), (0, 0, -3), (0, 0, 2**61)):
        assert floor.send(CANCEL, book, sender, 0, 0, 0, 0, named)[0][0] == UNKNOWN_ORDER
    assert floor.send(CANCEL, 0, 0, 0, 0, 0, 0, number)[0][0] == ENTERED
    floor.order(0, BID, MID, 5)  # takes the same slot under another number
    assert floor.send(CANCEL, 0, 0, 0, 0, 0, 0, number)[0][0] == UNKNOWN_ORDER


def test_cancelling_all_takes_an_accounts_orders_of_one_book():
    floor = Floor(books=2)
    for sender, book in ((0, 0), (0, 0), (1, 0), (0, 1)):
        floor.order(sender, BID, MID - sender, 5, book=book)
    (status, _, _), fills, _ = floor.send(CANCEL_ALL, 0, 0, 0, 0, 0, 0, 0)
    assert status == ENTERED
    assert [(fill[3], fill[6]) for fill in fills] == [(0, 5), (0, 5)]
    assert floor.levels(BID) == ([[MID - 1, 5]], [])
    assert floor.levels(BID, book=1) == ([[MID, 5]], [])
    assert floor.send(CANCEL_ALL, 0, 0, 0, 0, 0, 0, 0)[0][0] == UNKNOWN_ORDER


def test_the_mid_stands_when_a_side_empties_and_never_beyond_the_other_side():
    floor = Floor()
    assert floor.order(0, BID, MID - 10, 1)[2] == 2 * MID
    assert floor.order(1, ASK, MID + 20, 1)[2] == 2 * MID + 10
    assert floor.order(2, BID, MID + 20, 1, IMMEDIATE)[2] == 2 * MID + 10
    assert floor.order(2, BID, MID + 30, 1)[2] == 2 * MID + 60
    assert floor.send(CANCEL_ALL, 0, 2, 0, 0, 0, 0, 0)[2] == 2 * MID + 60
    assert floor.send(CANCEL_ALL, 0, 0, 0, 0, 0, 0, 0)[2] == 2 * MID + 60
    assert floor.order(1, ASK, MID - 40, 1)[2] == 2 * MID - 80


def test_orders_beyond_the_window_keep_their_time_and_come_in_when_it_moves():
    floor = Floor(window=64)
    floor.order(0, ASK, MID, 1)
    for sender in (1, 2, 3):
        floor.order(sender, ASK, MID + 500, sender)
    floor.order(4, ASK, MID + 400, 4)
    near, far = floor.levels(ASK)
    assert near == [[MID, 1]]
    assert sorted(far) == [[MID + 400, 4], [MID + 500, 1], [MID + 500, 2], [MID + 500, 3]]
    floor.order(0, ASK, MID - 300, 1)  # pushes what was near out of the window
    audit(floor.engine.books)
    expected = [(4, MID + 400, 4), (1, MID + 500, 1), (2, MID + 500, 2), (3, MID + 500, 3)]
    assert floor.trades(4, BID, MID + 100, 2) == [(0, MID - 300, 1), (0, MID, 1)]
    assert floor.trades(0, BID, 10 * MID, 10, flag=IMMEDIATE) == expected
    audit(floor.engine.books)
