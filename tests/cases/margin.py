"""Cases for margin kernels; the sequential ones are their own twins and are compared all the same."""

import numpy as np

from sim.intents import Act
from sim.tokens import TokenKind
from tests.kernel_cases import book_of, case, orders, spread

BASE, CLAIM, CONTRACT = TokenKind.BASE, TokenKind.CLAIM, TokenKind.CONTRACT


def accounts_book(rng, n):
    """Money, margin claims and quotes of n + 3 accounts; account 1 is the venue."""
    balance = np.stack([spread(rng, n + 3), spread(rng, n + 3), rng.integers(-(10**9), 10**9, n + 3)])
    return book_of(balance, [0, 1, 1], [BASE, CLAIM, CONTRACT], 8 * n + 8)


@case("protocols.shared.margin_kernels.weigh")
def _weigh(rng, n):
    balance = rng.integers(-(10**9), 10**9, (4, n + 2))
    return balance, np.array([0, 2, 3]), rng.normal(size=3), 1, n + 2, np.zeros(n + 2)


@case("protocols.shared.margin_kernels.engaged")
def _engaged(rng, n):
    return rng.integers(-1, 2, (4, n + 2)), np.array([1, 3]), 1, n + 2, np.zeros(n + 2, dtype=np.bool_)


@case("protocols.shared.margin_kernels.redeem_quotes")
def _redeem(rng, n):
    return accounts_book(rng, n), 2, 1, 1, np.arange(3, n + 3), rng.integers(0, 9, n)


@case("protocols.shared.margin_kernels.run_cash")
def _cash(rng, n):
    book = accounts_book(rng, n)
    ints = orders(rng, n, [Act.DEPOSIT, Act.WITHDRAW], [0, 2], np.arange(2, n + 3))
    equity, initial = rng.uniform(0, 1e12, n + 3), rng.uniform(0, 1e11, n + 3)
    return book, ints, np.array([0]), np.array([1]), np.ones(1), 2, 1, equity, initial, 5, np.zeros((n, 2), np.int64)


@case("protocols.shared.margin_kernels.charge_shares")
def _charge(rng, n):
    return accounts_book(rng, n), 2, np.arange(3, n + 3), rng.uniform(0, 1e6, n), 1, int(rng.integers(0, 10**7)), 2, 3
