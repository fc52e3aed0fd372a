"""Random arguments for the kernels of automated market makers."""

import numpy as np

from protocols.amm.concentrated_kernels import root_at
from sim.intents import SUBJECT, Act
from tests.kernel_cases import book_of, case, orders, spread

ACTS = [Act.SWAP, Act.ADD_LIQUIDITY, Act.REMOVE_LIQUIDITY, Act.DEPOSIT]


@case("protocols.amm.constant_product_kernels.swap_batch")
def _(rng, n):
    reserves = 1 + spread(rng, 2)
    sides, least = rng.random(n) < 0.5, spread(rng, n, 1e3)
    return (
        reserves,
        spread(rng, n),
        sides,
        least,
        997,
        1000,
        np.empty(n, np.int64),
        np.empty(n + 1),
        np.empty(n, np.int8),
    )


@case("protocols.amm.constant_product_kernels.swap_pools")
def _(rng, n):
    pools = spread(rng, (2, n))
    sides, least = rng.random(n) < 0.5, spread(rng, n, 1e3)
    return pools[0], pools[1], spread(rng, n), sides, least, 997, 1000, np.empty(n, np.int64), np.empty(n, np.int8)


@case("protocols.amm.constant_product_execution.run_constant_product")
def _(rng, n):
    balance = spread(rng, (3, 8))
    if rng.random() < 0.3:
        balance[:, 1:] = spread(rng, (3, 7)) * (np.arange(1, 8) > 1)
        balance[2] = 0
    book = book_of(balance, [0, 0, 1], [1] * 3, 4 * n)
    ints = orders(rng, n, [Act.SWAP, Act.ADD_LIQUIDITY, Act.REMOVE_LIQUIDITY, Act.DEPOSIT], [0, 1, 2], np.arange(2, 8))
    reals = np.column_stack([np.where(rng.random(n) < 0.5, 0.0, np.exp(rng.normal(0, 3, n))), np.ones(n)])
    log_price = np.full(n + 1, rng.normal())
    return book, ints, reals, 1, 0, 2, 1, 997, 1000, 10.0**-2, 5, np.empty((n, 2), np.int64), log_price


def limits(rng, n):
    """Limit prices and tips of n orders."""
    return np.column_stack([np.where(rng.random(n) < 0.5, 0.0, np.exp(rng.normal(0, 3, n))), np.ones(n)])


@case("protocols.amm.stableswap_execution.run_stableswap")
def _(rng, n):
    balance = spread(rng, (3, 8))
    if rng.random() < 0.3:
        balance[:, 1:] = spread(rng, (3, 7)) * (np.arange(1, 8) > 1)
        balance[2] = 0
    else:
        balance[:2, 1] = np.exp(rng.uniform(20, 28, 2)).astype(np.int64)
    balance[:2, 2:] += 10**9
    book = book_of(balance, [0, 0, 1], [1] * 3, 4 * n)
    ints = orders(rng, n, ACTS, [0, 1, 2], np.arange(2, 8))
    rate, ann = int(np.exp(rng.uniform(-5, 5)) * 1e9), int(np.exp(rng.uniform(1, 8)))
    curve = rate, ann, 9996, 10_000
    log_price = np.full(n + 1, rng.normal())
    return book, ints, limits(rng, n), 1, 0, 2, 1, *curve, 10.0**-2, 5, np.empty((n, 2), np.int64), log_price


@case("protocols.amm.concentrated_execution.run_concentrated")
def _(rng, n):
    balance = spread(rng, (5, 8))
    balance[:2, 1] = 10**15
    if rng.random() < 0.3:
        balance[2:] = 0
    book = book_of(balance, [0, 0, 1, 1, 1], [1] * 5, 4 * n)
    ints = orders(rng, n, ACTS, [0, 1, 1, 0, 2, 3, 4], np.arange(2, 8))
    ints[:, SUBJECT] = rng.integers(-1, 4, n)
    edges = 10 * np.sort(rng.integers(-2000, 2000, (2, 2)), axis=1) + [0, 10]
    bounds = np.array([[root_at(low), root_at(high)] for low, high in [*edges.tolist(), (-887_220, 887_220)]])
    buckets = spread(rng, (3, 2), 1e9)
    state = np.exp(rng.normal(0, 1, 1)), buckets, buckets.copy(), np.zeros(3, np.int64)
    curve = bounds, state, 9995, 10_000
    log_price = np.full(n + 1, rng.normal())
    return book, ints, limits(rng, n), 1, 0, 2, 1, *curve, 10.0**-2, 5, np.empty((n, 2), np.int64), log_price
