"""Orders on spot books: funds checked, matched, and every fill settled before the next order is looked at.

What a resting order would give stands with the venue, and its account holds as much of a claim, so makers can always
deliver. Fees come out of what is received, rounded up; a maker's rebate comes out of the taker's fee, rounded down.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.shared.ladder import MAX_TICK, fused
from protocols.shared.matching import (
    ASK,
    AT,
    BID,
    IMMEDIATE,
    MAKER,
    MID2,
    OF_SIDE,
    PLACE,
    POST_ONLY,
    RELEASED,
    RESTS,
    SIZE,
    UNBOUNDED,
    UNKNOWN_ORDER,
    WHAT,
    WOULD_TRADE,
    enter,
    mark_mid,
    rest,
    withdraw,
    withdraw_all,
)
from sim.events import Kind
from sim.intents import ACCOUNT, ACT, ALL, AMOUNT, LIMIT, SUBJECT, TOKEN, TOKEN2, Act, Flag
from sim.jit import inline, kernel
from sim.ledger import post
from sim.tokens import EXTERNAL

DONE, WRONG_TOKENS, NO_FUNDS, TOO_SMALL, BAD_PRICE, NOTHING_THERE, TAKES, NO_SUCH_ORDER, NOT_SUPPORTED = range(9)
STATUS_TEXT = (
    "done",
    "the venue has no book of this asset against that token",
    "the account does not hold that much",
    "the amount is less than one lot",
    "the limit is no price on the book's grid",
    "nothing is offered within the order's limit that the order could pay for",
    "a post-only order would trade at once",
    "the account has no such order in this book",
    "the venue does not know this act",
)
_SWAP, _BUY, _SELL = int(Act.SWAP), int(Act.BUY), int(Act.SELL)
_LIMIT_BUY, _LIMIT_SELL, _CANCEL = int(Act.LIMIT_BUY), int(Act.LIMIT_SELL), int(Act.CANCEL)
_TRADE, _ORDER, _CANCELLED = int(Kind.TRADE), int(Kind.ORDER), int(Kind.CANCEL)
_SWAPPED, _FAILED = int(Kind.SWAP), int(Kind.TX_FAILED)
_POST_ONLY, _IMMEDIATE = int(Flag.POST_ONLY), int(Flag.IMMEDIATE)
ASSET, LOT, UNIT, CLAIM = range(4)
"""Columns of the terms of a book: asset, its atoms per lot, numeraire atoms per lot and tick, claim on locked asset."""
STATUS, KIND, TOLD, MONEY, IN_BOOK, HAD, HALF_TICKS = range(7)
"""Columns of results: status, kind and amount of the event, numeraire atoms traded, book, its mid before and after."""
_ZERO = np.int64(0)
"""Counters start here: a plain 0 has a type of its own, for which helpers would be compiled once more."""
_SNAP = 1e-7
"""Part of a tick within which a limit counts as on the grid."""


class Terms(NamedTuple):
    """What the books trade, and for what fees."""

    lookup: NDArray[np.int64]
    """(tokens,) book of each asset, -1 without one."""
    table: NDArray[np.int64]
    """(books, 4) ASSET, LOT, UNIT, CLAIM."""
    tick: NDArray[np.float64]
    """(books,) USD."""
    money_claim: int
    """Claim on escrowed numeraire."""
    taker: float
    maker: float
    """Share of what they receive; a maker's may be negative, a rebate."""
    venue: int
    """The venue's account."""


@inline
def fee_on(amount, share):
    """Atoms of a fee, rounded up."""
    return min(amount, np.int64(math.ceil(float(amount) * share))) if share > 0.0 else 0


@inline
def to_tick(limit, tick, side):
    """The tick at a limit price, or the next one that is better for the order; 0 if there is none up to MAX_TICK."""
    ratio = limit / tick
    if not (ratio > 0.0 and ratio < float(MAX_TICK)):
        return 0
    near = math.floor(ratio + 0.5)
    if abs(ratio - near) > _SNAP:
        near = math.floor(ratio) if side == BID else math.ceil(ratio)
    return np.int64(near)


@fused
def _side_of(terms, act, token, token2):
    """(book, side) of an order; book -1 if its tokens do not fit."""
    if act != _SWAP:
        return terms.lookup[token], BID if act in (_BUY, _LIMIT_BUY) else ASK
    if token == 0:
        return (terms.lookup[token2] if token2 > 0 else -1), BID
    return (terms.lookup[token] if token2 == 0 else -1), ASK


