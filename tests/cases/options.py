"""Cases for kernels of options; the sequential ones are their own twins and are compared all the same."""

import numpy as np

from sim.tokens import TokenKind
from tests.kernel_cases import book_of, case

CONTRACT = TokenKind.CONTRACT


def contracts_book(rng, accounts, postings):
    """Two contract rows and a quote row; account 1 is the venue."""
    balance = rng.integers(-(10**9), 10**9, (3, accounts)) * (rng.random((3, accounts)) < 0.7)
    return book_of(balance, [1, 1, 1], [CONTRACT] * 3, postings)


@case("protocols.options.kernels.run_legs")
def _legs(rng, n):
    sizes, cash = rng.integers(-(10**8), 10**8, (2, n))
    account, token = rng.integers(2, 8, n), rng.integers(0, 2, n)
    fee = rng.integers(0, 10**5, n)
    return contracts_book(rng, 8, 3 * n), token, account, sizes, cash, fee, 2, 1, 3, np.arange(n)


@case("protocols.options.kernels.run_expiry")
def _expiry(rng, n):
    book = contracts_book(rng, n + 4, 2 * n + 9)
    book.balance[0, 2] += book.balance[0, 1]  # the venue itself holds no contracts
    book.balance[0, 1] = 0
    return book, 0, float(rng.choice([0.0, rng.uniform(0, 50)])), 2, 1, 3, 7


@case("protocols.options.margin_kernels.net_requirements")
def _requirements(rng, n):
    series = 12
    positions = np.rint(rng.normal(0, 3, (n, series))) * (rng.random((n, series)) < 0.5)
    strike, is_call = np.exp(rng.normal(4.6, 0.2, series)), rng.random(series) < 0.5
    values = rng.uniform(0.0, 30.0, (3, series))
    terms = np.column_stack([rng.uniform(80, 120, 2), rng.uniform(0.5, 2.0, 2), [0.0, 1.0]])
    groups = np.array([0, 4, 8, 12]), np.array([0, 0, 1])
    return positions, strike, is_call, *values, *groups, terms, rng.uniform(0.0, 3.0, (n, 2)), np.empty((n, 2))


@case("protocols.options.margin_kernels.scenario_gains")
def _gains(rng, n):
    return rng.normal(size=(n, 6)), rng.normal(size=(6, 9)), np.empty((n, 9))
