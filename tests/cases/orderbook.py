"""Random books, messages and orders for the kernels of matching and of the order book venue."""

import numpy as np

from protocols.orderbook.execution import Terms
from protocols.shared.ladder import ID, OWNER, SIDE, new_books
from protocols.shared.matching import (
    ACTION,
    BOOK,
    CANCEL,
    FLAG,
    LOTS,
    MID2,
    NUMBER,
    SENDER,
    TICK,
    TOWARDS,
    match_messages,
)
from sim.intents import ACT, ALL, AMOUNT, SUBJECT, TOKEN, TOKEN2, Act
from sim.ledger import Book
from tests.kernel_cases import book_of, case, orders, spread

MID, ACCOUNTS = 1_000, 8


def new_messages(rng, n, books, wide=200):
    """Messages of every kind: prices about MID and sometimes far away, cancellations of what is alive and what not."""
    rows = np.zeros((n, 8), np.int64)
    rows[:, ACTION] = rng.choice(3, n, p=[0.75, 0.23, 0.02])
    rows[:, BOOK], rows[:, SENDER] = rng.integers(0, len(books.marks), n), rng.integers(0, ACCOUNTS, n)
    rows[:, TOWARDS], rows[:, FLAG] = rng.integers(0, 2, n), rng.choice(3, n, p=[0.6, 0.2, 0.2])
    far = rng.random(n) < 0.1
    rows[:, TICK] = np.maximum(
        MID + np.where(far, rng.integers(-5_000, 5_000, n), rng.integers(-wide, wide, n) // 10), 1
    )
    rows[:, LOTS] = 1 + rng.geometric(0.2, n)
    alive = np.flatnonzero(books.orders[:, ID])
    if alive.size:
        chosen = rng.choice(alive, n)
        rows[:, NUMBER] = books.orders[chosen, ID]
        own = (rows[:, ACTION] == CANCEL) & (rng.random(n) < 0.8)
        rows[own, SENDER], rows[own, BOOK] = books.orders[chosen[own], OWNER], books.orders[chosen[own], SIDE] >> 1
    return rows


def some_books(rng, n, window=64):
    """Two books with a window of few levels in which some orders rest, with room for n more."""
    books = new_books(2, ACCOUNTS, slots=2 * n + 64, window=window)
    books.marks[:, MID2] = 2 * MID
    rows = new_messages(rng, n, books)
    results = np.empty((n, 3), np.int64), np.empty(n, np.int64)
    match_messages(books, rows, 0, np.empty((3 * n, 8), np.int64), *results)
    return books


@case("protocols.shared.matching.match_messages")
def _(rng, n):
    books = some_books(rng, n)
    fills = np.zeros((4 * n + 64, 8), np.int64)
    return books, new_messages(rng, n, books), 3, fills, np.zeros((n, 3), np.int64), np.zeros(n, np.int64)


@case("protocols.shared.book_reading.side_levels")
def _(rng, n):
    return some_books(rng, n), int(rng.integers(0, 4)), np.zeros((n + 1, 2), np.int64)


@case("protocols.shared.book_reading.resting_orders")
def _(rng, n):
    return some_books(rng, n), int(rng.integers(0, 2)), 1, ACCOUNTS, np.zeros((n + 1, 6), np.int64)


@case("protocols.orderbook.execution.run_orders")
def _(rng, n):
    balance = np.zeros((5, ACCOUNTS), np.int64)
    balance[:2, 2:] = spread(rng, (2, ACCOUNTS - 2), 1e12)
    book: Book = book_of(balance, [0, 0, 1, 1, 0], [0, 0, 1, 1, 0], 30 * n + 200)
    books = new_books(1, ACCOUNTS, slots=n + 64, window=64)
    books.marks[:, MID2] = 2 * MID
    fees = (0.001, float(rng.choice([0.0005, -0.0005])))
    table = np.array([[1, 1_000, 100, 3]])
    terms = Terms(np.array([-1, 0, -1, -1, -1]), table, np.array([0.1]), 2, *fees, 1)
    acts = [Act.SWAP, Act.BUY, Act.SELL, Act.LIMIT_BUY, Act.LIMIT_SELL, Act.LIMIT_BUY, Act.LIMIT_SELL, Act.CANCEL]
    ints = orders(rng, n, [*acts, Act.DEPOSIT], [0, 1, 1, 1, 4], np.arange(2, ACCOUNTS), 1e9)
    swaps = ints[:, ACT] == Act.SWAP
    ints[:, TOKEN2] = np.where(ints[:, TOKEN] == 0, 1, 0)
    ints[~swaps & (rng.random(n) < 0.95), TOKEN] = 1
    ints[:, SUBJECT] = rng.choice([-1, -2, -3, 5], n)
    cancels = np.flatnonzero(ints[:, ACT] == Act.CANCEL)
    guesses = (rng.integers(1, n + 2, cancels.size) << 24) | rng.integers(0, n + 1, cancels.size)
    ints[cancels, AMOUNT] = np.where(rng.random(cancels.size) < 0.3, ALL, guesses)
    limit = np.round(rng.normal(100.0, 3.0, n), 1)
    limit[rng.random(n) < 0.1] = rng.choice([0.0, 1e-9, 1e14, np.nan])
    with np.errstate(divide="ignore"):
        limit[swaps] = np.where(ints[swaps, TOKEN] == 0, 0.95 / limit[swaps], 0.95 * limit[swaps])
    reals = np.column_stack([limit, np.ones(n)])
    return book, books, terms, ints, reals, 4, 9, np.zeros((2 * n + 64, 8), np.int64), np.zeros((n, 7), np.int64)
