"""Fourier prices against QuantLib, against Merton's series and Black-Scholes, and against simulated paths."""

import math
from datetime import UTC, datetime

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from sim.errors import ConfigError
from sim.pricing.black_scholes import PRICE, price_and_greeks
from sim.pricing.characteristic import BatesModel, BlackScholesModel, HestonModel, KouModel, MertonModel
from sim.pricing.fourier import cos_prices
from sim.pricing.merton_series import merton_prices
from sim.processes.base import PathGrid
from sim.processes.bates import Bates
from sim.processes.heston import Heston
from sim.processes.kou import Kou
from sim.processes.merton import Merton

STRIKES = np.linspace(50.0, 180.0, 14)
RATE, DIVIDEND = 0.03, 0.01
MODELS = [BlackScholesModel(volatility=0.7), HestonModel(), BatesModel(), MertonModel(), KouModel()]
NAMES = [type(model).__name__ for model in MODELS]


def strip(model, days, **options):
    years = days / 365
    forward, discount = 100.0 * math.exp((RATE - DIVIDEND) * years), math.exp(-RATE * years)
    return cos_prices(model, forward, STRIKES, years, discount, **options)


@pytest.mark.parametrize("days", [2, 7, 30, 91, 365])
def test_heston_and_bates_agree_with_quantlib(flat, days):
    market, heston, bates = flat(100.0, RATE, DIVIDEND), HestonModel(), BatesModel()
    variance = heston.v0, heston.kappa, heston.theta, heston.xi, heston.rho
    curves = market.rate, market.dividend, market.spot
    engine = ql.AnalyticHestonEngine(ql.HestonModel(ql.HestonProcess(*curves, *variance)), 192)
    assert_allclose(strip(heston, days), market.strip(engine, STRIKES, days), rtol=0.0, atol=1e-11)
    jumps = bates.intensity, bates.jump_mean, bates.jump_std
    engine = ql.BatesEngine(ql.BatesModel(ql.BatesProcess(*curves, *variance, *jumps)), 192)
    assert_allclose(strip(bates, days), market.strip(engine, STRIKES, days), rtol=0.0, atol=1e-11)


@pytest.mark.parametrize("days", [2, 30, 365])
def test_black_scholes_and_merton_agree_with_their_own_formulas(days):
    years = days / 365
    closed = price_and_greeks(100.0, STRIKES, years, 0.7, RATE, DIVIDEND)[:, PRICE]
    assert_allclose(strip(MODELS[0], days), closed, rtol=0.0, atol=1e-11)
    forward, discount = 100.0 * math.exp((RATE - DIVIDEND) * years), math.exp(-RATE * years)
    series = merton_prices(MertonModel(), forward, STRIKES, years, discount)
    assert_allclose(strip(MertonModel(), days), series, rtol=0.0, atol=1e-10)


def test_merton_without_jumps_is_black_scholes():
    for still in (MertonModel(intensity=0.0), MertonModel(jump_mean=0.0, jump_std=0.0)):
        closed = price_and_greeks(100.0, STRIKES, 0.5, still.volatility)[:, PRICE]
        assert_allclose(merton_prices(still, 100.0, STRIKES, 0.5), closed, rtol=1e-12)


@pytest.mark.parametrize("days", [7, 30, 365])
@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_more_terms_on_a_wider_interval_change_nothing(model, days):
    assert_allclose(strip(model, days), strip(model, days, terms=4096, width=30.0), rtol=0.0, atol=2e-9)


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_every_model_is_a_martingale(model):
    at_minus_one = model.characteristic(np.array([-1j]), 0.3)
    assert_allclose(at_minus_one, 1.0, rtol=1e-12)
    assert_allclose(model.characteristic(np.array([0.0]), 0.3), 1.0, rtol=1e-14)


@settings(max_examples=40)
@given(st.sampled_from(MODELS), st.floats(0.02, 2.0), st.floats(50.0, 200.0))
def test_strips_keep_parity_bounds_and_convexity(model, years, forward):
    strikes = forward * np.linspace(0.6, 1.6, 21)
    call, put = (cos_prices(model, forward, strikes, years, 0.97, kind) for kind in (True, False))
    assert_allclose(call - put, 0.97 * (forward - strikes), rtol=0.0, atol=1e-12 * forward)
    assert np.all(call >= 0.97 * np.maximum(forward - strikes, 0.0) - 1e-7)
    assert np.all(put <= 0.97 * strikes)
    assert np.all(np.diff(call, 2) >= -1e-7)


def simulate(kind, days, ticks, assets):
    grid = PathGrid(ticks, days / 365, datetime(2024, 1, 1, tzinfo=UTC), days * 86_400, np.full(1, 100.0))
    process = kind(name="p", assets=[f"A{i}" for i in range(assets)])
    normals = np.random.default_rng(11).standard_normal((ticks, assets))
    return process.log_path(grid, np.random.default_rng(12), normals)


@pytest.mark.parametrize(
    ("kind", "model"),
    [(Heston, HestonModel()), (Bates, BatesModel()), (Kou, KouModel()), (Merton, MertonModel())],
    ids=["heston", "bates", "kou", "merton"],
)
def test_simulated_paths_price_within_three_standard_errors(kind, model, within_errors):
    """Of the models without memory one path of long ticks is many independent samples."""
    days, moving = 73, kind in (Heston, Bates)
    logs = simulate(kind, days / 30, 30, 8_000)[-1] if moving else np.diff(simulate(kind, days, 200_000, 1)[:, 0])
    price = 100.0 * np.exp(logs)
    strikes = np.array([60.0, 75.0, 90.0, 100.0, 110.0, 130.0, 160.0])
    for strike, truth in zip(strikes, cos_prices(model, 100.0, strikes, days / 365), strict=True):
        assert within_errors(np.maximum(price - strike, 0.0), truth), strike


def test_terms_out_of_range_are_refused():
    with pytest.raises(ConfigError, match="years 0, forward 100, lowest strike 50: all must be above zero"):
        cos_prices(HestonModel(), 100.0, STRIKES, 0.0)
