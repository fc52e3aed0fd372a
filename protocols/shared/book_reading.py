"""What can be read off order books: their levels, and the orders that an account has resting."""

# mypy: allow-untyped-defs, allow-incomplete-defs

import numpy as np

from protocols.shared.ladder import (
    AMOUNT,
    BASE,
    BORN,
    FIRST,
    ID,
    KEY,
    NEXT,
    NOBODY,
    OLDER,
    SIDE,
    VOLUME,
    WORD,
    lowest_bit,
)
from sim.jit import kernel

OF_ROW, IS, ON, TICKS, STANDS, SINCE = range(6)
"""Columns of `resting_orders`: row, number, BID or ASK, tick, lots, and when it came to rest."""


@kernel()
def side_levels(books, side, out):
    """Write (tick, lots) of the levels of a side, best first; the far orders follow one by one, in no order.

    side: 2 * book, plus 1 for asks. out: int64 (m, 2), with room for as many rows as orders rest.
    Returns (levels, rows): how many of the rows are levels in order, and how many rows there are.
    """
    span = books.levels.shape[0] // books.sides.shape[0]
    count, base, zero, one = 0, books.sides[side, BASE], np.uint64(0), np.uint64(1)
    for word in range(books.bits.shape[1] - 2):
        bits = books.bits[side, word]
        while bits != zero:
            level = word * WORD + lowest_bit(bits)
            bits &= bits - one
            out[count, 0], out[count, 1] = abs(base + level), books.levels[side * span + level, VOLUME]
            count += 1
    near, slot = count, books.levels[side * span + span - 1, FIRST]
    while slot != NOBODY:
        out[count, 0], out[count, 1] = abs(books.orders[slot, KEY]), books.orders[slot, AMOUNT]
        count += 1
        slot = books.orders[slot, NEXT]
    return near, count


@kernel()
def resting_orders(books, book, lo, hi, out):
    """Write the orders that accounts lo to hi - 1 have in a book, account by account, each one's newest first.

    out: int64 (m, 6), with room for as many rows as orders rest; columns OF_ROW (account less lo) to SINCE.
    Returns the number of rows.
    """
    count = 0
    for account in range(lo, hi):
        slot = books.newest[book, account]
        while slot != NOBODY:
            out[count, OF_ROW], out[count, IS] = account - lo, books.orders[slot, ID]
            out[count, ON], out[count, TICKS] = books.orders[slot, SIDE] & 1, abs(books.orders[slot, KEY])
            out[count, STANDS], out[count, SINCE] = books.orders[slot, AMOUNT], books.orders[slot, BORN]
            count += 1
            slot = books.chains[slot, OLDER]
    return count
