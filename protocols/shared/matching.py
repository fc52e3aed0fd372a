"""Price-time priority matching: limit and market orders, cancellations, and who traded with whom.

Prices are whole ticks, amounts whole lots; what they are worth, who may send what, and what changes hands is the
caller's business. An incoming order trades at the prices of the resting orders, best price first and oldest first
within a price; what is left of it rests unless it is immediate or cancel. An account never trades with itself: a
resting order that an order of its own account meets is cancelled ("cancel oldest") and the newcomer goes on.

`match_messages` matches a batch. Venues that settle each trade before the next message call its steps, `enter`,
`withdraw`, `withdraw_all` and `mark_mid`, in a kernel of their own.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.shared.ladder import (
    AMOUNT,
    BEST,
    FIRST,
    ID,
    KEY,
    NOBODY,
    NOTHING,
    OLDER,
    OWNER,
    SIDE,
    SLOT_BITS,
    VOLUME,
    WINDOW,
    Books,
    add_order,
    fused,
    grown,
    level_row,
    new_books,
    remove_order,
)
from sim.jit import inline, kernel

BID, ASK = 0, 1
LIMIT, CANCEL, CANCEL_ALL = range(3)
"""Actions. A market order is a limit order at the worst tick that is IMMEDIATE."""
RESTS, POST_ONLY, IMMEDIATE = range(3)
"""Flags: the rest of the order rests; refused if it would trade at once; what does not trade at once is dropped."""
ACTION, BOOK, SENDER, TOWARDS, TICK, LOTS, FLAG, NUMBER = range(8)
"""Columns of a message. TOWARDS: BID or ASK. NUMBER: of the order to cancel."""
ENTERED, WOULD_TRADE, UNKNOWN_ORDER = range(3)
"""Statuses of a message: done; a post-only order met the other side; no such order of this account rests here."""
TRADED, RELEASED = range(2)
"""Kinds of fills: a trade of a resting order, or what was left of one that was taken out of the book."""
ROW, WHAT, ORDER, MAKER, OF_SIDE, AT, SIZE, PLACE = range(8)
"""Columns of a fill: message row, kind, number and account of the resting order, BID or ASK, tick, lots, book."""
MID2, PRINT, TURNOVER, TRADES = range(4)
"""Columns of `Books.marks`."""
UNBOUNDED = 2**61
"""A budget, or an amount of lots, that never binds."""


class Entered(NamedTuple):
    """What became of an incoming order."""

    status: int
    left: int
    """Lots that did not trade, whether they rest or were dropped."""
    fills: int
    """Fills written so far, the earlier ones included."""


@fused
def enter(books, fills, count, row, book, side, tick, lots, budget, sender, flag):
    """Match one incoming order as far as its price, its lots and its budget reach; it does not rest yet.

    fills: (m, 8), rows from `count` on are written. budget: lots times ticks that it may spend, UNBOUNDED for sales.
    Returns (status, lots left, fills), see `Entered`.
    """
    orders, levels, sides, marks = books.orders, books.levels, books.sides, books.marks
    other, sign = 2 * book + 1 - side, 2 * side - 1
    reach = -sign * tick
    if flag == POST_ONLY and sides[other, BEST] <= reach:
        return WOULD_TRADE, lots, count
    while lots > 0 and sides[other, BEST] <= reach:
        best = sides[other, BEST]
        at = abs(best)
        level = level_row(books, other, best)
        slot = levels[level, FIRST]
        resting = orders[slot, AMOUNT]
        own = orders[slot, OWNER] == sender
        size = resting if own else min(lots, resting)
        if not own and float(size) * at > 0.999 * budget:
            size = min(size, budget // at)
            if size == 0:
                break
        fills[count, ROW], fills[count, WHAT] = row, RELEASED if own else TRADED
        fills[count, ORDER], fills[count, MAKER] = orders[slot, ID], orders[slot, OWNER]
        fills[count, OF_SIDE], fills[count, AT] = 1 - side, at
        fills[count, SIZE], fills[count, PLACE] = size, book
        count += 1
        if not own:
            lots -= size
            budget -= size * at
            marks[book, PRINT] = at
            marks[book, TURNOVER] += size
            marks[book, TRADES] += 1
        if size == resting:
            remove_order(books, slot)
        else:
            orders[slot, AMOUNT] = resting - size
            levels[level, VOLUME] -= size
    return ENTERED, lots, count


@fused
def rest(books, book, side, tick, lots, sender, now):
    """Let what is left of an order rest; its number."""
    slot = add_order(books, 2 * book + side, (2 * side - 1) * tick, lots, sender, now)
    return books.orders[slot, ID]


@fused
def _release(books, fills, count, row, slot):
    orders = books.orders
    fills[count, ROW], fills[count, WHAT] = row, RELEASED
    fills[count, ORDER], fills[count, MAKER] = orders[slot, ID], orders[slot, OWNER]
    fills[count, OF_SIDE], fills[count, AT] = orders[slot, SIDE] & 1, abs(orders[slot, KEY])
    fills[count, SIZE], fills[count, PLACE] = orders[slot, AMOUNT], orders[slot, SIDE] >> 1
    remove_order(books, slot)
    return count + 1


@fused
def withdraw(books, fills, count, row, book, sender, number):
    """Cancel one order by its number; (status, fills). It must be the sender's and rest in this book."""
    orders = books.orders
    slot = number & ((1 << SLOT_BITS) - 1)
    if number <= 0 or slot >= orders.shape[0] or orders[slot, ID] != number:
        return UNKNOWN_ORDER, count
    if orders[slot, OWNER] != sender or orders[slot, SIDE] >> 1 != book:
        return UNKNOWN_ORDER, count
    return ENTERED, _release(books, fills, count, row, slot)


