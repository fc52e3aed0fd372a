"""Cases of the pricing kernels."""

import numpy as np

from sim.pricing import fourier, greeks, implied_volatility, merton_series, surface
from sim.pricing.black_scholes import price_and_greeks
from sim.pricing.svi import smile
from tests.kernel_cases import case

OWNERS = (fourier, greeks, implied_volatility, merton_series, surface)
"""Modules whose kernels have cases here; nothing else may have imported them yet."""


def chain(rng, n):
    """Options of any terms, some expired, some without volatility, some impossible."""
    spot, strike = np.exp(rng.normal(4.0, 1.0, (2, n)))
    years, volatility = rng.uniform(0.0, 2.0, n), rng.uniform(0.0, 2.0, n)
    edge = rng.random((3, n)) < 0.05
    years[edge[0]], volatility[edge[1]] = 0.0, 0.0
    spot[edge[2]] = rng.choice([-1.0, 0.0, np.nan])
    return spot, strike, years, volatility, rng.uniform(-0.1, 0.2, n), rng.uniform(-0.1, 0.2, n), rng.random(n) < 0.5


@case("sim.pricing.black_scholes.bsm_greeks")
def _(rng, n):
    return *chain(rng, n), np.empty((n, 6))


@case("sim.pricing.black_scholes.bsm_book")
def _(rng, n):
    _, strike, _, volatility, _, _, is_call = chain(rng, n)
    return 55.0, 0.3, 0.05, 0.02, strike, volatility, is_call, np.empty((n, 6))


@case("sim.pricing.implied_volatility.implied_volatilities")
def _(rng, n):
    spot, strike, years, volatility, rate, dividend, is_call = chain(rng, n)
    price = price_and_greeks(spot, strike, years, volatility, rate, dividend, is_call)[:, 0]
    price *= rng.choice([0.5, 1.0, 1.0, 1.0, 2.0], n)
    return price, spot, strike, years, rate, dividend, is_call, np.empty(n), np.empty(n, np.int8)


@case("sim.pricing.fourier.cos_strip")
def _(rng, n):
    weights = rng.normal(0.0, 1.0, 100) * np.exp(-0.05 * np.arange(100.0))
    strike = 100.0 * np.exp(rng.normal(0.0, 1.0, n))
    return weights, -2.0, 4.5, 100.0, strike, 0.97, rng.random(n) < 0.5, np.empty(n)


@case("sim.pricing.merton_series.merton_series")
def _(rng, n):
    strike = 100.0 * np.exp(rng.normal(0.0, 0.5, n))
    return 0.6, float(rng.choice([0.0, 6.0])), -0.05, 0.12, 100.0, 0.2, 0.98, strike, rng.random(n) < 0.5, np.empty(n)


def some_smile(rng):
    return smile(float(rng.uniform(0.2, 1.5)), float(rng.uniform(-0.4, 0.4)), float(rng.uniform(0.8, 1.6)), 0.2)


@case("sim.pricing.svi.total_variance")
def _(rng, n):
    return some_smile(rng), rng.normal(0.0, 1.0, n), np.empty(n)


@case("sim.pricing.svi.durrleman")
def _(rng, n):
    return some_smile(rng), rng.normal(0.0, 1.0, n), np.empty(n)


@case("sim.pricing.surface.moneyness_for_delta")
def _(rng, n):
    return some_smile(rng), float(rng.uniform(0.01, 0.99)), bool(rng.random() < 0.5)


@case("sim.pricing.greeks.aggregate")
def _(rng, n):
    return rng.integers(0, 4, n), rng.normal(0.0, 10.0, n), rng.normal(0.0, 1.0, (n, 6)), np.empty((4, 6))