@fused
def _worst_tick(act, limit, tick, side, taker):
    """The worst tick an order accepts; for market orders without a limit the worst there is; 0 for no price."""
    if act == _SWAP and limit > 0.0:
        limit = (1.0 - taker) / limit if side == BID else limit / (1.0 - taker)
    resting = act in (_LIMIT_BUY, _LIMIT_SELL)
    if not resting and limit == 0.0:
        return MAX_TICK if side == BID else 1
    at = to_tick(limit, tick, side)
    if not resting and at == 0 and limit > 0.0:  # a bound beyond the grid either binds nothing or everything
        below = limit < tick
        if side == BID:
            return 0 if below else MAX_TICK
        return 1 if below else 0
    return at


@fused
def _funds(book, terms, at, act, side, tick, account, amount):
    """(status, lots, budget in lots times ticks) of an order, as far as its account can pay for it."""
    asset, lot, unit = terms.table[at, ASSET], terms.table[at, LOT], terms.table[at, UNIT]
    money = max(book.balance[0, account], 0)
    if act == _SWAP and side == BID:
        budget = amount // unit
        return (NO_FUNDS if amount > money else DONE if budget > 0 else TOO_SMALL), UNBOUNDED, budget
    lots = amount // lot
    if lots <= 0:
        return TOO_SMALL, 0, 0
    if side == ASK:
        needed = amount if act == _SWAP else lots * lot
        return (NO_FUNDS if needed > book.balance[asset, account] else DONE), lots, UNBOUNDED
    budget = money // unit
    if act == _LIMIT_BUY and (float(lots) * tick > 2.0**61 or lots * tick > budget):
        return NO_FUNDS, 0, 0
    return DONE, lots, budget


@fused
def _release(book, terms, fills, f, event):
    """Give back what an order that left the book had in escrow; how many postings were refused."""
    at, owner = fills[f, PLACE], fills[f, MAKER]
    bid = fills[f, OF_SIDE] == BID
    amount = fills[f, SIZE] * (fills[f, AT] * terms.table[at, UNIT] if bid else terms.table[at, LOT])
    failed = post(book, terms.money_claim if bid else terms.table[at, CLAIM], owner, terms.venue, amount, event)
    failed += post(book, 0 if bid else terms.table[at, ASSET], terms.venue, owner, amount, event)
    return failed


@fused
def _settle(book, terms, fills, start, stop, side, at, taker, event):
    """Pay out the fills of one incoming order; (atoms it gave, atoms it got before the fee, postings refused)."""
    asset, lot, unit = terms.table[at, ASSET], terms.table[at, LOT], terms.table[at, UNIT]
    claim, venue, failed = terms.table[at, CLAIM], terms.venue, _ZERO
    claim = claim if side == BID else terms.money_claim
    gives, gets = (0, asset) if side == BID else (asset, 0)
    given, got, rebates = _ZERO, _ZERO, _ZERO
    for f in range(start, stop):
        if fills[f, WHAT] == RELEASED:
            failed += _release(book, terms, fills, f, event)
            continue
        maker, held, money = fills[f, MAKER], fills[f, SIZE] * lot, fills[f, SIZE] * fills[f, AT] * unit
        pays, takes = (held, money) if side == BID else (money, held)
        fee = fee_on(takes, terms.maker)
        failed += post(book, claim, maker, venue, pays, event)
        failed += post(book, gives, taker, maker, takes - fee, event)
        if fee > 0:
            failed += post(book, gives, taker, EXTERNAL, fee, event)
        rebate = math.floor(float(pays) * max(-terms.maker, 0.0))
        if rebate > 0:
            failed += post(book, gets, venue, maker, rebate, event)
        given, got, rebates = given + takes, got + pays, rebates + rebate
    if got > 0:
        fee = max(fee_on(got, terms.taker), rebates)
        failed += post(book, gets, venue, taker, got - fee, event)
        if fee > rebates:
            failed += post(book, gets, venue, EXTERNAL, fee - rebates, event)
    return given, got, failed


@fused
def _lock(book, terms, at, side, tick, lots, account, event):
    """Put what a resting order would give in escrow; how many postings were refused."""
    bid, venue = side == BID, terms.venue
    amount = lots * (tick * terms.table[at, UNIT] if bid else terms.table[at, LOT])
    failed = post(book, 0 if bid else terms.table[at, ASSET], account, venue, amount, event)
    failed += post(book, terms.money_claim if bid else terms.table[at, CLAIM], venue, account, amount, event)
    return failed


