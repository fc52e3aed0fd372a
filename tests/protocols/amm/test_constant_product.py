"""The pool in whole atoms: equal to Uniswap v2 in big integers, and never a free lunch."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from protocols.amm.constant_product_kernels import (
    BELOW_MINIMUM,
    OK,
    OUT_OF_RANGE,
    ZERO_OUTPUT,
    quote,
    quote_exact_out,
    reserve_limit,
    swap_batch,
    swap_pools,
)
from protocols.amm.rounding import OUTSIDE, RESERVE_LIMIT, fee_fraction
from protocols.amm.shares import MINIMUM_LIQUIDITY, burn_amounts, deposit_amounts, mint_shares
from sim.errors import ConfigError
from sim.jit import KERNELS

FEES = [(997, 1000), (1999, 2000), (9999, 10_000), (1, 1), (1, 2), (999_999, 1_000_000)]
CASES = 100_000
PER_FEE = 1 + CASES // len(FEES)

fees = st.sampled_from(FEES)
reserves = st.integers(1, 2**42 - 1)
amounts = st.integers(1, 2**41)


def random_amounts(rng, size):
    """Integers spread evenly over orders of magnitude, with the upper bound itself among them."""
    drawn = np.exp2(rng.uniform(0, 51, size)).astype(np.int64)
    return np.where(rng.random(size) < 0.1, RESERVE_LIMIT, np.minimum(drawn, RESERVE_LIMIT)).tolist()


def columns(seed, width, count):
    rng = np.random.default_rng(seed)
    return zip(*(random_amounts(rng, count) for _ in range(width)), strict=True)


@pytest.mark.parametrize(("num", "den"), FEES)
def test_quotes_equal_big_integers(num, den):
    limit = reserve_limit(den)
    inside = 0
    for amount, reserve_in, reserve_out in columns(1, 3, PER_FEE):
        amount, reserve_in, reserve_out = (1 + value % limit for value in (amount, reserve_in, reserve_out))
        expected = amount * num * reserve_out // (reserve_in * den + amount * num)
        within = amount + reserve_in <= limit
        inside += within
        assert quote(amount, reserve_in, reserve_out, num, den) == (expected if within else OUTSIDE)
    assert inside > CASES // 20


@pytest.mark.parametrize(("num", "den"), FEES)
def test_exact_output_quotes_equal_big_integers(num, den):
    limit = reserve_limit(den)
    for amount, reserve_in, reserve_out in columns(2, 3, PER_FEE):
        amount, reserve_in, reserve_out = (1 + value % limit for value in (amount, reserve_in, reserve_out))
        expected = 0
        if amount < reserve_out:
            expected = reserve_in * amount * den // ((reserve_out - amount) * num) + 1
            expected = expected if expected + reserve_in <= limit else OUTSIDE
        assert quote_exact_out(amount, reserve_in, reserve_out, num, den) == expected


def test_liquidity_equals_big_integers():
    for amount0, amount1, reserve0, reserve1, supply in columns(3, 5, CASES):
        shares = min(amount0 * supply // reserve0, amount1 * supply // reserve1)
        fits = amount0 + reserve0 <= RESERVE_LIMIT and amount1 + reserve1 <= RESERVE_LIMIT
        expected = shares if fits and shares + supply <= RESERVE_LIMIT else OUTSIDE
        assert mint_shares(amount0, amount1, reserve0, reserve1, supply, RESERVE_LIMIT) == expected
        first = max(math.isqrt(amount0 * amount1) - MINIMUM_LIQUIDITY, 0)
        assert mint_shares(amount0, amount1, 0, 0, 0, RESERVE_LIMIT) == first
        burned = 1 + amount0 % supply
        paid = burned * reserve0 // supply, burned * reserve1 // supply
        assert burn_amounts(burned, reserve0, reserve1, supply) == (paid if min(paid) else (0, 0))
        matching = amount0 * reserve1 // reserve0
        pair = (amount0, matching) if matching <= amount1 else (amount1 * reserve0 // reserve1, amount1)
        assert deposit_amounts(amount0, amount1, reserve0, reserve1) == pair


def test_square_root_is_exact_around_perfect_squares():
    for root in (2, 46341, 2**31 - 1, 2**40 + 1, 2**51 - 3):
        for left, right in ((root, root), (root - 1, root + 1), (root, root + 1), (root, root + 2)):
            expected = max(math.isqrt(left * right) - MINIMUM_LIQUIDITY, 0)
            assert mint_shares(left, right, 0, 0, 0, RESERVE_LIMIT) == expected


@pytest.mark.parametrize(
    ("given_", "enters", "leaves", "paid"),
    [(1, 5, 10, 1_662497915624), (1, 10, 5, 453305446940), (2, 5, 10, 2_851015155847), (1, 10, 10, 906610893880)],
)
def test_swaps_of_the_uniswap_suite(given_, enters, leaves, paid):
    # UniswapV2Pair.spec.ts states these in 18 decimals; here they are cut to 12.
    assert quote(given_ * 10**12, enters * 10**12, leaves * 10**12, 997, 1000) == paid


@given(amounts, reserves, reserves, fees)
def test_output_stays_below_the_reserve_and_k_never_falls(amount, reserve_in, reserve_out, fee):
    paid = quote(amount, reserve_in, reserve_out, *fee)
    assume(paid != OUTSIDE)
    assert 0 <= paid < reserve_out
    assert (reserve_in + amount) * (reserve_out - paid) >= reserve_in * reserve_out


@given(amounts, amounts, reserves, reserves, fees)
def test_output_is_monotone_and_splitting_never_pays_more(first, second, reserve_in, reserve_out, fee):
    whole = quote(first + second, reserve_in, reserve_out, *fee)
    assume(whole != OUTSIDE)
    paid = quote(first, reserve_in, reserve_out, *fee)
    assert paid <= whole
    if fee == (1, 1):
        rest = quote(second, reserve_in + first, reserve_out - paid, *fee)
        assert paid + rest <= whole


@given(amounts, reserves, reserves, fees)
def test_round_trip_never_profits(amount, reserve0, reserve1, fee):
    paid = quote(amount, reserve0, reserve1, *fee)
    assume(paid > 0)
    back = quote(paid, reserve1 - paid, reserve0 + amount, *fee)
    assert back <= amount


@given(amounts, reserves, reserves, fees)
def test_exact_output_input_is_enough(amount, reserve_in, reserve_out, fee):
    needed = quote_exact_out(amount, reserve_in, reserve_out, *fee)
    assume(needed > 0)
    assert quote(needed, reserve_in, reserve_out, *fee) >= amount
    assert needed < 3 or quote(needed - 2, reserve_in, reserve_out, *fee) < amount


@given(amounts, amounts, reserves, reserves, st.integers(1, 2**42))
def test_minting_and_burning_never_profits(amount0, amount1, reserve0, reserve1, supply):
    shares = mint_shares(amount0, amount1, reserve0, reserve1, supply, RESERVE_LIMIT)
    assume(shares > 0)
    back0, back1 = burn_amounts(shares, reserve0 + amount0, reserve1 + amount1, supply + shares)
    assert back0 <= amount0 and back1 <= amount1
    assert (supply + shares) * reserve0 <= supply * (reserve0 + amount0)


@given(st.integers(1001, 2**51 - 1), st.integers(1001, 2**51 - 1))
def test_first_depositor_gets_back_less_than_given(amount0, amount1):
    shares = mint_shares(amount0, amount1, 0, 0, 0, RESERVE_LIMIT)
    assume(shares > 0)
    back0, back1 = burn_amounts(shares, amount0, amount1, shares + MINIMUM_LIQUIDITY)
    assert back0 < amount0 and back1 < amount1


@given(amounts, amounts, reserves, reserves)
def test_deposits_stay_within_what_was_desired(desired0, desired1, reserve0, reserve1):
    amount0, amount1 = deposit_amounts(desired0, desired1, reserve0, reserve1)
    assert amount0 <= desired0 and amount1 <= desired1
    assert amount0 == desired0 or amount1 == desired1


@pytest.mark.parametrize(
    "call",
    [
        lambda: quote(0, 10, 10, 997, 1000),
        lambda: quote(1, RESERVE_LIMIT, 10, 997, 1000),
        lambda: quote(1, 10, RESERVE_LIMIT + 1, 997, 1000),
        lambda: quote(1, 0, 10, 997, 1000),
        lambda: quote(2**43, 10, 10, 999_999, 1_000_000),
        lambda: quote_exact_out(9, 2**49, 10, 997, 1000),
        lambda: quote_exact_out(0, 10, 10, 997, 1000),
        lambda: mint_shares(-1, 1, 10, 10, 10, RESERVE_LIMIT),
        lambda: mint_shares(RESERVE_LIMIT, 1, 10, 10, 10, RESERVE_LIMIT),
        lambda: mint_shares(1, 1, 0, 10, 10, RESERVE_LIMIT),
        lambda: burn_amounts(11, 10, 10, 10)[0],
        lambda: burn_amounts(1, 10, RESERVE_LIMIT + 1, 10)[1],
        lambda: deposit_amounts(-1, 1, 10, 10)[0],
    ],
)
def test_arguments_outside_the_exact_range_are_refused(call):
    assert call() == OUTSIDE


def test_fee_fractions():
    assert fee_fraction(0.003) == (997, 1000)
    assert fee_fraction(0.0005) == (1999, 2000)
    assert fee_fraction(0.0) == (1, 1)


@pytest.mark.parametrize("fee", [1.0, -0.1, 1e-7, float("nan")])
def test_bad_fees_are_refused(fee):
    with pytest.raises(ConfigError, match=r"pool fee is .*; allowed: at least 0 and below 1.*try 0\.003"):
        fee_fraction(fee)


# ------------------------------------------------------------------------------------------------------------ kernels


def batch(seed, size, scale=51.0):
    """Random orders, some of them absurd, as the array arguments of both swap kernels."""
    rng = np.random.default_rng(seed)
    amount = np.exp2(rng.uniform(0, scale, size)).astype(np.int64) * rng.choice([1, 1, 1, 1, 0, -1], size)
    minimum = np.where(rng.random(size) < 0.2, np.exp2(rng.uniform(0, scale, size)), 0.0).astype(np.int64)
    return amount, rng.random(size) < 0.5, minimum


def run_batch(kernel, pool, orders, fee):
    size = orders[0].size
    pool, out, code = np.array(pool), np.full(size, -7, np.int64), np.full(size, -7, np.int8)
    price = np.full(size + 1, -7.0)
    done = kernel(pool, *orders, *fee, out, price, code)
    return pool, out, code, price, np.array([done])


def run_pools(kernel, pools, orders, fee):
    size = orders[0].size
    pool0, pool1 = pools[0].copy(), pools[1].copy()
    out, code = np.full(size, -7, np.int64), np.full(size, -7, np.int8)
    kernel(pool0, pool1, *orders, *fee, out, code)
    return pool0, pool1, out, code


def same(left, right):
    return all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in zip(left, right, strict=True))


@pytest.mark.jit
@pytest.mark.parametrize("fee", FEES)
@pytest.mark.parametrize("size", [0, 1, 7, 1000])
def test_swap_batch_is_bit_identical_to_its_twin(size, fee):
    twin = KERNELS["protocols.amm.constant_product_kernels.swap_batch"].twin
    for seed, pool in enumerate([(10**12, 3 * 10**11), (2**50, 2**50), (1, RESERVE_LIMIT), (0, 5), (17, 2**52)]):
        orders = batch(seed, size)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            expected = run_batch(twin, pool, orders, fee)
        assert same(run_batch(swap_batch, pool, orders, fee), expected)


def random_pools(seed, size):
    rng = np.random.default_rng(seed)
    return np.exp2(rng.uniform(-1, 51.1, (2, size))).astype(np.int64)


@pytest.mark.jit
@pytest.mark.parametrize("fee", FEES)
@pytest.mark.parametrize("size", [0, 1, 7, 5000])
def test_swap_pools_is_bit_identical_to_its_twin(size, fee):
    twin = KERNELS["protocols.amm.constant_product_kernels.swap_pools"].twin
    pools, orders = random_pools(size, size), batch(size, size)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        expected = run_pools(twin, pools, orders, fee)
    assert same(run_pools(swap_pools, pools, orders, fee), expected)


@pytest.mark.parametrize("fee", FEES)
def test_swap_pools_equals_big_integers(fee):
    size = PER_FEE
    pools, orders = random_pools(5, size), batch(6, size)
    after0, after1, out, code = run_pools(swap_pools, pools, orders, fee)
    num, den = fee
    limit = reserve_limit(den)
    rows = zip(*(array.tolist() for array in (*pools, *orders, after0, after1, out, code)), strict=True)
    for own0, own1, amount, sells0, minimum, new0, new1, paid, status in rows:
        enters, leaves = (own0, own1) if sells0 else (own1, own0)
        fits = amount > 0 and enters > 0 and 0 < leaves <= limit and amount + enters <= limit
        exact = amount * num * leaves // (enters * den + amount * num) if fits else 0
        expected = ZERO_OUTPUT if exact == 0 else BELOW_MINIMUM if exact < minimum else OK
        assert status == (expected if fits else OUT_OF_RANGE)
        moved, exact = (amount, exact) if status == OK else (0, 0)
        assert paid == exact
        assert (new0, new1) == ((own0 + moved, own1 - exact) if sells0 else (own0 - exact, own1 + moved))
    assert set(code.tolist()) == {OK, ZERO_OUTPUT, BELOW_MINIMUM, OUT_OF_RANGE}


def test_swap_batch_is_a_sequence_of_quotes():
    orders = batch(8, 2000, scale=40.0)
    pool, out, code, price, done = run_batch(swap_batch, (2**40, 2**41), orders, (997, 1000))
    own = [2**40, 2**41]
    assert price[0] == math.log(2)
    for i, (amount, sells0, minimum) in enumerate(zip(*(array.tolist() for array in orders), strict=True)):
        enters, leaves = (0, 1) if sells0 else (1, 0)
        paid = quote(amount, own[enters], own[leaves], 997, 1000)
        if paid > 0 and paid >= minimum:
            own[enters], own[leaves] = own[enters] + amount, own[leaves] - paid
            assert (out[i], code[i]) == (paid, OK)
        else:
            assert out[i] == 0 and code[i] != OK and price[i + 1] == price[i]
        assert price[i + 1] == math.log(own[1] / own[0])
    assert pool.tolist() == own
    assert done[0] == np.count_nonzero(code == OK) > 500


def test_log_price_moves_of_a_batch_add_up():
    orders = batch(9, 500, scale=38.0)
    _, _, _, price, _ = run_batch(swap_batch, (2**40, 2**41), orders, (997, 1000))
    assert math.fsum(np.diff(price)) == pytest.approx(price[-1] - price[0], abs=1e-12)


def test_empty_pool_refuses_everything():
    _, out, code, price, done = run_batch(swap_batch, (0, 0), batch(1, 5), (997, 1000))
    assert done[0] == 0 and not out.any()
    assert (code == OUT_OF_RANGE).all() and np.isnan(price).all()
