"""SVI smiles against QuantLib, arbitrage flags, and the natural parameters."""

import math

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813
from hypothesis import assume, given
from hypothesis import strategies as st

from sim.errors import ConfigError
from sim.pricing.black_scholes import PRICE, price_and_greeks
from sim.pricing.surface import Arbitrage, Surface, delta_for_strike, strike_for_delta, wings
from sim.pricing.svi import GRID, RawSVI, butterfly_free, calendar_free, durrleman, smile, variances

AXEL_VOGT = RawSVI(-0.0410, 0.1331, 0.3060, 0.3586, 0.4153)
"""A smile with butterfly arbitrage (Gatheral and Jacquier 2014, example 3.1)."""
SMILES = st.builds(
    lambda atm, share, curvature, years: (atm, share, curvature, years),
    st.floats(0.1, 2.0), st.floats(-0.9, 0.9), st.floats(0.1, 1.9), st.floats(0.003, 1.0),
)  # fmt: skip


def drawn(terms):
    """A smile of drawn terms whose skew is a share of the steepest allowed; None where curvature rules it out."""
    atm, share, curvature, years = terms
    skew = share * curvature / (1.0 + atm * atm * years)
    assume(curvature * (curvature + abs(skew)) <= 4.0)
    return smile(atm, skew, curvature, years), skew


def test_variance_agrees_with_quantlib():
    raw = smile(0.7, -0.3, 1.2, 0.25)
    section = ql.SviSmileSection(0.25, 100.0, [raw.a, raw.b, raw.sigma, raw.rho, raw.m])
    for strike in np.linspace(30.0, 300.0, 28):
        ours = math.sqrt(float(variances(raw, math.log(strike / 100.0))) / 0.25)
        assert ours == pytest.approx(section.volatility(float(strike)), abs=1e-14)


@given(SMILES)
def test_natural_parameters_set_level_and_slope_at_the_forward(terms):
    raw, skew = drawn(terms)
    level, step = terms[0] ** 2 * terms[3], 1e-5 * terms[0] * math.sqrt(terms[3])
    low, middle, high = variances(raw, [-step, 0.0, step])
    assert middle == pytest.approx(level, rel=1e-12)
    assert (high - low) / (2.0 * step) == pytest.approx(skew * math.sqrt(level), rel=1e-4, abs=1e-5 * math.sqrt(level))


@given(SMILES)
def test_natural_parameters_never_allow_a_butterfly(terms):
    assert butterfly_free(drawn(terms)[0])


def test_more_curvature_lifts_the_wings_only():
    flat, curved = (variances(smile(0.7, -0.1, c, 0.1), [-0.5, 0.0, 0.5]) for c in (0.8, 1.6))
    assert curved[0] > flat[0]
    assert curved[1] == pytest.approx(flat[1], rel=1e-13)
    assert curved[2] > flat[2]


def test_a_butterfly_of_negative_price_is_flagged():
    assert not butterfly_free(AXEL_VOGT)
    g = np.empty(GRID.size)
    durrleman(AXEL_VOGT, GRID, g)
    k = GRID[np.argmin(g)] + np.array([-0.01, 0.0, 0.01])
    strikes = np.exp(k)
    low, middle, high = price_and_greeks(1.0, strikes, 1.0, np.sqrt(variances(AXEL_VOGT, k)))[:, PRICE]
    share = (strikes[2] - strikes[1]) / (strikes[2] - strikes[0])
    assert share * low + (1.0 - share) * high < middle, "g < 0 must be a tradable arbitrage"


def test_durrleman_is_the_density_of_the_smile():
    raw, k = smile(0.8, -0.3, 1.2, 0.2), np.linspace(-0.8, 0.8, 9)
    g, step = np.empty(k.size), 1e-3
    durrleman(raw, k, g)

    def price(strike):
        return price_and_greeks(1.0, strike, 1.0, np.sqrt(variances(raw, np.log(strike))))[:, PRICE]

    strike, w = np.exp(k), variances(raw, k)
    density = (price(strike + step) - 2.0 * price(strike) + price(strike - step)) / step**2
    d2 = -k / np.sqrt(w) - 0.5 * np.sqrt(w)
    expected = g * np.exp(-0.5 * d2 * d2) / np.sqrt(2.0 * np.pi * w) / strike
    assert density == pytest.approx(expected, rel=1e-3)


