"""Price ladders: the resting orders of many books in one pool, queued by price and time.

Each side of each book has its own window of price levels, so that no spread is too wide for it. A level is a queue
through the orders themselves; which levels hold orders is kept in 64-bit words with one word of words above them, so
the next best level is two bit scans away. Prices worse than the window wait in one more queue, the far queue, and enter
when the window moves. It moves when a better price arrives, or when only far orders are left.

Both sides count in keys, minus ticks for bids and ticks for asks: the best order is the one of the lowest key.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.jit import JIT, _njit, inline


def trailing_zeros(word: Any) -> Any:
    """Place of the lowest bit that is set."""
    return (int(word) & -int(word)).bit_length() - 1


if JIT:
    from numba.cpython.unsafe.numbers import trailing_zeros  # type: ignore[assignment]


def fused(loop: Callable[..., Any]) -> Callable[..., Any]:
    """`sim.jit.inline` that leaves the compiler no choice.

    A helper that takes `Books` and is called costs more to call than to run: a dozen words for each of its arrays.
    """
    return _njit(loop, _nrt=False, forceinline=True) if JIT else loop


WORD = 64
WINDOW = 63 * WORD
"""Levels of a window; the far queue takes the last word."""
ID, OWNER, KEY, AMOUNT, NEXT, PREVIOUS, SIDE, BORN = range(8)
"""Columns of an order. SIDE: 2 * book, plus 1 for asks. BORN: whatever clock the caller keeps."""
VOLUME, FIRST, LAST = range(3)
"""Columns of a level: what is queued there, and its oldest and newest order."""
BASE, BEST = range(2)
"""Columns of a side: the key of its first level, and its best key, NOTHING if it is empty."""
YOUNGER, OLDER = range(2)
"""Columns of `chains`, which join the orders of one account in one book."""
FREE, FRESH, SERIAL, LIVE = range(4)
"""Entries of `pool`: the last slot given back, the first never used, orders so far, orders now."""
NOBODY = -1
NOTHING = 2**62
SLOT_BITS = 24
"""An order's number is its serial number followed by its slot in so many bits."""
MAX_TICK = 2**40
_ONE = np.uint64(1)
_NO_BITS = np.uint64(0)


class Books(NamedTuple):
    """State of many order books, as kernels see it."""

    orders: NDArray[np.int64]
    """(slots, 8), one row of memory per order."""
    chains: NDArray[np.int64]
    """(slots, 2)"""
    newest: NDArray[np.int64]
    """(books, accounts) slot of each account's newest order."""
    levels: NDArray[np.int64]
    """(2 * books * (window + 1), 4)"""
    bits: NDArray[np.uint64]
    """(2 * books, words + 1); the last column says which words are not zero."""
    sides: NDArray[np.int64]
    """(2 * books, 2)"""
    marks: NDArray[np.int64]
    """(books, 4): mid price in half ticks, tick of the last trade, lots and number of trades so far."""
    pool: NDArray[np.int64]
    """(4,)"""


@fused
def lowest_bit(word):
    """Place of the lowest bit of a word that is not zero."""
    return np.int64(trailing_zeros(word))


@fused
def level_row(books, side, key):
    """Row of the level, or of the far queue, that a key belongs to."""
    span = books.levels.shape[0] // books.sides.shape[0]
    return side * span + min(key - books.sides[side, BASE], span - 1)


@fused
def _set(books, side, level):
    word, bit = level >> 6, np.uint64(level & 63)
    books.bits[side, word] |= _ONE << bit
    books.bits[side, books.bits.shape[1] - 1] |= _ONE << np.uint64(word)


@fused
def _clear(books, side, level):
    word, bit = level >> 6, np.uint64(level & 63)
    books.bits[side, word] &= ~(_ONE << bit)
    if books.bits[side, word] == _NO_BITS:
        books.bits[side, books.bits.shape[1] - 1] &= ~(_ONE << np.uint64(word))


@fused
def _lowest(books, side):
    """First level that holds orders, the far queue being the last; -1 if none does."""
    summary = books.bits[side, books.bits.shape[1] - 1]
    if summary == _NO_BITS:
        return -1
    word = lowest_bit(summary)
    return word * WORD + lowest_bit(books.bits[side, word])


