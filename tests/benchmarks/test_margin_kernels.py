"""Sweeps of a slice equal postings row by row, and the desk's kernels equal their twins."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.margin_kernels import choose_orders, settle, sweep
from sim.jit import KERNELS
from sim.ledger import OVERDRAWN, OVERFLOW, POSTED, Book, post_many
from sim.units import MAX_ATOMS

COIN, USD, DEBT = 0, 1, 2
DESK, LO = 1, 2


def ledger(clients: int, seed: int, journal: int = 0) -> Book:
    """External, a desk with deep pockets, and clients; rows sum to zero."""
    rng = np.random.default_rng(seed)
    balance = np.zeros((3, clients + LO), dtype=np.int64)
    balance[COIN, LO:], balance[USD, LO:] = rng.integers(0, 10**6, clients), rng.integers(0, 10**6, clients)
    balance[DEBT, LO:] = -rng.integers(0, 10**6, clients)
    balance[:2, DESK] = 10**12
    balance[:2, 0] = -balance[:2].sum(axis=1)
    balance[DEBT, DESK] = -balance[DEBT].sum()
    debt = np.array([0, 0, 2], dtype=np.int8)
    return Book(balance, np.array([0, 0, DESK]), debt, np.zeros((journal, 5), np.int64), np.zeros(1, np.int64))


def row_by_row(book: Book, token: int, change: np.ndarray) -> bool:
    """Post as the ledger would; whether all rows were accepted."""
    account, amount = LO + np.arange(change.size), np.abs(change)
    src, dst = np.where(change < 0, account, DESK), np.where(change < 0, DESK, account)
    status = np.empty(change.size, dtype=np.int64)
    post_many(book, token, src, dst, amount, np.zeros(change.size, np.int64), status)
    return not status.any()


@given(st.integers(1, 40), st.integers(0, 2**31), st.sampled_from([COIN, USD, DEBT]), st.sampled_from([10**3, 10**6]))
def test_a_sweep_posts_what_rows_would_or_nothing(clients: int, seed: int, token: int, size: int) -> None:
    change = np.random.default_rng(seed).integers(-size, size, clients)
    swept, posted, before = ledger(clients, seed), ledger(clients, seed), ledger(clients, seed)
    status = sweep(swept, token, LO, change, DESK, 7)
    if row_by_row(posted, token, change):
        assert status == POSTED
        np.testing.assert_array_equal(swept.balance, posted.balance)
    else:
        assert status == OVERDRAWN
        np.testing.assert_array_equal(swept.balance, before.balance)


def test_a_sweep_writes_its_postings_down() -> None:
    book, change = ledger(3, 1, journal=8), np.array([5, -2, 0])
    assert sweep(book, COIN, LO, change, DESK, 9) == POSTED
    assert book.cursor[0] == 3
    np.testing.assert_array_equal(book.journal[:3], [[9, COIN, 1, 2, 5], [9, COIN, 3, 1, 2], [9, COIN, 1, 4, 0]])


def test_a_sweep_refuses_what_an_atom_cannot_count() -> None:
    book = ledger(2, 1)
    book.balance[COIN, DESK] = MAX_ATOMS - 1
    book.balance[COIN, LO] = 2
    assert sweep(book, COIN, LO, np.array([-2, 0]), DESK, 0) == OVERFLOW
    assert book.balance[COIN, LO] == 2


def test_the_counterparty_of_a_sweep_cannot_be_overdrawn() -> None:
    book = ledger(2, 1)
    book.balance[COIN, DESK] = 10
    assert sweep(book, COIN, LO, np.array([6, 6]), DESK, 0) == OVERDRAWN
    assert sweep(book, DEBT, LO, np.array([0, -(10**4)]), DESK, 0) == POSTED
    book.balance[DEBT, DESK] = 0
    book.balance[DEBT, LO:] = -5
    assert sweep(book, DEBT, LO, np.array([5, 0]), DESK, 0) == OVERDRAWN


@pytest.mark.parametrize("clients", [1, 7, 2048, 5000])
@pytest.mark.parametrize("seed", [1, 2])
def test_settlement_conserves_every_token_and_pays_the_price(clients: int, seed: int) -> None:
    book = ledger(clients, seed)
    before = book.balance.copy()
    orders = np.maximum(np.random.default_rng(seed).integers(-1000, 1000, clients), -before[COIN, LO:])
    assert settle(book, COIN, USD, DEBT, LO, orders, int(orders.sum()), 1.7, DESK, 3) == POSTED
    cash, earlier = (b[USD, LO:] + b[DEBT, LO:] for b in (book.balance, before))
    np.testing.assert_array_equal(book.balance.sum(axis=1), 0)
    np.testing.assert_array_equal(book.balance[COIN, LO:], before[COIN, LO:] + orders)
    np.testing.assert_array_equal(cash, earlier - np.ceil(orders * 1.7).astype(np.int64))
    assert ((book.balance[USD, LO:] == 0) | (book.balance[DEBT, LO:] == 0)).all()


@pytest.mark.jit
@pytest.mark.parametrize("clients", [1, 33, 5000])
def test_kernels_equal_their_twins(clients: int) -> None:
    rng = np.random.default_rng(clients)
    book, orders, twin_orders = ledger(clients, 4), np.empty(clients, np.int64), np.empty(clients, np.int64)
    holdings = [book.balance[token, LO:] for token in (USD, DEBT, COIN)]
    arguments = (*holdings, rng.uniform(1, 4, clients), rng.random(clients), 1.9, 0.01, (0.1, 0.4, 5.0, 0.2))
    pair = KERNELS["benchmarks.margin_kernels.choose_orders"]
    assert tuple(choose_orders(*arguments, orders)) == tuple(pair.twin(*arguments, twin_orders))
    np.testing.assert_array_equal(orders, twin_orders)
    other = Book(*(array.copy() for array in book))
    net = int(orders.sum())
    twin = KERNELS["benchmarks.margin_kernels.settle"].twin
    assert settle(book, COIN, USD, DEBT, LO, orders, net, 1.9, DESK, 3) == POSTED
    assert twin(other, COIN, USD, DEBT, LO, orders, net, 1.9, DESK, 3) == POSTED
    np.testing.assert_array_equal(book.balance, other.balance)
