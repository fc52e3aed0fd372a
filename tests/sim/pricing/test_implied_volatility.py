"""Implied volatility: round trips, bounds, statuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import ConfigError
from sim.pricing.black_scholes import PRICE, VEGA, price_and_greeks
from sim.pricing.implied_volatility import (
    ABOVE_MAXIMUM,
    AT_INTRINSIC,
    BELOW_INTRINSIC,
    SOLVED,
    UNDEFINED,
    implied_volatility,
)


def test_round_trip_of_out_of_the_money_options():
    rng = np.random.default_rng(1)
    n = 30_000
    years, volatility = np.exp(rng.uniform(np.log(1 / 365), np.log(2), n)), np.exp(rng.uniform(-3.0, 1.1, n))
    strike = 100.0 * np.exp(rng.normal(0.0, 0.4, n))
    rate, dividend = rng.uniform(0.0, 0.1, n), rng.uniform(0.0, 0.05, n)
    is_call = strike >= 100.0 * np.exp((rate - dividend) * years)
    price = price_and_greeks(100.0, strike, years, volatility, rate, dividend, is_call)[:, PRICE]
    found, status = implied_volatility(price, 100.0, strike, years, rate, dividend, is_call)
    priced = price > 1e-280
    assert priced.mean() > 0.9
    assert (status[priced] == SOLVED).all()
    assert np.max(np.abs(found[priced] / volatility[priced] - 1.0)) < 1e-12


@given(
    st.floats(-1.5, 1.5), st.floats(1e-3, 3.0), st.floats(0.02, 4.0), st.floats(-0.1, 0.2), st.floats(-0.1, 0.2),
    st.booleans(),
)  # fmt: skip
def test_round_trip_wherever_vega_permits(moneyness, years, volatility, rate, dividend, is_call):
    strike = 100.0 * np.exp(moneyness)
    row = price_and_greeks(100.0, strike, years, volatility, rate, dividend, is_call)
    found, _ = implied_volatility(row[PRICE], 100.0, strike, years, rate, dividend, is_call)
    rounding = 4e-16 * max(100.0, strike)
    if rounding < 1e-3 * row[VEGA] * volatility:
        assert abs(found / volatility - 1.0) < 1e-12 + 10.0 * rounding / (row[VEGA] * volatility)


@given(st.floats(-2.0, 2.0), st.floats(0.01, 2.0), st.floats(0.001, 0.999), st.booleans())
def test_every_price_inside_the_bounds_is_reached(moneyness, years, share, is_call):
    strike = 100.0 * np.exp(moneyness)
    floor, ceiling = max(100.0 - strike if is_call else strike - 100.0, 0.0), 100.0 if is_call else strike
    price = floor + share * (ceiling - floor)
    found, status = implied_volatility(price, 100.0, strike, years, is_call=is_call)
    assert status == SOLVED
    assert price_and_greeks(100.0, strike, years, found, is_call=is_call)[PRICE] == pytest.approx(price, rel=1e-12)


@pytest.mark.parametrize(
    ("price", "years", "is_call", "expected"),
    [
        (19.9, 1.0, True, BELOW_INTRINSIC), (20.0, 1.0, True, AT_INTRINSIC), (-1.0, 1.0, False, BELOW_INTRINSIC),
        (0.0, 1.0, False, AT_INTRINSIC), (120.0, 1.0, True, ABOVE_MAXIMUM), (100.0, 1.0, False, ABOVE_MAXIMUM),
        (25.0, 0.0, True, UNDEFINED), (np.nan, 1.0, True, UNDEFINED),
    ],
)  # fmt: skip
def test_prices_outside_the_bounds_have_a_status_instead(price, years, is_call, expected):
    found, status = implied_volatility(price, 120.0, 100.0, years, is_call=is_call)
    assert status == expected
    assert found == 0.0 if expected == AT_INTRINSIC else np.isnan(found)


def test_terms_that_do_not_fit_together_are_refused():
    with pytest.raises(ConfigError, match="terms of options do not fit together"):
        implied_volatility(np.ones(3), np.ones(2), 1.0, 0.5)
