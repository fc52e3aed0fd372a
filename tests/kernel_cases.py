"""Random arguments for every compiled kernel, by full name; tests/test_kernels.py compares it with its twin on them.

A case maker takes a NumPy generator and a size and returns the arguments of one call.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from agents.momentum import Followers
from agents.shared.loan_kernels import Holders, Terms
from agents.shared.wallets import Wallets
from protocols.lending.rules import AAVE_V2, AAVE_V3_3, EModeCategory, ReserveSettings
from protocols.lending.tables import market_table, rule_vector, terms_table
from protocols.shared.depth.kernels import Depth
from sim.intents import (
    ACCOUNT,
    ACT,
    AMOUNT,
    INT_COLUMNS,
    SUBJECT,
    TOKEN,
    TOKEN2,
    Act,
)
from sim.ledger import Book

CASES: dict[str, Callable[[np.random.Generator, int], tuple[Any, ...]]] = {}


def case(name: str):
    """Register the case maker of a kernel."""

    def wrap(maker):
        CASES[name] = maker
        return maker

    return wrap


def spread(rng, size, high=1e12):
    """Whole numbers spread evenly over orders of magnitude, some of them zero."""
    drawn = np.exp(rng.uniform(0.0, np.log(high), size)).astype(np.int64)
    return np.where(rng.random(size) < 0.1, 0, drawn)


def book_of(balance, issuer, kind, postings):
    """A ledger's arrays around these balances, every row closed by its issuer's or external account."""
    issuer, kind = np.array(issuer), np.array(kind, dtype=np.int8)
    balance[np.arange(issuer.size), issuer] = 0
    balance[np.arange(issuer.size), issuer] = -balance.sum(axis=1)
    return Book(balance, issuer, kind, np.zeros((postings, 5), np.int64), np.zeros(1, np.int64))


def orders(rng, n, acts, tokens, accounts, high=1e12):
    """Rows of intents: acts, both tokens and accounts drawn from these."""
    ints = np.zeros((n, INT_COLUMNS), np.int64)
    ints[:, ACT], ints[:, ACCOUNT] = rng.choice(acts, n), rng.choice(accounts, n)
    ints[:, TOKEN], ints[:, TOKEN2] = rng.choice(tokens, n), rng.choice(tokens, n)
    ints[:, AMOUNT] = spread(rng, n, high)
    ints[:, SUBJECT] = rng.choice(accounts, n)
    return ints


@case("sim.rng.hash_uniform")
def _(rng, n):
    key = rng.integers(0, 2**63, 2).astype(np.uint64)
    return key, int(rng.integers(100_000)), int(rng.integers(9_000_000)), rng.integers(0, 2**62, n)


@case("sim.processes.kernels.quadratic_exponential")
def _(rng, n):
    return 0.6, 0.98, 0.5, 0.02, 0.003, rng.standard_normal((n, 2))


@case("sim.processes.kernels.switching_states")
def _(rng, n):
    thresholds = np.ascontiguousarray(np.cumsum(rng.dirichlet(np.ones(3), size=3), axis=1)[:, :-1])
    return int(rng.integers(3)), thresholds, rng.random(n)


@case("sim.ledger.post_many")
def _(rng, n):
    balance = spread(rng, (3, 6))
    balance[2] *= -1
    book = book_of(balance, [0, 1, 1], [1, 1, 2], n)
    amount = spread(rng, n) - (rng.random(n) < 0.1)
    amount[rng.random(n) < 0.05] = 2**62
    ends = rng.integers(0, 6, (2, n))
    return book, int(rng.integers(3)), ends[0], ends[1], amount, np.arange(n), np.empty(n, np.int64)


def random_depth(rng) -> Depth:
    """A market of any plausible shape."""
    return Depth(
        float(rng.uniform(0.005, 0.3)),
        float(np.exp(rng.uniform(5, 12))),
        float(rng.uniform(0.3, 1.0)),
        10.0 ** -rng.integers(3, 8),
    )


@case("protocols.shared.depth.kernels.attribute")
def _(rng, n):
    sizes = rng.normal(0.0, 100.0, n)
    return (
        sizes,
        float(sizes.sum()),
        float(rng.normal(0, 50)),
        float(rng.normal(0, 0.01)),
        random_depth(rng),
        np.empty(n),
    )


@case("protocols.shared.depth.kernels.clear_markets")
def _(rng, n):
    shape = np.array([random_depth(rng) for _ in range(n)]).reshape(n, 4)
    x, net = rng.normal(0, 1e3, (2, n))
    return x, net, np.exp(rng.normal(3, 2, n)), shape, np.empty(n), np.empty(n)


@case("protocols.depth.execution.run_book")
def _(rng, n):
    book = book_of(spread(rng, (2, 8)), [0, 0], [1, 1], 4 * n)
    ints = orders(rng, n, [Act.SWAP], [1], np.arange(2, 8))
    buys = rng.random(n) < 0.5
    ints[buys, TOKEN], ints[:, TOKEN2] = 0, np.where(buys, 1, 0)
    price = 2000.0
    limit = np.where(buys, 1 / price, price) * rng.choice([0.0, 0.9, 0.999, 1.1], n)
    reals = np.column_stack([limit, np.ones(n)])
    impact = bool(rng.random() < 0.8)
    units = (1e8, 1e6)
    x = float(rng.normal(0, 100))
    state = (0.0005, units, x if impact else 0.0, price, random_depth(rng), impact)
    return book, ints, reals, 1, 1, *state, 3, np.empty((n, 2), np.int64), np.empty(n)


def lending(rng, accounts: int):
    """Tables and balances of a market of three reserves; ledger rows are assets, receipts, debts, flash debts.

    Account 1 is the pool, 2 its treasury; the others owe what their collateral may or may not cover.
    """
    reserves = [
        ReserveSettings(asset=name, ltv=0.7, liquidation_threshold=threshold, liquidation_bonus=0.05, protocol_fee=0.1)
        for name, threshold in (("A", 0.8), ("B", 0.75), ("C", 0.9))
    ]
    mode = EModeCategory(
        label="m", ltv=0.9, liquidation_threshold=0.93, liquidation_bonus=0.02, collateral=("A",), borrowable=("A", "B")
    )
    balance = np.zeros((12, accounts), np.int64)
    balance[:6, 3:] = spread(rng, (6, accounts - 3), 1e11)
    balance[6:9, 3:] = -(spread(rng, (3, accounts - 3), 1e11) * (rng.random((3, accounts - 3)) < 0.5))
    balance[:3, 1] = spread(rng, 3, 1e12)
    balance[3:6, 2] = spread(rng, 3, 1e6)
    book = book_of(balance, [0] * 3 + [1] * 9, [1] * 6 + [2] * 6, 20 * accounts)
    indices = 1.0 + rng.uniform(0, 0.3, (2, 3))
    market = market_table(np.exp(rng.normal(0, 1, 3)), [6, 6, 8], *indices)
    category = rng.integers(0, 2, accounts).astype(np.uint8)
    rule = rule_vector(AAVE_V3_3 if rng.random() < 0.5 else AAVE_V2)
    rows = tuple(np.arange(3 * k, 3 * k + 3) for k in range(4))
    return book, rows, market, terms_table(reserves, [mode]), category, rule


@case("protocols.lending.actions.run_actions")
def _(rng, n):
    book, rows, market, terms, category, _ = lending(rng, 12)
    acts = [Act.DEPOSIT, Act.BORROW, Act.REPAY, Act.WITHDRAW, Act.SET_MODE]
    book = book._replace(journal=np.zeros((4 * n, 5), np.int64))
    ints = orders(rng, n, acts, [0, 1, 2, 3], np.arange(3, 12), 1e11)
    modes = ints[:, ACT] == Act.SET_MODE
    ints[modes, AMOUNT] = rng.integers(-1, 4, modes.sum())
    caps = np.where(rng.random((2, 3)) < 0.5, np.inf, 1e11)
    borrowable = np.array([[True, True, True], [True, True, False]])
    tables = (*rows[:3], market, terms, category, caps, borrowable)
    return book, ints, *tables, 1, bool(rng.random() < 0.3), 7, np.empty((n, 2), np.int64)


@case("protocols.lending.seizure.run_liquidations")
def _(rng, n):
    book, rows, market, terms, category, rule = lending(rng, 12)
    book = book._replace(journal=np.zeros((8 * n, 5), np.int64))
    ints = orders(rng, n, [Act.LIQUIDATE], [0, 1, 2], np.arange(3, 12), 1e11)
    ints[rng.random(n) < 0.1, TOKEN] = 4
    results = np.empty((n, 8), np.int64), np.empty((n, 3), np.int64)
    return book, ints, rows, market, terms, category, rule, 1, 2, 0.0005, 9, *results


def lending_scan(rng, n):
    """Balance, rows, values and thresholds as the health kernels take them."""
    book, rows, market, terms, category, _ = lending(rng, n + 3)
    return book.balance, rows[1], rows[2], market[4].copy(), market[5].copy(), terms, category


@case("protocols.lending.kernels.scan_health")
def _(rng, n):
    *book, terms, _ = lending_scan(rng, n)
    return *book, terms[1, 0].copy(), 1, n + 3, np.full(n + 3, np.nan)


@case("protocols.lending.kernels.scan_health_emode")
def _(rng, n):
    *book, terms, category = lending_scan(rng, n)
    return *book, terms[1].copy(), category, 1, n + 3, np.full(n + 3, np.nan)


@case("protocols.lending.kernels.borrowing_power")
def _(rng, n):
    *book, terms, category = lending_scan(rng, n)
    return *book, terms[0].copy(), category, rng.integers(3, n + 3, n), np.empty(n)


@case("protocols.lending.kernels.scan_accounts")
def _(rng, n):
    *book, terms, category = lending_scan(rng, n)
    return *book, terms[1].copy(), category, 3 + rng.permutation(n)[: n // 2], np.full(n + 3, 7.0)


@case("protocols.lending.kernels.breaching")
def _(rng, n):
    return rng.uniform(0.5, 5.0, n), 0, n, 1.0, np.zeros(n, np.int64)


def liquidation_tables(rng, n):
    """Arguments that both liquidation kernels begin with."""
    book, rows, market, terms, category, rule = lending(rng, n + 3)
    return book.balance, rows[1], rows[2], market, terms, category, rule


@case("protocols.lending.liquidation_kernels.liquidation_quotes")
def _(rng, n):
    accounts = rng.integers(3, n + 3, n)
    requests = np.column_stack([accounts, rng.integers(0, 3, (n, 2)), spread(rng, n, 1e11)])
    return *liquidation_tables(rng, n), requests, np.empty((n, 8), np.int64), np.empty((n, 3), np.int64)


@case("protocols.lending.liquidation_kernels.best_pairs")
def _(rng, n):
    return *liquidation_tables(rng, n), np.arange(3, n + 3), np.empty((n, 4), np.int64), np.empty((n, 8), np.int64)


@case("agents.shared.auction.award")
def _(rng, n):
    bidders, private = 1 + n // 3, bool(rng.random() < 0.5)
    capacity = rng.integers(0, 4, bidders)
    taken = tuple(np.zeros(max(int(capacity.sum()), n), kind) for kind in (np.int64, np.int64, np.float64))
    lots = rng.integers(0, 3, n), 1 + spread(rng, n), rng.exponential(100.0, n), rng.exponential(20.0, n)
    money = spread(rng, (bidders, 3)), spread(rng, 3), np.exp(rng.normal(-13, 1, 3))
    return capacity, rng.random(bidders) < 0.5, *money, *lots, 1000.0, private, *taken


@case("agents.shared.loan_kernels.next_steps")
def _(rng, n):
    balances = spread(rng, (5, n), 1e10)
    balances[4] = -spread(rng, n, 1e12)  # rows: cash, coin, other, receipt, debt
    balances[3] = -balances[4] * rng.uniform(0.9, 1.7, n) * (1e-6 / 0.83 / 2.1e-5)
    health = rng.uniform(0.9, 1.6, n)
    holders = Holders(
        response=rng.integers(0, 3, n).astype(np.int8), alarm_at=health, goal=health + rng.uniform(0.0, 0.5, n),
        opening=rng.uniform(1.2, 2.0, n), watch=health.copy(), delay=rng.integers(0, 3, n), due=rng.integers(-1, 13, n),
        sent=rng.integers(0, 30, n).astype(np.int8), expanding=rng.random(n) < 0.2,
    )  # fmt: skip
    terms = Terms(10, 6, 3, 4, 2.1e-5, 1e-6, 0.83, 0.8, 0.997, 1.01, 10.0)
    path, usd = (np.array([1, 0]), np.array([2e-5, 1e-6])) if rng.random() < 0.5 else (np.array([1]), np.array([2e-5]))
    rows = np.flatnonzero(rng.random(n) < 0.8)
    results = np.empty(rows.size, np.int64), np.empty(rows.size, np.int64)
    return rows, Wallets(balances, 1, 10**7), holders, terms, path, usd, *results


def some_rows(rng, n):
    """Wallets of n accounts in three tokens, and some of their rows."""
    return Wallets(spread(rng, (3, n)), int(rng.integers(0, 3)), 10**7), np.flatnonzero(rng.random(n) < 0.7)


@case("agents.noise.random_trades")
def _(rng, n):
    purse, rows = some_rows(rng, n)
    draws = np.exp(rng.normal(7, 2, rows.size)), rng.random(rows.size), rng.random(rows.size)
    return rows, *draws, 0.4, np.array([2, 1]), np.array([1e-6, 2e-5, 4e-4]), purse


@case("agents.momentum.follow")
def _(rng, n):
    purse, rows = some_rows(rng, n)
    enters, leaves = rng.uniform(0.01, 0.05, n), rng.uniform(0.0, 0.01, n)
    followers = Followers(rng.integers(0, 2, n), rng.integers(0, 3, n), enters, leaves, rng.integers(-1, 2, n))
    signals = rng.normal(0.0, 0.03, (2, 3)) * (rng.random((2, 3)) < 0.8)
    return (
        rows,
        followers,
        signals,
        np.array([0.0, 0.3, 0.6]),
        0.1,
        np.array([2, 1]),
        np.array([1e-6, 2e-5, 4e-4]),
        purse,
    )


@case("agents.shared.trading.group_trades")
def _(rng, n):
    venues, tokens = int(rng.integers(1, 4)), 3
    trades = rng.integers(0, venues, n), rng.integers(1, tokens, n), rng.integers(-3, 4, n)
    results = np.empty(2 * tokens * venues + 1, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64)
    return 7, np.arange(n)[::-1].copy(), *trades, venues, *results


@case("agents.shared.lots.promising")
def _(rng, n):
    seize, repay = spread(rng, n), spread(rng, n)
    assets = rng.integers(0, 3, n), rng.integers(0, 3, n)
    tables = np.array([1e-6, 2e-5, 0.0]), np.array([1e-6, 2e-5, 1e200]), spread(rng, 3, 1e13).astype(np.float64)
    return seize, repay, *assets, *tables, 50.0, np.zeros(n, np.int64), np.zeros(n)
