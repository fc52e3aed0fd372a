"""Interest: the rate tables of Aave v3 Ethereum (mid-2025), and the identities any pooled reserve must keep."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.lending.rates import borrow_rate, compounded_growth, linear_growth, supply_rate, utilisation

DAY = 86_400
WETH = {"base_rate": 0.0, "slope1": 0.027, "slope2": 0.80, "optimal": 0.90}
USDC = {"base_rate": 0.0, "slope1": 0.055, "slope2": 0.35, "optimal": 0.92}
shares = st.floats(0.0, 1.0)
rates = st.floats(0.0, 10.0)


@pytest.mark.parametrize(
    ("curve", "utilised", "expected"),
    [
        (WETH, [0.5, 0.9, 0.95, 1.0], [0.015, 0.027, 0.427, 0.827]),
        (USDC, [0.5, 0.92, 0.96, 1.0], [0.0298913043478, 0.055, 0.23, 0.405]),
    ],
)
def test_two_slope_rate_of_aave_reserves(curve, utilised, expected):
    np.testing.assert_allclose(borrow_rate(utilised, **curve), expected, rtol=1e-12)


def test_index_growth_over_thirty_days():
    assert compounded_growth(0.10, 30 * DAY) == pytest.approx(1.0082530480673, abs=1e-13)
    assert linear_growth(supply_rate(0.10, 0.8, 0.15), 30 * DAY) == pytest.approx(1.0055890410959, abs=1e-13)


@given(low=shares, high=shares, base=shares, slope1=shares, slope2=rates, optimal=st.floats(0.01, 0.99))
def test_rate_rises_with_utilisation_and_is_continuous_at_the_kink(low, high, base, slope1, slope2, optimal):
    low, high = sorted((low, high))
    at = borrow_rate([low, high, optimal, np.nextafter(optimal, 1.0)], base, slope1, slope2, optimal)
    assert at[0] <= at[1]
    assert base <= at[0]
    assert at[1] <= base + slope1 + slope2 + 1e-12
    assert at[3] - at[2] <= 1e-12 + slope2 * 1e-13


@given(debt=st.floats(0.0, 1e12), cash=st.floats(0.0, 1e12), rate=rates, factor=shares)
def test_suppliers_and_treasury_share_what_borrowers_pay(debt, cash, rate, factor):
    earned = supply_rate(rate, utilisation(debt, cash), factor) * (debt + cash)
    assert earned + factor * rate * debt == pytest.approx(rate * debt, rel=1e-12, abs=1e-290)


def test_an_empty_reserve_is_not_utilised():
    np.testing.assert_array_equal(utilisation([0.0, 0.0, 3.0], [0.0, 5.0, 1.0]), [0.0, 0.0, 0.75])


@given(rate=rates, days=st.floats(0.0, 365.0))
def test_compounding_lies_between_simple_and_continuous_interest(rate, days):
    x = rate * days / 365
    grown = compounded_growth(rate, days * DAY)
    assert linear_growth(rate, days * DAY) <= grown * (1 + 1e-15)
    assert grown <= np.exp(x) * (1 + 1e-14)


def test_one_entry_per_reserve_broadcasts():
    curves = {name: np.array([WETH[name], USDC[name]]) for name in WETH}
    np.testing.assert_allclose(borrow_rate([0.95, 0.96], **curves), [0.427, 0.23], rtol=1e-12)
