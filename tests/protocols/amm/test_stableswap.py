"""StableSwap in whole numbers: the roots by bisection in big integers, the limits of A, and never a free lunch."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from protocols.amm import stableswap_kernels as kernels
from protocols.amm.rounding import OUTSIDE
from sim.intents import Act
from tests.worlds import STILL, do, holding, make_world, people

UNIT = kernels.RATE_UNIT
amps = st.sampled_from([2, 20, 200, 400, 4000])
balances = st.floats(3.0, 12.0).map(lambda power: int(10.0**power))


def least(first, holds):
    """Smallest whole number from 0 on that satisfies a monotone condition."""
    low, high = 0, first
    while not holds(high):
        high *= 2
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def invariant(x, y, ann):
    x, y = min(x, y), max(x, y)
    return least(x + y, lambda d: d * d // (2 * x) * d // (2 * y) + (ann - 1) * d >= ann * (x + y))


def other(x, d, ann):
    part = -(-d * d // (4 * x))
    return least(d, lambda y: ann * y * y + (ann * (x - d) + d) * y >= part * d and 2 * ann * y + ann * (x - d) + d > 0)


@settings(max_examples=300)
@given(balances, balances, amps)
def test_roots_equal_bisection_in_big_integers_over_extreme_imbalances(x, y, ann):
    d = kernels.invariant(x, y, ann)
    if d == OUTSIDE:
        assert max(x, y) / min(x, y) > 1e4
        return
    assert d == invariant(x, y, ann)
    found = kernels.other_balance(x, d, ann, y)
    assert found == OUTSIDE or found == other(x, d, ann)
    assert found == OUTSIDE or y <= found <= y + 2 + 2 * math.ceil(1.0 / kernels.marginal_price(y, x, ann))


@settings(max_examples=200)
@given(balances, balances, amps)
def test_the_invariant_solves_the_published_equation(x, y, ann):
    d = kernels.invariant(x, y, ann)
    assume(d != OUTSIDE)
    gap = ann * (x + y) * 4 * x * y + d * 4 * x * y - ann * d * 4 * x * y - d**3  # A n^n S + D - A D n^n - D^3 / 4xy
    before = d - 3
    wide = ann * (x + y) * 4 * x * y + before * 4 * x * y - ann * before * 4 * x * y - before**3
    assert gap <= 0 < wide


@settings(max_examples=300)
@given(st.integers(1, 10**12), st.booleans(), balances, balances, amps, st.floats(0.01, 100.0))
def test_d_never_falls_and_a_round_trip_never_pays(amount, sells, held, money, ann, rate):
    curve = round(rate * UNIT), ann, 1, 1
    paid = kernels.quote(amount, sells, held, money, *curve)
    assume(paid > 0)
    after = (held + amount, money - paid) if sells else (held - paid, money + amount)
    assert min(after) > 0
    units = [kernels.product_over(atoms, curve[0], UNIT) for atoms in (held, after[0])]
    if rate == int(rate) and min(units) > 0:
        grown = [kernels.invariant(u, m, ann) for u, m in zip(units, (money, after[1]), strict=True)]
        assert grown[1] == OUTSIDE or grown[1] >= grown[0]
    back = kernels.quote(paid, not sells, *after, *curve)
    assert back <= amount


@settings(max_examples=150)
@given(st.integers(1, 10**11), st.booleans(), st.integers(10**8, 10**12), st.integers(10**8, 10**12), amps)
def test_the_cost_of_an_output_brings_it_but_for_rounding(amount, sells, held, money, ann):
    curve = UNIT, ann, 9996, 10_000
    cost = kernels.input_for(amount, sells, held, money, *curve)
    assume(cost > 0)
    assert kernels.quote(cost, sells, held, money, *curve) >= amount - 2


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9])
def test_large_a_is_a_constant_sum(share):
    x = 10**11
    paid = kernels.quote(int(share * x), True, x, x, UNIT, 2_000_000, 1, 1)
    assert paid == pytest.approx(share * x, rel=1e-3 if share < 0.9 else 1e-2)


@pytest.mark.parametrize("share", [0.01, 0.3, 3.0])
def test_small_a_is_a_constant_product(share):
    x, y = 1e11, 1e11
    d = kernels.real_invariant(x, y, 1e-9)
    assert y - kernels.real_balance(x * (1 + share), d, 1e-9) == pytest.approx(y * share / (1 + share), rel=1e-6)
    paid = kernels.quote(int(share * x), True, int(x), int(y), UNIT, 1, 1, 1)
    assert y * share / (1 + share) < paid < share * x  # the least whole A lies between the two


@settings(max_examples=100)
@given(st.floats(1e6, 1e12), st.floats(0.02, 50.0), amps)
def test_the_marginal_price_is_the_finite_difference(x, tilt, ann):
    y, step = x * tilt, x * 1e-4
    d = kernels.real_invariant(x, y, ann)
    slope = (kernels.real_balance(x - step, d, ann) - kernels.real_balance(x + step, d, ann)) / (2 * step)
    assert kernels.marginal_price(x, y, ann) == pytest.approx(slope, rel=1e-4)


POOL = '[[protocols]]\nname = "pool"\nkind = "stableswap"\nasset = "ETH"\n'
LP = people("lp", USD=1e6, ETH=400.0, opens='[["add_liquidity", "pool", "ETH", 100.0]]')
TRADER = people("trader", USD=2e6, ETH=500.0)


def swap(world, amount, token="ETH"):
    return do(world, "trader", Act.SWAP, "pool", token, amount, token2="USD" if token == "ETH" else "ETH")


def test_it_opens_balanced_at_its_rate_and_quotes_what_trades_bring():
    world = make_world(STILL, POOL, LP, TRADER)
    quote = world.protocol("pool").quote(world)
    assert quote.price == pytest.approx(2000.0, rel=1e-9)
    assert quote.shares.supply == pytest.approx(400_000e6, rel=1e-9)  # D: what it is worth
    for size in (7, 10**6, 95 * 10**8):
        assert quote.buy(quote.cost(size)) >= size > quote.buy(int(quote.cost(size) * (1 - 1e-6)) - 30)
    assert (quote.cost(0), quote.cost(100 * 10**8)) == (0, None)
    for token, other_, size in (("ETH", "USD", 20 * 10**8), ("USD", "ETH", 3 * 10**10)):
        quote = world.protocol("pool").quote(world)
        expected = quote.sell(size) if token == "ETH" else quote.buy(size)
        before = holding(world, "trader", other_)
        assert swap(world, size, token).done
        assert holding(world, "trader", other_) - before == expected
    for price in (1950.0, 2050.0):
        quote = world.protocol("pool").quote(world)
        amount = quote.sell_to(price) or quote.buy_to(price)
        assert swap(world, amount, "ETH" if price < quote.price else "USD").done
        assert world.spot()[1] == pytest.approx(price, rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 10**10)), min_size=1, max_size=15))
def test_the_virtual_price_never_falls_on_the_ledger(batch):
    world = make_world(STILL, POOL, LP, TRADER)
    pool, last = world.protocol("pool"), 0.0
    for number, (sells, amount) in enumerate(batch):
        if number % 4 == 3:
            do(world, "trader", Act.ADD_LIQUIDITY, "pool", "ETH", amount)
        elif number % 4 == 2:
            do(world, "trader", Act.REMOVE_LIQUIDITY, "pool", "pool.share", amount)
        else:
            swap(world, amount, "ETH" if sells else "USD")
        [(held, money)] = pool.reserves(world)
        supply = -int(world.ledger.balance[pool.shares[0], pool.account])
        virtual = kernels.real_invariant(held * 20.0, float(money), float(pool.ann)) / supply
        assert virtual >= last * (1 - 1e-12)
        last = virtual
    assert not world.ledger.residuals().any()
    assert np.array_equal(world.ledger.replay(), world.ledger.balance)