@fused
def _append(books, side, row, slot):
    """Queue an order at the end of a level."""
    orders, levels = books.orders, books.levels
    last = levels[row, LAST]
    orders[slot, NEXT], orders[slot, PREVIOUS] = NOBODY, last
    if last == NOBODY:
        levels[row, FIRST] = slot
        _set(books, side, row - side * (levels.shape[0] // books.sides.shape[0]))
    else:
        orders[last, NEXT] = slot
    levels[row, LAST] = slot
    levels[row, VOLUME] += orders[slot, AMOUNT]


@inline
def _shift_down(books, side, base):
    """Move the window to a lower base; levels that fall off its end join the far queue."""
    orders, levels = books.orders, books.levels
    span = levels.shape[0] // books.sides.shape[0]
    first, far, shift = side * span, side * span + span - 1, books.sides[side, BASE] - base
    for word in range(books.bits.shape[1]):
        books.bits[side, word] = _NO_BITS
    for level in range(span - 2, -1, -1):
        row = first + level
        head, tail, volume = levels[row, FIRST], levels[row, LAST], levels[row, VOLUME]
        if head == NOBODY:
            continue
        levels[row, FIRST], levels[row, LAST], levels[row, VOLUME] = NOBODY, NOBODY, 0
        to = row + shift if level + shift < span - 1 else far
        end = levels[to, LAST]
        if end == NOBODY:
            levels[to, FIRST] = head
        else:
            orders[end, NEXT], orders[head, PREVIOUS] = head, end
        levels[to, LAST] = tail
        levels[to, VOLUME] += volume
        _set(books, side, to - first)
    if levels[far, FIRST] != NOBODY:
        _set(books, side, span - 1)
    books.sides[side, BASE] = base


@inline
def _bring_near(books, side):
    """Move an empty window to where the best of the far orders is and let it in with those near it."""
    orders, levels = books.orders, books.levels
    span = levels.shape[0] // books.sides.shape[0]
    far = side * span + span - 1
    slot, best = levels[far, FIRST], NOTHING
    while slot != NOBODY:
        best = min(best, orders[slot, KEY])
        slot = orders[slot, NEXT]
    books.sides[side, BASE], books.sides[side, BEST] = best - span // 4, best
    slot = levels[far, FIRST]
    levels[far, FIRST], levels[far, LAST], levels[far, VOLUME] = NOBODY, NOBODY, 0
    _clear(books, side, span - 1)
    while slot != NOBODY:
        following = orders[slot, NEXT]
        _append(books, side, level_row(books, side, orders[slot, KEY]), slot)
        slot = following


@fused
def add_order(books, side, key, amount, owner, born):
    """Let a new order rest behind all others of its price; its slot. There must be a free one."""
    orders, pool = books.orders, books.pool
    slot = pool[FREE]
    if slot == NOBODY:
        slot = pool[FRESH]
        pool[FRESH] += 1
    else:
        pool[FREE] = orders[slot, NEXT]
    pool[SERIAL] += 1
    pool[LIVE] += 1
    orders[slot, ID], orders[slot, OWNER] = (pool[SERIAL] << SLOT_BITS) | slot, owner
    orders[slot, KEY], orders[slot, AMOUNT] = key, amount
    orders[slot, SIDE], orders[slot, BORN] = side, born
    span = books.levels.shape[0] // books.sides.shape[0]
    if books.sides[side, BEST] == NOTHING:
        books.sides[side, BASE] = key - span // 4
    elif key < books.sides[side, BASE]:
        _shift_down(books, side, key - span // 4)
    _append(books, side, level_row(books, side, key), slot)
    books.sides[side, BEST] = min(books.sides[side, BEST], key)
    older = books.newest[side >> 1, owner]
    books.chains[slot, YOUNGER], books.chains[slot, OLDER] = NOBODY, older
    if older != NOBODY:
        books.chains[older, YOUNGER] = slot
    books.newest[side >> 1, owner] = slot
    return slot


@fused
def remove_order(books, slot):
    """Take an order out of its level, its book and its account's chain, and give its slot back."""
    orders, levels, chains = books.orders, books.levels, books.chains
    side, key = orders[slot, SIDE], orders[slot, KEY]
    row = level_row(books, side, key)
    before, after = orders[slot, PREVIOUS], orders[slot, NEXT]
    levels[row, VOLUME] -= orders[slot, AMOUNT]
    if before == NOBODY:
        levels[row, FIRST] = after
    else:
        orders[before, NEXT] = after
    if after == NOBODY:
        levels[row, LAST] = before
    else:
        orders[after, PREVIOUS] = before
    younger, older = chains[slot, YOUNGER], chains[slot, OLDER]
    if younger == NOBODY:
        books.newest[side >> 1, orders[slot, OWNER]] = older
    else:
        chains[younger, OLDER] = older
    if older != NOBODY:
        chains[older, YOUNGER] = younger
    orders[slot, ID], orders[slot, NEXT] = 0, books.pool[FREE]
    books.pool[FREE] = slot
    books.pool[LIVE] -= 1
    if levels[row, FIRST] == NOBODY:
        span = levels.shape[0] // books.sides.shape[0]
        _clear(books, side, row - side * span)
        if key == books.sides[side, BEST]:
            _next_best(books, side, span)


@fused
def _next_best(books, side, span):
    level = _lowest(books, side)
    if level == -1:
        books.sides[side, BEST] = NOTHING
    elif level == span - 1:
        _bring_near(books, side)
    else:
        books.sides[side, BEST] = books.sides[side, BASE] + level


def new_books(books: int, accounts: int, slots: int = 1024, window: int = WINDOW) -> Books:
    """Empty books for accounts numbered from 0; `window` is a multiple of 64 up to 63 * 64 levels."""
    levels = np.zeros((2 * books * (window + 1), 4), dtype=np.int64)
    levels[:, FIRST] = levels[:, LAST] = NOBODY
    sides = np.zeros((2 * books, 2), dtype=np.int64)
    sides[:, BEST] = NOTHING
    return Books(
        orders=np.zeros((slots, 8), dtype=np.int64),
        chains=np.full((slots, 2), NOBODY, dtype=np.int64),
        newest=np.full((books, accounts), NOBODY, dtype=np.int64),
        levels=levels,
        bits=np.zeros((2 * books, window // WORD + 2), dtype=np.uint64),
        sides=sides,
        marks=np.zeros((books, 4), dtype=np.int64),
        pool=np.array([NOBODY, 0, 0, 0], dtype=np.int64),
    )


def grown(books: Books, slots: int) -> Books:
    """The same books with room for so many orders."""
    orders, chains = np.zeros((slots, 8), dtype=np.int64), np.full((slots, 2), NOBODY, dtype=np.int64)
    orders[: len(books.orders)], chains[: len(books.chains)] = books.orders, books.chains
    return books._replace(orders=orders, chains=chains)
