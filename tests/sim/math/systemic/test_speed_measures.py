"""Times to shares of losses."""

import numpy as np
import pytest

from sim.math.systemic.speed import fall_speed, time_to, time_to_share

TIMES = np.array([0.0, 10.0, 20.0, 30.0, 40.0, 50.0])


def test_the_first_time_a_level_is_reached():
    values = np.array([0.0, 1.0, 0.5, 2.0, 2.0, 0.0])
    assert [time_to(TIMES, values, level) for level in (0.0, 0.5, 2.0)] == [0.0, 10.0, 30.0]
    assert np.isnan(time_to(TIMES, values, 2.1))


def test_shares_count_from_the_first_amount():
    amounts = np.array([0.0, 5.0, 0.0, 4.0, 1.0, 0.0])
    assert [time_to_share(TIMES, amounts, share) for share in (0.1, 0.5, 0.9, 1.0)] == [0.0, 0.0, 20.0, 30.0]
    assert np.isnan(time_to_share(TIMES, np.zeros(6), 0.5))


def test_the_largest_fall_starts_at_its_peak():
    wealth = np.array([100.0, 90.0, 120.0, 110.0, 60.0, 80.0])
    assert [fall_speed(TIMES, wealth, share) for share in (0.1, 0.5, 0.9)] == [10.0, 20.0, 20.0]


@pytest.mark.parametrize("wealth", [np.zeros(0), np.ones(6), np.arange(6.0)], ids=["empty", "flat", "rising"])
def test_wealth_that_never_falls_has_no_speed(wealth):
    assert np.isnan(fall_speed(TIMES[: wealth.size], wealth, 0.5))


def test_a_fall_twice_as_fast_takes_half_the_time():
    times = np.arange(101.0)
    slow, fast = 100.0 - times, np.maximum(100.0 - 2.0 * times, 0.0)
    assert fall_speed(times, slow, 0.5) == 2.0 * fall_speed(times, fast, 0.5) == 50.0
