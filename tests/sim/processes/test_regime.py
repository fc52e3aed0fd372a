"""The regime chain: shares, stays, volatility in each state."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import ConfigError
from sim.processes.regime import Regime

HOUR, DAY = 3600.0, 86_400.0
RING = [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
STAR = [[0.0, 0.5, 0.5], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]


def chain(make_grid, ticks, seconds, seed=2, **settings):
    return Regime(name="r", assets=["A"], **settings).states(make_grid(ticks, seconds), np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("switches", "visits"),
    [(None, [1, 1, 1]), (RING, [1, 1, 1]), (STAR, [2, 1, 1])],
)
def test_shares_are_visits_times_stay(make_grid, switches, visits):
    durations = [20 * HOUR, 10 * HOUR, 5 * HOUR]
    settings = {"volatilities": [0.2, 0.6, 1.2], "durations": durations, "switches": switches}
    expected = np.array(visits) * durations / np.dot(visits, durations)
    assert np.allclose(Regime(name="r", assets=["A"], **settings).shares(), expected, atol=1e-12)
    states = chain(make_grid, 300_000, HOUR, **settings)
    assert np.bincount(states, minlength=3) / states.size == pytest.approx(expected, abs=0.02)


def test_stays_have_the_expected_length(make_grid):
    states = chain(make_grid, 300_000, HOUR, volatilities=[0.3, 1.0], durations=[40 * HOUR, 8 * HOUR])
    edges = np.flatnonzero(np.diff(states)) + 1
    lengths, first = np.diff(edges), states[edges[:-1]]
    assert lengths[first == 0].mean() == pytest.approx(40.0, rel=0.06)
    assert lengths[first == 1].mean() == pytest.approx(8.0, rel=0.06)


def test_the_order_of_visits_follows_switches(make_grid):
    states = chain(make_grid, 5000, HOUR, volatilities=[1, 2, 3], durations=[9 * HOUR] * 3, switches=RING)
    moved = np.flatnonzero(np.diff(states))
    assert moved.size > 100
    assert np.array_equal(states[moved + 1], (states[moved] + 1) % 3)


def test_a_state_nobody_enters_is_never_visited(make_grid):
    settings = {
        "volatilities": [0.5, 0.5, 9.0],
        "durations": [HOUR * 5] * 3,
        "switches": [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.5, 0.5, 0.0]],
    }
    assert np.allclose(Regime(name="r", assets=["A"], **settings).shares(), [0.5, 0.5, 0.0])
    assert all(2 not in chain(make_grid, 500, HOUR, seed=seed, **settings) for seed in range(20))


def test_runs_start_in_the_stationary_distribution(make_grid):
    settings = {"volatilities": [0.3, 1.0], "durations": [3 * DAY, DAY]}
    starts = [chain(make_grid, 1, HOUR, seed=seed, **settings)[0] for seed in range(2000)]
    assert abs(np.mean(starts) - 0.25) < 4.0 * np.sqrt(0.25 * 0.75 / 2000)


def test_each_state_has_its_volatility_and_drift(make_grid):
    process = Regime(name="r", assets=["A", "B"], volatilities=[0.2, 1.5], drifts=[2.0, -8.0])
    normals = np.random.default_rng(5).standard_normal((100_000, 2))
    grid = make_grid(100_000, HOUR, 2)
    returns = np.diff(process.log_path(grid, np.random.default_rng(6), normals), axis=0)
    states = process.states(grid, np.random.default_rng(6))
    for state, (volatility, drift) in enumerate(((0.2, 2.0), (1.5, -8.0))):
        part, noise = returns[states == state], normals[states == state]
        assert part.std(axis=0) * np.sqrt(8760) == pytest.approx([volatility] * 2, rel=0.02)
        growth = part - volatility * np.sqrt(1 / 8760) * noise
        assert np.allclose(growth * 8760, drift - volatility**2 / 2, atol=1e-6)


def test_defaults_have_fat_tails(make_paths, hill, excess_kurtosis):
    returns = np.diff(make_paths(Regime, 50_000, DAY)[:, 0])
    assert excess_kurtosis(returns) > 1.5
    assert hill(returns, 0.05) < 5.0


@given(seed=st.integers(0, 500), size=st.integers(2, 5))
def test_shares_balance_the_flows(seed, size):
    rng = np.random.default_rng(seed)
    jumps = rng.random((size, size)) * (1.0 - np.eye(size))
    jumps /= jumps.sum(axis=1, keepdims=True)
    durations = rng.uniform(1.0, 9.0, size) * DAY
    process = Regime(
        name="r", assets=["A"], volatilities=[1.0] * size, durations=list(durations), switches=jumps.tolist()
    )
    leaving = process.shares() / durations
    assert np.allclose(leaving @ jumps, leaving, rtol=1e-9)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"volatilities": [0.5], "durations": [DAY]}, r'volatilities has 1 state\(s\), at least 2 .* try kind = "gbm"'),
        ({"durations": [DAY]}, "durations has 1 entries for 2 states"),
        ({"drifts": [0.0, 0.0, 0.1]}, "drifts has 3 entries for 2 states"),
        ({"switches": [[0.0, 1.0]]}, "switches has 1 entries for 2 states"),
        ({"switches": [[0.5, 0.5], [1.0, 0.0]]}, r"switches\[0\] is \[0\.5, 0\.5\]; .* with 0 at position 0"),
        ({"switches": [[0.0, 1.0], [0.7, 0.0]]}, r"switches\[1\] is .* shares that sum to 1"),
    ],
)
def test_mistakes(settings, text):
    with pytest.raises(ConfigError, match=rf'process "storm" \(regime\): {text}'):
        Regime(name="storm", assets=["A"], **settings)


def test_a_stay_shorter_than_a_tick_is_refused(make_grid):
    with pytest.raises(ConfigError, match=r"durations\[1\] is 1800 s, shorter than one tick of 3600 s; lengthen it"):
        chain(make_grid, 10, HOUR, durations=[DAY, 1800.0])
