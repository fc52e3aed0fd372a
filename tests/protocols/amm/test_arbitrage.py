"""Closed forms of the constant-product pool against direct search and simulated arbitrage."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.amm.arbitrage import arbitrage_input, impermanent_loss, loss_versus_rebalancing, no_arbitrage_band
from protocols.amm.constant_product_kernels import OK, swap_pools

positive = st.floats(1e-3, 1e6)
kepts = st.floats(0.9, 1.0)


def profit(base, quote, price, kept, quote_in=0.0, base_in=0.0):
    bought = kept * quote_in * base / (quote + kept * quote_in)
    sold = kept * base_in * quote / (base + kept * base_in)
    return bought * price - quote_in + sold - base_in * price


@given(positive, positive, st.floats(0.2, 5.0), kepts)
def test_arbitrage_input_is_the_best_input(base, quote, tilt, kept):
    price = quote / base * tilt
    quote_in, base_in = arbitrage_input(base, quote, price, kept)
    assert quote_in == 0.0 or base_in == 0.0
    best = profit(base, quote, price, kept, quote_in, base_in)
    scale = 1e-12 * quote
    assert best >= -scale
    for factor in (0.0, 0.9, 0.999, 1.001, 1.1):
        assert profit(base, quote, price, kept, factor * quote_in, factor * base_in) <= best + scale
    assert profit(base, quote, price, kept, 1e-6 * quote if quote_in == 0 else 0.0) <= scale
    assert profit(base, quote, price, kept, 0.0, 1e-6 * base if base_in == 0 else 0.0) <= scale


@given(positive, positive, st.floats(0.2, 5.0), kepts)
def test_no_trade_exactly_inside_the_band(base, quote, tilt, kept):
    price = quote / base * tilt
    low, high = no_arbitrage_band(base, quote, kept)
    quote_in, base_in = arbitrage_input(base, quote, price, kept)
    if low * (1 + 1e-9) < price < high * (1 - 1e-9):
        assert quote_in == base_in == 0.0
    elif not low * (1 - 1e-9) < price < high * (1 + 1e-9):
        assert quote_in > 0.0 if price > high else base_in > 0.0


@given(positive, positive, st.floats(0.2, 5.0), kepts)
def test_nothing_is_left_after_the_arbitrage(base, quote, tilt, kept):
    price = quote / base * tilt
    quote_in, base_in = arbitrage_input(base, quote, price, kept)
    paid_base = kept * quote_in * base / (quote + kept * quote_in)
    paid_quote = kept * base_in * quote / (base + kept * base_in)
    base, quote = base + base_in - paid_base, quote + quote_in - paid_quote
    low, high = no_arbitrage_band(base, quote, kept)
    assert low * (1 - 1e-12) <= price <= high * (1 + 1e-12)
    again = arbitrage_input(base, quote, price, kept)
    assert again[0] <= 1e-12 * quote and again[1] <= 1e-12 * base


def test_without_fee_the_pool_reaches_the_price():
    quote_in, _ = arbitrage_input(4.0, 4.0, 4.0, 1.0)
    assert quote_in == 4.0
    assert (4.0 + 4.0) / (16.0 / 8.0) == 4.0


def test_impermanent_loss_vectors():
    np.testing.assert_allclose(impermanent_loss(np.array([0.5, 2.0, 4.0])), [-0.05719, -0.05719, -0.2], atol=5e-6)
    assert impermanent_loss(1.0) == 0.0


@given(st.floats(1e-6, 1e6))
def test_impermanent_loss_is_symmetric_and_never_a_gain(ratio):
    loss = impermanent_loss(ratio)
    assert -1.0 <= loss <= 1e-15
    assert loss == pytest.approx(impermanent_loss(1.0 / ratio), abs=1e-12)


def test_impermanent_loss_is_what_a_pool_without_fee_loses():
    reserve = np.array([[10**14], [10**14]])
    out, code = np.zeros(1, np.int64), np.zeros(1, np.int8)
    base0, quote0 = reserve[0].copy(), reserve[1].copy()
    quote_in, _ = arbitrage_input(1e14, 1e14, 2.0, 1.0)
    swap_pools(base0, quote0, np.array([int(quote_in)]), np.array([False]), out, 1, 1, out.copy(), code)
    assert code[0] == OK
    held, pooled = 1e14 * 2.0 + 1e14, base0[0] * 2.0 + quote0[0]
    assert pooled / held - 1.0 == pytest.approx(impermanent_loss(2.0), abs=1e-12)


def test_loss_versus_rebalancing_is_an_eighth_of_the_variance():
    """Arbitrageurs keep 2,000 pools without fee at a geometric Brownian price for ten days of 5% volatility."""
    pools, days, per_day, volatility = 2000, 10, 200, 0.05
    rng = np.random.default_rng(20)
    base, quote = np.full(pools, 10**14), np.full(pools, 10**14)
    price, step = np.ones(pools), volatility / np.sqrt(per_day)
    none, out, code = np.zeros(pools, np.int64), np.zeros(pools, np.int64), np.zeros(pools, np.int8)
    lost = 0.0
    for _ in range(days * per_day):
        value = base * price + quote
        price *= np.exp(step * rng.standard_normal(pools) - step**2 / 2)
        quote_in, base_in = arbitrage_input(base.astype(float), quote.astype(float), price, 1.0)
        sells = base_in > 0.0
        given = np.where(sells, base_in, quote_in).astype(np.int64)
        swap_pools(base, quote, given, sells, none, 1, 1, out, code)
        assert (code == OK).all()
        lost += np.mean(np.where(sells, out - given * price, out * price - given) / value)
    assert loss_versus_rebalancing(volatility) == pytest.approx(3.125e-4)
    assert lost / days == pytest.approx(loss_versus_rebalancing(volatility), rel=0.003)


@pytest.mark.parametrize(("fee", "share"), [(0.003, 0.1220), (0.0005, 0.4545)])
def test_share_of_blocks_with_an_arbitrage(fee, share):
    """With a fee and Poisson blocks every 12 s an arbitrage happens in 1 / (1 + sqrt(2 / dt) fee / sigma) of them."""
    pools, blocks, volatility, interval = 4000, 400, 0.05, 12 / 86_400
    rng = np.random.default_rng(21)
    base, quote, price, kept = np.ones(pools), np.ones(pools), np.ones(pools), 1.0 - fee
    price *= np.exp(rng.uniform(-fee, fee, pools))
    traded = 0
    for _ in range(blocks):
        price *= np.exp(volatility * np.sqrt(rng.exponential(interval, pools)) * rng.standard_normal(pools))
        quote_in, base_in = arbitrage_input(base, quote, price, kept)
        traded += np.count_nonzero(quote_in + base_in)
        paid_base = kept * quote_in * base / (quote + kept * quote_in)
        paid_quote = kept * base_in * quote / (base + kept * base_in)
        base, quote = base + base_in - paid_base, quote + quote_in - paid_quote
    assert 1 / (1 + np.sqrt(2 / interval) * fee / volatility) == pytest.approx(share, abs=5e-4)
    assert traded / (pools * blocks) == pytest.approx(share, rel=0.03)
