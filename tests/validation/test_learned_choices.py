"""Do learned strikes and learned rebalancing frequencies beat every fixed one, out of sample? Here they do not.

Episodes are paths of the project's Heston process: a month to look at, then a week in which a call is sold at the
volatility of that month. Results are in shares of the spot, less a price for their square. The answer is a finding, not
a promise: the tests hold it so that a change of it is noticed.
"""

from datetime import UTC, datetime

import numpy as np
import pytest
from scipy.stats import norm

from sim.math.forecast.choice import fit_choice, judge
from sim.processes.base import PathGrid
from sim.processes.heston import Heston
from sim.units import SECONDS_PER_YEAR

MONTH, WEEK, DAY = 720, 168, 24
YEAR = 8_760.0
PATHS = 1_200
EVERY = (1, 4, 12, 24, 84)
"""Hours between two hedges."""
DELTAS = (0.1, 0.2, 0.3, 0.4, 0.5)
"""Of the call that is sold without a hedge against coins."""
COST, AVERSION = 0.001, 20.0


@pytest.fixture(scope="module")
def episodes():
    """(n, 2) features, (n,) volatility of the month before, and (WEEK + 1, n) prices of the week after it, from 1."""
    hour = SECONDS_PER_YEAR / YEAR
    grid = PathGrid(MONTH + WEEK, 1.0 / YEAR, datetime(2024, 1, 1, tzinfo=UTC), hour, np.full(PATHS, 1.0))
    process = Heston(name="p", assets=[f"A{i}" for i in range(PATHS)], kappa=6.0, theta=0.5, xi=2.4, v0=0.5)
    normals = np.random.default_rng(5).standard_normal((grid.ticks, PATHS))
    log = process.log_path(grid, np.random.default_rng(6), normals)
    squares = np.diff(log[: MONTH + 1], axis=0) ** 2
    month, day = (np.sqrt(squares[-hours:].mean(axis=0) * YEAR) for hours in (MONTH, 2 * DAY))
    return np.column_stack([np.log(month), np.log(day / month)]), month, np.exp(log[MONTH:] - log[MONTH])


def call(spot, strike, hours, volatility):
    """Value and delta of a call."""
    width = volatility * np.sqrt(np.maximum(hours, 1e-9) / YEAR)
    d1 = np.log(spot / strike) / width + 0.5 * width
    return spot * norm.cdf(d1) - strike * norm.cdf(d1 - width), norm.cdf(d1)


def utility(gain):
    return gain - 0.5 * AVERSION * gain**2


def hedged(prices, volatility, every):
    """A call at the money sold at a volatility and hedged every so many hours at a cost."""
    premium, _ = call(1.0, 1.0, WEEK, volatility)
    gain, held = premium - np.maximum(prices[-1] - 1.0, 0.0), np.zeros_like(volatility)
    for hour in range(0, WEEK, every):
        _, delta = call(prices[hour], 1.0, WEEK - hour, volatility)
        gain += delta * (prices[min(hour + every, WEEK)] - prices[hour]) - COST * np.abs(delta - held) * prices[hour]
        held = delta
    return utility(gain - COST * held * prices[-1])


def covered(prices, volatility, delta):
    """A coin against which a call of a delta is sold."""
    width = volatility * np.sqrt(WEEK / YEAR)
    strike = np.exp(0.5 * width**2 - norm.ppf(delta) * width)
    premium, _ = call(1.0, strike, WEEK, volatility)
    return utility(prices[-1] - 1.0 + premium - np.maximum(prices[-1] - strike, 0.0))


def verdict(episodes, results):
    """Fitted to the first half, judged on the second."""
    features, half = episodes[0], PATHS // 2
    policy = fit_choice(features[:half], results[:half], ridge=10.0)
    return policy, judge(policy, features[half:], results[half:])


def told(name, choices, found):
    words = "beats every fixed choice" if found.beats else "does not beat the best fixed choice"
    return f"{name}: learned {words}: gain over {choices[found.best]}: {found.gain:.3g} (t = {found.t:.2f})"


@pytest.mark.slow
def test_a_learned_rebalancing_frequency_does_not_beat_the_best_fixed_one(episodes):
    _, volatility, prices = episodes
    results = np.column_stack([hedged(prices, volatility, every) for every in EVERY])
    policy, found = verdict(episodes, results)
    print(told("hours between hedges", EVERY, found))  # noqa: T201
    assert len(set(policy.choose(episodes[0]).tolist())) > 1
    assert found.best not in (0, len(EVERY) - 1)  # too often costs, too rarely is risky
    assert not found.beats
    assert abs(found.gain) < np.ptp(found.fixed)


@pytest.mark.slow
def test_learned_strikes_do_not_beat_the_best_fixed_one(episodes):
    _, volatility, prices = episodes
    results = np.column_stack([covered(prices, volatility, delta) for delta in DELTAS])
    _, found = verdict(episodes, results)
    print(told("delta of the call", DELTAS, found))  # noqa: T201
    assert not found.beats
    assert abs(found.gain) < np.ptp(found.fixed)