@fused
def _trade(book, books, terms, ints, reals, i, now, event, fills, count, out):
    """Execute one order to buy or sell; (fills, postings refused)."""
    act, account, amount = ints[i, ACT], ints[i, ACCOUNT], ints[i, AMOUNT]
    at, side = _side_of(terms, act, ints[i, TOKEN], ints[i, TOKEN2])
    out[i, IN_BOOK] = at
    if at < 0:
        out[i, STATUS] = WRONG_TOKENS
        return count, 0
    tick = _worst_tick(act, reals[i, LIMIT], terms.tick[at], side, terms.taker)
    if tick == 0:
        out[i, STATUS] = BAD_PRICE
        return count, 0
    status, lots, budget = _funds(book, terms, at, act, side, tick, account, amount)
    if status != DONE:
        out[i, STATUS] = status
        return count, 0
    rests = act in (_LIMIT_BUY, _LIMIT_SELL)
    flag = RESTS if rests else IMMEDIATE
    if rests and ints[i, SUBJECT] == _POST_ONLY:
        flag = POST_ONLY
    elif rests and ints[i, SUBJECT] == _IMMEDIATE:
        flag = IMMEDIATE
    start = count
    status, left, count = enter(books, fills, count, i, at, side, tick, lots, budget, account, flag)
    if status == WOULD_TRADE:
        out[i, STATUS] = TAKES
        return count, 0
    given, got, failed = _settle(book, terms, fills, start, count, side, at, account, event)
    if left > 0 and flag != IMMEDIATE:
        out[i, KIND], out[i, TOLD] = _ORDER, rest(books, at, side, tick, left, account, now)
        failed += _lock(book, terms, at, side, tick, left, account, event)
    elif count == start:
        out[i, STATUS] = NOTHING_THERE
    if got > 0:
        out[i, KIND], out[i, MONEY] = _TRADE if act != _SWAP else _SWAPPED, given if side == BID else got
        out[i, TOLD] = given if act == _SWAP else got if side == BID else -given
    return count, failed


@fused
def _cancel(book, books, terms, ints, i, event, fills, count, out):
    """Execute one cancellation; (fills, postings refused)."""
    at, account, number = terms.lookup[ints[i, TOKEN]], ints[i, ACCOUNT], ints[i, AMOUNT]
    out[i, IN_BOOK] = at
    if at < 0:
        out[i, STATUS] = WRONG_TOKENS
        return count, 0
    start, failed = count, _ZERO
    if number == ALL:
        status, count = withdraw_all(books, fills, count, i, at, account)
    else:
        status, count = withdraw(books, fills, count, i, at, account, number)
    if status == UNKNOWN_ORDER:
        out[i, STATUS] = NO_SUCH_ORDER
    for f in range(start, count):
        failed += _release(book, terms, fills, f, event)
    return count, failed


@kernel()
def run_orders(book, books, terms, ints, reals, now, event0, fills, out):
    """Execute orders one after the other; each sees the books and balances the last one left.

    Parameters
    ----------
    book: sim.ledger.Book. books: protocols.shared.ladder.Books with room for as many more orders. terms: Terms.
    ints, reals: rows of sim.intents.Orders in the order of their arrival. now: the tick. event0: event id of row 0.
    fills: int64 (m, 8) from `Matching.fills`, overwritten. out: int64 (n, 7), overwritten: STATUS to HALF_TICKS.

    Returns (number of fills, number of postings that the ledger refused, which is zero unless something is broken).
    """
    count, failed = _ZERO, _ZERO
    for i in range(ints.shape[0]):
        act, refused = ints[i, ACT], 0
        out[i, STATUS], out[i, KIND], out[i, TOLD], out[i, MONEY] = DONE, _CANCELLED, ints[i, AMOUNT], 0
        out[i, IN_BOOK] = -1
        if act == _CANCEL:
            count, refused = _cancel(book, books, terms, ints, i, event0 + i, fills, count, out)
        elif act == _SWAP or (act >= _BUY and act <= _LIMIT_SELL):
            count, refused = _trade(book, books, terms, ints, reals, i, now, event0 + i, fills, count, out)
        else:
            out[i, STATUS] = NOT_SUPPORTED
        failed += refused
        if out[i, STATUS] != DONE:
            out[i, KIND], out[i, TOLD] = _FAILED, 0
        at = out[i, IN_BOOK]
        out[i, HAD], out[i, HALF_TICKS] = 0, 0
        if at >= 0:
            out[i, HAD] = books.marks[at, MID2]
            out[i, HALF_TICKS] = mark_mid(books, at)
    return count, failed