def test_a_wing_steeper_than_two_is_flagged():
    assert not butterfly_free(RawSVI(0.1, 1.5, 0.5, 0.0, 0.5))
    assert not butterfly_free(RawSVI(-1.0, 0.1, 0.0, 0.0, 0.1))


def test_surface_flags_calendar_and_butterfly():
    near, far = smile(0.8, -0.2, 1.2, 0.1), smile(0.7, -0.2, 1.2, 0.3)
    assert Surface((0.1, 0.3), (near, far)).arbitrage() == Arbitrage((), ())
    assert Surface((0.1, 0.3), (near, far)).arbitrage().free
    assert Surface((0.1, 0.3), (near, smile(0.3, -0.2, 1.2, 0.3))).arbitrage() == Arbitrage((), (0.3,))
    assert Surface((0.1, 1.0), (near, AXEL_VOGT)).arbitrage().butterfly == (1.0,)
    assert not calendar_free(far, near)


def test_surface_is_linear_in_total_variance():
    near, far = smile(0.8, -0.2, 1.2, 0.1), smile(0.7, -0.2, 1.2, 0.3)
    surface, k = Surface((0.1, 0.3), (near, far)), np.array([-0.2, 0.0, 0.3])
    assert surface.volatility(k, 0.2) ** 2 * 0.2 == pytest.approx(0.5 * (variances(near, k) + variances(far, k)))
    assert surface.volatility(0.0, 0.05) == pytest.approx(0.8)
    assert surface.volatility(0.0, 0.1) == pytest.approx(0.8)
    assert surface.volatility(0.0, 2.0) == pytest.approx(0.7)


@given(SMILES, st.floats(0.02, 0.98), st.booleans())
def test_strike_by_delta_comes_back(terms, delta, is_call):
    raw, _ = drawn(terms)
    strike = strike_for_delta(raw, 100.0, delta, is_call)
    assert delta_for_strike(raw, 100.0, strike, is_call) == pytest.approx(delta, abs=1e-10)


def test_strikes_of_small_deltas_lie_on_their_sides():
    raw = smile(0.7, 0.0, 1.2, 0.1)
    calls = [strike_for_delta(raw, 100.0, delta, True) for delta in (0.1, 0.25, 0.4)]
    puts = [strike_for_delta(raw, 100.0, delta, False) for delta in (0.1, 0.25, 0.4)]
    assert calls == sorted(calls, reverse=True)
    assert puts == sorted(puts)
    assert min(calls) > 100.0 > puts[1]


def test_risk_reversal_follows_the_skew_and_butterfly_the_curvature():
    quotes = {s: wings(smile(0.7, s, 1.2, 0.1), 0.1) for s in (-0.3, 0.0, 0.3)}
    assert quotes[-0.3].risk_reversal < 0.0 < quotes[0.3].risk_reversal
    assert quotes[-0.3].risk_reversal < quotes[0.0].risk_reversal < quotes[0.3].risk_reversal
    flat, curved = (wings(smile(0.7, 0.0, c, 0.1), 0.1).butterfly for c in (0.6, 1.6))
    assert 0.0 < flat < curved
    assert quotes[0.0].atm == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ((0.0, 0.0, 1.0, 0.1), "both must be above zero"),
        ((0.7, -1.2, 1.0, 0.1), "too steep for curvature 1: it must lie strictly within"),
        ((0.7, 0.0, 2.1, 0.1), "curvature 2.1 allows arbitrage; with skew 0 it may be at most 2"),
        ((0.7, 0.0, -1.0, 0.1), "too steep"),
    ],
    ids=["level", "skew", "curvature", "negative"],
)
def test_natural_parameters_out_of_range_are_refused(terms, message):
    with pytest.raises(ConfigError, match=message):
        smile(*terms)


def test_surfaces_and_deltas_out_of_range_are_refused():
    raw = smile(0.7, 0.0, 1.0, 0.1)
    with pytest.raises(ConfigError, match="years ascending from above zero"):
        Surface((0.3, 0.1), (raw, raw))
    with pytest.raises(ConfigError, match="absolute delta 1; allowed: strictly between 0 and 1"):
        strike_for_delta(raw, 100.0, 1.0, True)
