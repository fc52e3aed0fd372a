"""Coin-settled options: payoff, parity in coins, and deltas that hedge in either money."""

import numpy as np
import pytest

from sim.pricing.inverse import inverse_option, inverse_payoff, inverse_prices


def test_parity_in_coins():
    strike = np.linspace(50.0, 200.0, 31)
    call, put = (inverse_prices(100.0, strike, 0.25, 0.8, 0.05, 0.01, kind)[:, 0] for kind in (True, False))
    forward = np.exp(-0.01 * 0.25) - strike * np.exp(-0.05 * 0.25) / 100.0
    assert np.max(np.abs(call - put - forward)) < 1e-12


def test_payoff_is_in_coins_and_that_of_a_call_never_reaches_one():
    settled = np.array([50.0, 100.0, 1e9])
    assert inverse_payoff(settled, 100.0).tolist() == [0.0, 0.0, 1.0 - 1e-7]
    assert inverse_payoff(settled, 100.0, False).tolist() == [1.0, 0.0, 0.0]
    at_expiry = inverse_prices(settled, 100.0, 0.0, 0.8)[:, 0]
    assert at_expiry == pytest.approx(inverse_payoff(settled, 100.0), abs=1e-15)


def test_price_is_the_expected_coins_under_the_coin_measure(within_errors):
    normals = np.random.default_rng(1).standard_normal(200_000)
    width = 0.8 * np.sqrt(0.25)
    # A holder who counts in coins sees the spot grow by the square of volatility more than one who counts in USD.
    settled = 100.0 * np.exp(0.5 * width**2 + width * normals)
    assert within_errors(inverse_payoff(settled, 110.0), inverse_prices(100.0, 110.0, 0.25, 0.8)[0])


@pytest.mark.parametrize("is_call", [True, False], ids=["call", "put"])
def test_net_delta_is_the_slope_of_the_coin_value(is_call):
    prices = inverse_prices(100.0 * np.exp([0.0, 1e-5, -1e-5]), 105.0, 0.2, 0.7, is_call=is_call)
    slope = (prices[1, 0] - prices[2, 0]) / 2e-5
    assert slope == pytest.approx(prices[0, 2], abs=1e-8)
    assert prices[0, 1] - prices[0, 2] == pytest.approx(prices[0, 0])
    assert inverse_option(100.0, 105.0, 0.2, 0.7, 0.0, 0.0, is_call) == pytest.approx(tuple(prices[0]), abs=1e-15)