@inline
def withdraw_all(books, fills, count, row, book, sender):
    """Cancel all orders of an account in one book, the newest first; (status, fills)."""
    slot = books.newest[book, sender]
    if slot == NOBODY:
        return UNKNOWN_ORDER, count
    while slot != NOBODY:
        older = books.chains[slot, OLDER]
        count = _release(books, fills, count, row, slot)
        slot = older
    return ENTERED, count


@fused
def mark_mid(books, book):
    """Mid price of a book in half ticks, brought up to date.

    With one side empty the last mid stands, but never beyond the best price of the other; with both it just stands.
    """
    bid, ask = books.sides[2 * book, BEST], books.sides[2 * book + 1, BEST]
    mid = books.marks[book, MID2]
    if bid != NOTHING and ask != NOTHING:
        mid = ask - bid
    elif bid != NOTHING:
        mid = max(mid, -2 * bid)
    elif ask != NOTHING:
        mid = min(mid, 2 * ask)
    books.marks[book, MID2] = mid
    return mid


@kernel()
def match_messages(books, messages, now, fills, results, mids):
    """Match a batch of messages, each of which sees the books the last one left.

    Parameters
    ----------
    books: Books with room for as many more orders as there are messages; prices lie between 1 and MAX_TICK.
    messages: int64 (n, 8), columns ACTION to NUMBER. now: time stamp of orders that come to rest.
    fills: int64 (m, 8), overwritten; `Matching.fills` makes one that is large enough.
    results: int64 (n, 3), overwritten: status, lots traded, number of the order that rests (0 if none does).
    mids: int64 (n,), overwritten: mid price of the message's book after it, in half ticks.

    Returns the number of fills.
    """
    count = np.int64(0)  # a plain 0 has a type of its own, for which helpers would be compiled once more
    for i in range(messages.shape[0]):
        book, sender, traded, number = messages[i, BOOK], messages[i, SENDER], 0, 0
        if messages[i, ACTION] == LIMIT:
            side, tick, lots, flag = messages[i, TOWARDS], messages[i, TICK], messages[i, LOTS], messages[i, FLAG]
            status, left, count = enter(books, fills, count, i, book, side, tick, lots, UNBOUNDED, sender, flag)
            traded = lots - left
            if left > 0 and status == ENTERED and flag != IMMEDIATE:
                number = rest(books, book, side, tick, left, sender, now)
        elif messages[i, ACTION] == CANCEL:
            status, count = withdraw(books, fills, count, i, book, sender, messages[i, NUMBER])
        else:
            status, count = withdraw_all(books, fills, count, i, book, sender)
        results[i, 0], results[i, 1], results[i, 2] = status, traded, number
        mids[i] = mark_mid(books, book)
    return count


class Matching:
    """Books with the memory that batches need.

    Parameters
    ----------
    books: how many. accounts: of the ledger; senders are numbered among them. window: levels of a ladder's window.
    """

    def __init__(self, books: int, accounts: int, window: int = WINDOW) -> None:
        self.books = new_books(books, accounts, window=window)
        self._fills, self._scratch = np.empty((0, 8), dtype=np.int64), np.empty((0, 6), dtype=np.int64)

    @property
    def live(self) -> int:
        """Orders that rest now."""
        return int(self.books.pool[-1])

    def room(self, messages: int) -> Books:
        """The books, with slots for as many more orders."""
        need, have = self.live + messages, len(self.books.orders)
        if need > have:
            self.books = grown(self.books, max(need, 2 * have))
        return self.books

    def fills(self, messages: int) -> NDArray[np.int64]:
        """Memory for the fills of so many messages, used again by the next batch.

        A fill ends a resting order or a message: at most so many end as rest now or come with the batch.
        """
        need = self.live + 2 * messages
        if need > len(self._fills):
            self._fills = np.empty((max(need, 2 * len(self._fills)), 8), dtype=np.int64)
        return self._fills

    def scratch(self) -> NDArray[np.int64]:
        """(m, 6) memory for one row of each order that rests, used again by the next reader."""
        if self.live >= len(self._scratch):
            self._scratch = np.empty((2 * self.live + 64, 6), dtype=np.int64)
        return self._scratch
