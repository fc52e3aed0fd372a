"""Mispricing and excess volatility."""

import numpy as np
import pytest

from sim.math.systemic.mispricing import excess_volatility, mispricing


def test_a_constant_gap_is_bias_and_rms_and_no_volatility():
    fundamental = np.exp(np.random.default_rng(1).normal(0.0, 0.1, 50).cumsum())
    rms, bias = mispricing(1.02 * fundamental, fundamental)
    assert rms == pytest.approx(np.log(1.02))
    assert bias == pytest.approx(np.log(1.02))
    assert mispricing(fundamental / 1.02, fundamental)[1] == pytest.approx(-np.log(1.02))
    assert excess_volatility(1.02 * fundamental, fundamental) == pytest.approx(1.0)


def test_rms_is_bias_and_spread_together():
    gap = np.random.default_rng(2).normal(0.01, 0.03, 1_000)
    rms, bias = mispricing(np.exp(gap), np.ones(1_000))
    assert rms**2 == pytest.approx(bias**2 + gap.var())


def test_independent_noise_adds_its_variance():
    rng = np.random.default_rng(3)
    given, added = rng.normal(0.0, 0.01, (2, 100_000))
    ratio = excess_volatility(np.exp((given + added).cumsum()), np.exp(given.cumsum()))
    assert ratio == pytest.approx(2.0**0.5, rel=0.01)


def test_a_fundamental_that_never_moves_and_no_prices():
    assert np.isnan(excess_volatility(np.array([1.0, 2.0]), np.ones(2)))
    assert np.isnan(mispricing(np.zeros(0), np.zeros(0))).all()
