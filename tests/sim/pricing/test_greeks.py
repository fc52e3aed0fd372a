"""Portfolio Greeks against finite differences of the portfolio's value, over legs and venues."""

import numpy as np
import pytest

from sim.errors import ConfigError
from sim.pricing.black_scholes import PRICE, price_and_greeks
from sim.pricing.greeks import by_group, linear_legs, portfolio

QUANTITY = np.array([10.0, -4.0, 7.5, -12.0, 3.0, -2.0])
"""Three options at one venue, one at another, spot, and a perpetual."""
VENUE = np.array([0, 0, 0, 1, 2, 1])
STRIKES, YEARS, VOLATILITY = np.array([90.0, 100.0, 120.0, 105.0]), np.array([0.1, 0.1, 0.3, 0.5]), 0.7
CALLS = np.array([False, True, True, False])


def legs(spot=100.0, elapsed=0.0, shift=0.0, rate=0.03):
    options = price_and_greeks(spot, STRIKES, YEARS - elapsed, VOLATILITY + shift, rate, 0.01, CALLS)
    return np.vstack([options, linear_legs([spot, spot - 100.0])])


def worth(**moved):
    return float(QUANTITY @ legs(**moved)[:, PRICE])


def slope(name, at, step):
    return (worth(**{name: at + step}) - worth(**{name: at - step})) / (2.0 * step)


def test_greeks_are_the_slopes_of_the_portfolio():
    found = portfolio(QUANTITY, legs())
    assert found.value == pytest.approx(worth(), rel=1e-14)
    assert found.delta == pytest.approx(slope("spot", 100.0, 1e-3), rel=1e-6)
    assert found.vega == pytest.approx(slope("shift", 0.0, 1e-5), rel=1e-6)
    assert found.theta == pytest.approx(slope("elapsed", 0.0, 1e-6), rel=1e-6)
    assert found.rho == pytest.approx(slope("rate", 0.03, 1e-5), rel=1e-6)
    deltas = [portfolio(QUANTITY, legs(spot=100.0 + step)).delta for step in (1e-3, -1e-3)]
    assert found.gamma == pytest.approx((deltas[0] - deltas[1]) / 2e-3, rel=1e-6)


def test_venues_add_up_to_the_portfolio():
    table = by_group(VENUE, QUANTITY, legs(), 4)
    whole = portfolio(QUANTITY, legs())
    assert table.sum(axis=0) == pytest.approx(
        [whole.value, whole.delta, whole.gamma, whole.vega, whole.theta, whole.rho]
    )
    assert table[2].tolist() == [300.0, 3.0, 0.0, 0.0, 0.0, 0.0]
    assert not table[3].any()


def test_a_delta_hedge_leaves_no_delta():
    options = legs()[:4]
    hedge = -portfolio(QUANTITY[:4], options).delta
    hedged = portfolio(np.append(QUANTITY[:4], hedge), np.vstack([options, linear_legs(0.0)]))
    assert hedged.delta == pytest.approx(0.0, abs=1e-12)
    assert hedged.gamma == portfolio(QUANTITY[:4], options).gamma


def test_legs_that_do_not_match_are_refused():
    with pytest.raises(ConfigError, match="6 groups, 5 quantities and 6 rows of Greeks"):
        by_group(VENUE, QUANTITY[:5], legs(), 3)
    with pytest.raises(ConfigError, match="groups from 0 to 2; allowed: 0 to 1"):
        by_group(VENUE, QUANTITY, legs(), 2)
