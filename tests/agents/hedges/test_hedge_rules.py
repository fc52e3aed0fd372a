"""Hedge rules against their published formulas, and what orders them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from agents.hedges.calendar import Calendar
from agents.hedges.fixed_band import FixedBand
from agents.hedges.whalley_wilmott import WhalleyWilmott
from agents.hedges.zakamouline import Zakamouline
from sim.hedging import HedgeView
from sim.units import SECONDS_PER_YEAR

SPOT, STRIKE, VOLATILITY, COST = 100.0, 100.0, 0.7, 0.001


class Clock:
    """As much of a view as rules look at."""

    def __init__(self, tick=0, dt=3600.0):
        self.tick, self.dt_years = tick, dt / SECONDS_PER_YEAR


def call(spot, years, volatility=VOLATILITY):
    """Delta and gamma of one call."""
    width = volatility * np.sqrt(years)
    d1 = np.log(spot / STRIKE) / width + width / 2
    return ndtr(d1), np.exp(-(d1**2) / 2) / np.sqrt(2 * np.pi) / (spot * width)


def seen(amount=-1.0, spot=SPOT, years=30 / 365, cost=COST, tick=0, n=1):
    """`amount` calls held by each of n accounts."""
    spots = np.full(n, spot)
    delta, gamma = call(spots, years)
    rows = np.arange(n)
    return HedgeView(
        Clock(tick), rows, rows * 0.618 % 1.0, np.zeros(n), amount * delta, amount * gamma, spots, np.full(n, years),
        np.full(n, VOLATILITY), cost, lambda at: amount * call(spots, years, at)[0],
    )  # fmt: skip


def middle_and_half(rule, view):
    low, high = rule.band(view)
    return float((low + high)[0]) / 2.0, float((high - low)[0]) / 2.0


@given(width=st.floats(0.0, 0.5), spot=st.floats(60.0, 160.0), amount=st.sampled_from([-3.0, 2.0]))
def test_a_fixed_band_stands_around_minus_delta(width, spot, amount):
    view = seen(amount, spot)
    middle, half = middle_and_half(FixedBand(width=width), view)
    assert middle == pytest.approx(-view.delta[0], abs=1e-12)
    assert half == pytest.approx(width, abs=1e-12)


@given(
    spot=st.floats(60.0, 160.0), cost=st.floats(1e-5, 0.01), aversion=st.floats(0.1, 10.0), days=st.floats(1.0, 60.0)
)
def test_whalley_wilmott_is_its_formula(spot, cost, aversion, days):
    view = seen(-1.0, spot, days / 365, cost)
    middle, half = middle_and_half(WhalleyWilmott(risk_aversion=aversion), view)
    assert middle == pytest.approx(-view.delta[0], abs=1e-12)
    assert half == pytest.approx((1.5 * cost * spot * view.gamma[0] ** 2 / aversion) ** (1 / 3), rel=1e-9)


@pytest.mark.parametrize(("amount", "sign"), [(-1.0, 1.0), (1.0, -1.0)], ids=["short", "long"])
def test_zakamouline_is_its_formula(amount, sign):
    years, aversion = 30 / 365, 2.0
    view = seen(amount, years=years)
    gamma = abs(view.gamma[0])
    shift = 4.76 * COST**0.78 / years**0.02 * VOLATILITY**-0.25 * (aversion * SPOT**2 * gamma) ** 0.15
    modified = VOLATILITY * np.sqrt(1.0 + sign * shift)
    inner = 1.12 * COST**0.31 * years**0.05 * VOLATILITY**-0.25 * np.sqrt(gamma / aversion)
    outer = COST / (aversion * SPOT * VOLATILITY**2 * years)
    middle, half = middle_and_half(Zakamouline(risk_aversion=aversion), view)
    assert middle == pytest.approx(-amount * call(SPOT, years, modified)[0], abs=1e-9)
    assert half == pytest.approx(inner + outer, rel=1e-9)


@pytest.mark.parametrize("rule", [WhalleyWilmott, Zakamouline])
def test_bands_widen_with_cost_and_narrow_with_risk_aversion(rule):
    widths = [[middle_and_half(rule(risk_aversion=a), seen(cost=c))[1] for c in (1e-4, 1e-3, 1e-2)] for a in (0.1, 1.0)]
    assert np.all(np.diff(widths, axis=1) > 0.0)
    assert np.all(np.diff(widths, axis=0) < 0.0)


def test_without_costs_bands_close_on_delta():
    for rule in (WhalleyWilmott(), Zakamouline()):
        middle, half = middle_and_half(rule, seen(cost=0.0))
        assert half == pytest.approx(0.0, abs=1e-9)
        assert middle == pytest.approx(-seen().delta[0], abs=1e-9)


@pytest.mark.parametrize("together", [True, False])
def test_the_calendar_asks_for_delta_once_a_period_and_leaves_accounts_alone_otherwise(together):
    rule, asked = Calendar(every=6 * 3600.0, together=together), np.zeros(40)
    for tick in range(6):
        view = seen(n=40, tick=tick)
        low, high = rule.band(view)
        due = np.isfinite(low)
        assert np.array_equal(due, np.isfinite(high))
        assert np.allclose(low[due], -view.delta[due])
        assert together is False or due.all() == (tick == 0)
        asked += due
    assert np.array_equal(asked, np.ones(40))
