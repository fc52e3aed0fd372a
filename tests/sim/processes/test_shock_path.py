"""Designed paths go through their knots."""

import numpy as np
import pytest

from sim.errors import ConfigError
from sim.processes.shock_path import ShockPath

HOUR = 3600.0
CRASH = [(6 * HOUR, 0.0), (9 * HOUR, -0.35), (12 * HOUR, -0.2)]


def test_the_path_joins_the_knots_by_straight_lines(make_paths):
    path = make_paths(ShockPath, 20, HOUR, paths=2, knots=CRASH)
    assert np.array_equal(path[:, 0], path[:, 1])
    assert np.array_equal(path[:7, 0], np.zeros(7))
    assert np.allclose(np.diff(path[6:10, 0]), -0.35 / 3)
    assert path[9, 0] == -0.35
    assert path[12, 0] == -0.2
    assert np.array_equal(path[12:, 0], np.full(9, -0.2))


def test_it_starts_at_zero_before_the_first_knot(make_paths):
    assert np.allclose(make_paths(ShockPath, 4, HOUR, knots=[(4 * HOUR, -0.4)])[:, 0], [0, -0.1, -0.2, -0.3, -0.4])
    assert np.allclose(make_paths(ShockPath, 4, HOUR, knots=[(0, 0.0), (4 * HOUR, 0.4)])[:, 0], [0, 0.1, 0.2, 0.3, 0.4])


def test_noise_leaves_the_expected_price_on_the_knots(make_paths, within):
    week = 7 * 86_400.0
    knots = [(seconds / HOUR * week, level) for seconds, level in CRASH]
    path = make_paths(ShockPath, 20, week, paths=20_000, knots=knots, volatility=0.8)
    for seconds, level in knots:
        assert within(np.exp(path[round(seconds / week)]), np.exp(level))
    assert path[6].std() == pytest.approx(0.8 * np.sqrt(42 / 365), rel=0.02)


@pytest.mark.parametrize(("volatility", "expected"), [(0.0, True), (0.1, False)])
def test_it_knows_whether_seeds_matter(volatility, expected):
    assert ShockPath(name="c", assets=["A"], knots=CRASH, volatility=volatility).deterministic is expected


@pytest.mark.parametrize(
    ("knots", "text"),
    [
        ([], r'knots is empty; name at least one, such as \["6h", -0.35\]'),
        ([(5, -0.1), (5, -0.2)], r"knots\[1\] is at 5 s, which must come after 5 s of knots\[0\]"),
        ([(0, -0.3)], r"knots\[0\] has log change -0\.3 at 0 s; .* 0 at the start"),
        ([(3, float("nan"))], r"knots\[0\] has log change nan at 3 s; it must be finite"),
    ],
)
def test_mistakes(knots, text):
    with pytest.raises(ConfigError, match=rf'process "crash" \(shock_path\): {text}'):
        ShockPath(name="crash", assets=["A"], knots=knots)


def test_a_shorter_run_sees_the_first_part(make_paths):
    assert np.array_equal(make_paths(ShockPath, 8, HOUR, knots=CRASH), make_paths(ShockPath, 20, HOUR, knots=CRASH)[:9])
