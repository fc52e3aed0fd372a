"""Cases for the execution of contracts and for their margin; posting kernels are their own twins."""

import numpy as np

from protocols.perps.execution import DONE, STATUS, Terms, select
from protocols.perps.pool_execution import PoolBook
from protocols.perps.pool_kernels import PoolTerms
from protocols.shared.depth.kernels import Depth
from sim.intents import ACCOUNT, AMOUNT, LIMIT, SUBJECT, Act, Flag
from sim.tokens import TokenKind
from tests.cases.perps import TIERS
from tests.kernel_cases import book_of, case, orders, spread

CONTRACT = TokenKind.CONTRACT
DEPTH = Depth(0.05, 1e5, 0.9, 1e-6)


def terms_of(rng, inverse=False):
    """Contract token 0, quote token 1; account 1 is the fund, 2 the treasury."""
    unit, usd = (1e8 / 1e6, 1e8 / 2000.0) if inverse else (1e6 / 1e8, 1e6)
    scale = 1e6 if inverse else 1e8
    forced, impact = bool(rng.random() < 0.3), bool(rng.random() < 0.8)
    return Terms(0, 1, 1, 2, inverse, scale, unit, 2000.0, usd, 0.0005, 0.3, 10.0, 2001.0, impact, forced)


def batch(rng, n):
    """Arguments of `select`: orders of accounts whose equity may or may not carry them."""
    accounts = n + 3
    positions = rng.integers(-(10**9), 10**9, (2, accounts)) * (rng.random((2, accounts)) < 0.6)
    book = book_of(positions, [0, 0], [CONTRACT] * 2, 4 * n)
    terms = terms_of(rng, bool(rng.random() < 0.4))
    ints = orders(rng, n, [Act.BUY, Act.SELL], [0], np.arange(3, accounts), 1e10)
    ints[:, SUBJECT] = rng.choice([Flag.NONE, Flag.REDUCE_ONLY], n)
    ints[rng.random(n) < 0.02, AMOUNT] = 2**61
    reals = np.zeros((n, 2))
    reals[:, LIMIT] = rng.choice([0.0, 1900.0, 2000.0, 2100.0], n)
    equity, initial = rng.uniform(0.0, 1e10, accounts), rng.uniform(0.0, 1e9, accounts)
    scratch = np.zeros(accounts, np.int64), np.zeros(accounts)
    extra = np.where(rng.random(n) < 0.8, np.nan, rng.uniform(-1e9, 1e9, n))
    state = (terms, TIERS, DEPTH, extra, equity, initial, *scratch)
    return book, ints, reals, *state, np.zeros((n, 2)), np.zeros((n, 4), np.int64)


@case("protocols.perps.execution.select")
def _select(rng, n):
    return batch(rng, n)


@case("protocols.perps.execution.fill")
def _fill(rng, n):
    arguments = batch(rng, n)
    price, _ = select(*arguments)
    book, ints, _, terms, tiers, _, _, equity, initial, *_, out = arguments
    cost, fees, cash = (spread(rng, n + 3) for _ in range(3))
    assert (out[:, STATUS] >= DONE).all()
    assert (ints[:, ACCOUNT] > 2).all()
    return book, ints, price, terms, tiers, np.arange(n), equity, initial, cost, fees, cash, out


@case("protocols.perps.execution.require")
def _require(rng, n):
    row = spread(rng, n + 2, 1e13) * rng.choice([-1, 1], n + 2)
    terms = terms_of(rng, bool(rng.random() < 0.4))
    return row, terms, TIERS, 1, n + 2, rng.uniform(0, 1e9, n + 2), rng.uniform(0, 1e9, n + 2)


@case("protocols.perps.pool_execution.run_pool_orders")
def _pool_orders(rng, n):
    accounts = n + 3
    positions = rng.integers(-(10**8), 10**8, accounts) * (rng.random(accounts) < 0.6)
    balance = np.stack([positions, spread(rng, accounts, 1e11), rng.integers(-(10**9), 10**9, accounts)])
    book = book_of(balance, [1, 1, 1], [CONTRACT, TokenKind.CLAIM, CONTRACT], 4 * n)
    ints = orders(rng, n, [Act.BUY, Act.SELL], [0], np.arange(3, accounts), 1e9)
    ints[:, SUBJECT] = rng.choice([Flag.NONE, Flag.REDUCE_ONLY], n)
    reals = np.zeros((n, 2))
    reals[:, LIMIT] = rng.choice([0.0, 1990.0, 2010.0], n)
    forced = float(rng.choice([-1.0, 0.002]))
    at = PoolBook(0, 1, 2, 1, 2, 1e8, 1e6, 2000.0, 1e6, 0.8, 1.0, 50.0, bool(rng.random() < 0.2), forced)
    cost = np.rint(positions * 20.0 * rng.uniform(0.8, 1.2, accounts)).astype(np.int64)
    state = np.array([3e5, 2e5, 1.5e10, 1e10])
    terms = PoolTerms(impact_positive=1e-9, impact_negative=2e-9)
    return book, ints, reals, at, terms, np.arange(n), state, cost, np.zeros(accounts, np.int64), np.zeros((n, 3), int)


@case("protocols.perps.pool_execution.charge_side")
def _charge_side(rng, n):
    position = spread(rng, n) * rng.choice([-1, 1], n)
    return position, float(np.exp(rng.uniform(-12.0, 0.0))), int(rng.choice([-1, 1])), np.zeros(n, np.int64)
