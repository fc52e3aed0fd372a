"""Designed paths go through their knots."""

import numpy as np
import pytest

from sim.errors import ConfigError
from sim.processes.shock_path import ShockPath

HOUR = 3600.0
CRASH = [(6, 0.0), (9, -0.35), (12, -0.2)]


def test_the_path_joins_the_knots_by_straight_lines(make_paths):
    path = make_paths(ShockPath, 20, HOUR, paths=2, knots=CRASH)
    assert np.array_equal(path[:, 0], path[:, 1])
    assert np.array_equal(path[:7, 0], np.zeros(7))
    assert np.allclose(np.diff(path[6:10, 0]), -0.35 / 3)
    assert path[9, 0] == -0.35
    assert path[12, 0] == -0.2
    assert np.array_equal(path[12:, 0], np.full(9, -0.2))


def test_it_starts_at_zero_before_the_first_knot(make_paths):
    assert np.allclose(make_paths(ShockPath, 4, HOUR, knots=[(4, -0.4)])[:, 0], [0, -0.1, -0.2, -0.3, -0.4])
    assert np.allclose(make_paths(ShockPath, 4, HOUR, knots=[(0, 0.0), (4, 0.4)])[:, 0], [0, 0.1, 0.2, 0.3, 0.4])


def test_noise_leaves_the_expected_price_on_the_knots(make_paths, within):
    path = make_paths(ShockPath, 20, 7 * 86_400.0, paths=20_000, knots=CRASH, volatility=0.8)
    for tick, level in CRASH:
        assert within(np.exp(path[tick]), np.exp(level))
    assert path[6].std() == pytest.approx(0.8 * np.sqrt(42 / 365), rel=0.02)


@pytest.mark.parametrize(("volatility", "expected"), [(0.0, True), (0.1, False)])
def test_it_knows_whether_seeds_matter(volatility, expected):
    assert ShockPath(name="c", assets=["A"], knots=CRASH, volatility=volatility).deterministic is expected


@pytest.mark.parametrize(
    ("knots", "text"),
    [
        ([], r'knots is empty; name at least one, such as \["6h", -0.35\]'),
        ([(5, -0.1), (5, -0.2)], r"knots\[1\] is at tick 5, which must come after tick 5 of knots\[0\]"),
        ([(-1, 0.0)], r"knots\[0\] is at tick -1, which must come after the start of the run"),
        ([(0, -0.3)], r"knots\[0\] has log change -0\.3 at tick 0; .* 0 at the start"),
        ([(3, float("nan"))], r"knots\[0\] has log change nan at tick 3; it must be finite"),
    ],
)
def test_mistakes(knots, text):
    with pytest.raises(ConfigError, match=rf'process "crash" \(shock_path\): {text}'):
        ShockPath(name="crash", assets=["A"], knots=knots)


def test_a_knot_after_the_run_is_refused(make_paths):
    with pytest.raises(ConfigError, match=r"knots\[2\] is at tick 12, after the last tick 10 of the run; move it"):
        make_paths(ShockPath, 10, HOUR, knots=CRASH)
