"""The surface: how it moves, and that it admits no arbitrage or says so."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.options.series import strikes_by_delta
from protocols.options.settings import SurfaceSettings
from protocols.options.surface import Surface
from sim.pricing import black_scholes as bs

YEARS = np.array([7.0, 14.0, 30.0, 90.0]) / 365.0


def atm(surface, years=YEARS):
    return surface.volatilities(surface.smiles(years), years, np.full((years.size, 1), surface.spot))[:, 0]


def test_it_starts_at_its_settings():
    surface = Surface(SurfaceSettings(atm=0.65, skew=-0.2, curvature=0.9), 2000.0, 4)
    assert atm(surface) == pytest.approx(np.full(4, 0.65), rel=1e-12)
    step = 1e-4
    sides = [
        surface.volatilities(surface.smiles(YEARS), YEARS, np.full((4, 1), 2000.0 * np.exp(k)))[:, 0]
        for k in (-step, step)
    ]
    assert (sides[1] - sides[0]) / (2 * step) == pytest.approx(-0.2 / (2 * np.sqrt(YEARS)), rel=1e-3)


@pytest.mark.parametrize("sticky", ["strike", "delta"])
def test_a_strike_or_a_delta_keeps_its_volatility(sticky):
    month = np.array([30.0 / 365.0])
    surface = Surface(SurfaceSettings(sticky=sticky, skew=-0.2, curvature=0.9), 2000.0, 1)
    before = atm(surface, month)[0]
    surface.move(1999.0)
    at_old = surface.volatilities(surface.smiles(month), month, np.full((1, 1), 2000.0))[0, 0]
    if sticky == "strike":
        assert at_old == pytest.approx(before, abs=1e-6)
        assert atm(surface, month)[0] > before
    else:
        assert atm(surface, month)[0] == before


def test_spot_vol_beta_moves_the_level_by_its_share_of_the_return():
    surface = Surface(SurfaceSettings(spot_vol=-0.5), 2000.0, 1)
    surface.move(1800.0)
    surface.move(1700.0)
    assert surface.level == pytest.approx(0.7 - 0.5 * np.log(0.85))


def test_the_level_goes_half_way_to_realised_volatility_in_its_half_life():
    surface = Surface(SurfaceSettings(atm=1.0, premium=0.0, half_life=86_400.0, realised_half_life=0.0), 100.0, 1)
    for _ in range(24):
        surface.age(3600.0)  # the spot stands still
    assert surface.realised == 0.0
    assert surface.level - 0.05 == pytest.approx(0.95 / 2)


def test_pressure_fades_with_its_half_life():
    surface = Surface(SurfaceSettings(pressure_half_life=7200.0), 100.0, 2)
    surface.vega[:], surface.tilt[:] = 1e6, -1e6
    assert atm(surface, YEARS[:2])[0] == pytest.approx(0.75)
    for _ in range(2):
        surface.age(3600.0)
    assert surface.vega == pytest.approx([5e5, 5e5])
    assert surface.tilt == pytest.approx([-5e5, -5e5])


@settings(max_examples=30, deadline=None)
@given(
    st.floats(-0.4, 3.0), st.floats(0.1, 1.5), st.lists(st.floats(-2e7, 2e7), min_size=4, max_size=4),
    st.lists(st.floats(-2e7, 2e7), min_size=4, max_size=4),
)  # fmt: skip
def test_no_pressure_makes_a_butterfly_cost_less_than_nothing_nor_variance_fall_with_time(level, curvature, vega, tilt):
    surface = Surface(SurfaceSettings(atm=level + 0.5, curvature=curvature, skew=0.0), 100.0, 4)
    surface.vega[:], surface.tilt[:] = vega, tilt
    butterflies, _ = surface.free_of_arbitrage(YEARS)
    assert all(butterflies)
    assert (np.diff(atm(surface) ** 2 * YEARS) >= -1e-12).all()


def test_a_calendar_that_costs_less_than_nothing_is_flagged():
    surface = Surface(SurfaceSettings(), 100.0, 4)
    assert surface.free_of_arbitrage(YEARS) == ([True] * 4, [True] * 3)
    surface.tilt[0] = 2e7
    assert surface.free_of_arbitrage(YEARS)[1][0] is False


def test_strikes_by_delta_have_these_deltas():
    surface = Surface(SurfaceSettings(skew=-0.3), 2000.0, 1)
    wanted = np.array([0.9, 0.5, 0.1])
    strikes = strikes_by_delta(surface, YEARS[2], wanted)
    volatility = surface.volatilities(surface.smiles(YEARS[2:3]), YEARS[2:3], strikes[None, :])[0]
    assert bs.price_and_greeks(2000.0, strikes, YEARS[2], volatility)[:, bs.DELTA] == pytest.approx(wanted, abs=1e-12)
