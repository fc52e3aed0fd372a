"""Black-Scholes against QuantLib, against 40 digits, and against what every option price must obey."""

import mpmath as mp
import numpy as np
import pytest
import QuantLib as ql  # noqa: N813
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from sim.errors import ConfigError
from sim.pricing.black_scholes import (
    BLOCK,
    COLUMNS,
    DELTA,
    GAMMA,
    PRICE,
    RHO,
    THETA,
    VEGA,
    bsm,
    bsm_book,
    price_and_greeks,
)

EXACT = mp.mp.clone()
EXACT.dps = 40


def exact(spot, strike, years, volatility, rate, dividend, is_call):
    """Price and Greeks with 40 digits."""
    s, k, t, v, r, q = (EXACT.mpf(float(x)) for x in (spot, strike, years, volatility, rate, dividend))
    sign, width = (1 if is_call else -1), v * EXACT.sqrt(t)
    d1 = (EXACT.log(s / k) + (r - q) * t) / width + width / 2
    own, owed = s * EXACT.exp(-q * t), k * EXACT.exp(-r * t)
    mine, theirs = (a * EXACT.erfc(-sign * d / EXACT.sqrt(2)) / 2 for a, d in ((own, d1), (owed, d1 - width)))
    bell = own * EXACT.exp(-d1 * d1 / 2) / EXACT.sqrt(2 * EXACT.pi)
    theta = sign * (q * mine - r * theirs) - bell * v / (2 * EXACT.sqrt(t))
    return [
        sign * (mine - theirs), sign * mine / s, bell / (s * s * width), bell * EXACT.sqrt(t), theta, sign * t * theirs,
    ]  # fmt: skip


def random_terms(rng, n):
    return (
        rng.uniform(50, 150, n), rng.uniform(50, 150, n), rng.uniform(0.01, 2.0, n), rng.uniform(0.1, 1.5, n),
        rng.uniform(-0.05, 0.1, n), rng.uniform(-0.05, 0.1, n), rng.random(n) < 0.5,
    )  # fmt: skip


TERMS = st.tuples(
    st.floats(1.0, 1e5), st.floats(1.0, 1e5), st.floats(1e-4, 5.0), st.floats(0.01, 3.0), st.floats(-0.2, 0.3),
    st.floats(-0.2, 0.3), st.booleans(),
)  # fmt: skip


def test_ten_thousand_options_agree_with_quantlib():
    terms = random_terms(np.random.default_rng(1), 10_000)
    found = price_and_greeks(*terms)
    expected = np.empty_like(found)
    for i, (s, k, t, v, r, q, call) in enumerate(zip(*(column.tolist() for column in terms), strict=True)):
        discount = float(np.exp(-r * t))
        payoff = ql.PlainVanillaPayoff(ql.Option.Call if call else ql.Option.Put, k)
        black = ql.BlackCalculator(payoff, s * float(np.exp(-q * t)) / discount, v * t**0.5, discount)
        expected[i] = black.value(), black.delta(s), black.gamma(s), black.vega(t), black.theta(s, t), black.rho(t)
    assert_allclose(found, expected, rtol=0.0, atol=1e-11)
    others = [PRICE, DELTA, GAMMA, VEGA, RHO]  # theta differs by 2e-12
    assert_allclose(found[:, others], expected[:, others], rtol=0.0, atol=1e-12)


def test_the_analytic_european_engine_agrees(flat):
    for days, strike, is_call in ((1, 100.0, True), (30, 80.0, False), (365, 140.0, True)):
        market = flat(100.0, 0.04, 0.01, 0.7)
        option = ql.VanillaOption(market.plain(strike, is_call), market.exercise(days))
        option.setPricingEngine(ql.AnalyticEuropeanEngine(market.process))
        expected = [option.NPV(), option.delta(), option.gamma(), option.vega(), option.theta(), option.rho()]
        found = price_and_greeks(100.0, strike, days / 365, 0.7, 0.04, 0.01, is_call)
        assert_allclose(found, expected, rtol=0.0, atol=1e-10)


def test_the_body_agrees_with_forty_digits():
    terms = random_terms(np.random.default_rng(2), 400)
    found = price_and_greeks(*terms)
    for row, *term in zip(found, *terms, strict=True):
        expected = [float(x) for x in exact(*term)]
        assert_allclose(row, expected, rtol=1e-12, atol=1e-13)


def test_the_wings_keep_relative_digits_down_to_the_smallest_doubles():
    rng = np.random.default_rng(3)
    deepest = 1.0
    for _ in range(300):
        gap, is_call = np.exp(rng.uniform(0.2, 3.0)), bool(rng.random() < 0.5)
        strike = 100.0 * gap if is_call else 100.0 / gap
        term = (100.0, strike, rng.uniform(0.05, 1.0), rng.uniform(0.2, 1.0), 0.03, 0.01, is_call)
        expected = exact(*term)[0]
        if expected > 1e-280:
            deepest = min(deepest, float(expected))
            assert abs(EXACT.mpf(float(price_and_greeks(*term)[PRICE])) / expected - 1) < 1e-12
    assert deepest < 1e-100


@given(TERMS)
def test_puts_and_calls_keep_parity(terms):
    spot, strike, years, volatility, rate, dividend, _ = terms
    call, put = (price_and_greeks(spot, strike, years, volatility, rate, dividend, kind) for kind in (True, False))
    own, owed = spot * np.exp(-dividend * years), strike * np.exp(-rate * years)
    assert abs(call[PRICE] - put[PRICE] - (own - owed)) <= 1e-12 * max(own, owed)
    assert abs(call[DELTA] - put[DELTA] - own / spot) <= 1e-12
    assert call[GAMMA] == put[GAMMA]
    assert call[VEGA] == put[VEGA]


@given(TERMS, st.floats(1.001, 2.0))
def test_prices_rise_with_volatility_within_their_bounds(terms, factor):
    spot, strike, years, volatility, rate, dividend, is_call = terms
    low, high = price_and_greeks(
        spot, strike, years, np.array([volatility, volatility * factor]), rate, dividend, is_call
    )[:, PRICE]
    own, owed = spot * np.exp(-dividend * years), strike * np.exp(-rate * years)
    floor, ceiling = max(own - owed if is_call else owed - own, 0.0), own if is_call else owed
    slack = 1e-13 * max(own, owed)
    assert floor - slack <= low <= high + slack <= ceiling + 2.0 * slack


@given(TERMS, st.floats(0.01, 0.5))
def test_prices_are_convex_and_monotone_in_the_strike(terms, gap):
    spot, strike, years, volatility, rate, dividend, is_call = terms
    strikes = strike * np.array([1.0 - gap, 1.0, 1.0 + gap])
    low, middle, high = price_and_greeks(spot, strikes, years, volatility, rate, dividend, is_call)[:, PRICE]
    slack = 1e-12 * max(spot, strike)
    assert low + high - 2.0 * middle >= -slack
    assert (low - high if is_call else high - low) >= -slack


def test_greeks_are_the_derivatives_of_the_price():
    base = np.array([100.0, 110.0, 0.4, 0.8, 0.05, 0.02])
    for is_call in (True, False):
        row = price_and_greeks(*base, is_call)
        for column, place, step, sign in (
            (DELTA, 0, 1e-3, 1),
            (VEGA, 3, 1e-5, 1),
            (THETA, 2, 1e-6, -1),
            (RHO, 4, 1e-6, 1),
        ):
            up, down = base.copy(), base.copy()
            up[place] += step
            down[place] -= step
            slope = (price_and_greeks(*up, is_call)[PRICE] - price_and_greeks(*down, is_call)[PRICE]) / (2 * step)
            assert sign * slope == pytest.approx(row[column], rel=1e-6), COLUMNS[column]
        deltas = price_and_greeks(np.array([100.001, 99.999]), *base[1:], is_call)[:, DELTA]
        assert (deltas[0] - deltas[1]) / 0.002 == pytest.approx(row[GAMMA], rel=1e-6)


@pytest.mark.parametrize("years, volatility", [(0.0, 0.5), (0.5, 0.0)], ids=["expiry", "no_volatility"])
def test_without_time_value_an_option_is_its_payoff(years, volatility):
    spot = np.array([80.0, 100.0, 120.0])
    call, put = (price_and_greeks(spot, 100.0, years, volatility, is_call=kind) for kind in (True, False))
    assert call[:, PRICE].tolist() == [0.0, 0.0, 20.0]
    assert put[:, PRICE].tolist() == [20.0, 0.0, 0.0]
    assert call[:, DELTA].tolist() == pytest.approx([0.0, 0.5, 1.0], abs=1e-15)
    assert put[:, DELTA].tolist() == pytest.approx([-1.0, -0.5, 0.0], abs=1e-15)
    assert not call[:, [GAMMA, VEGA, THETA]].any()
    assert call[:, RHO].tolist() == pytest.approx([0.0, years * 50.0, years * 100.0], abs=1e-13)


@pytest.mark.parametrize("place", range(4), ids=["spot", "strike", "years", "volatility"])
@pytest.mark.parametrize("value", [-1.0, np.nan])
def test_impossible_terms_have_no_price(place, value):
    terms = [100.0, 100.0, 1.0, 0.5]
    terms[place] = value
    assert np.isnan(price_and_greeks(*terms)).all()


def test_a_book_and_a_single_option_are_rows_of_the_array():
    rng = np.random.default_rng(4)
    for n in (1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK):
        strike, volatility, is_call = rng.uniform(50, 150, n), rng.uniform(0.2, 1.0, n), rng.random(n) < 0.5
        table = price_and_greeks(100.0, strike, 0.3, volatility, 0.05, 0.01, is_call)
        book = np.empty((n, 6))
        bsm_book(100.0, 0.3, 0.05, 0.01, strike, volatility, is_call, book)
        assert np.array_equal(book, table)
        single = bsm(100.0, float(strike[-1]), 0.3, float(volatility[-1]), 0.05, 0.01, bool(is_call[-1]))
        assert np.array_equal(single, table[-1])


def test_terms_that_do_not_fit_together_are_refused():
    with pytest.raises(ConfigError, match="terms of options do not fit together"):
        price_and_greeks(np.ones(3), np.ones(2), 1.0, 0.5)
