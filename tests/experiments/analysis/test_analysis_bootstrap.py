import numpy as np
import pytest

from experiments.analysis import bootstrap


@pytest.mark.parametrize("count", [2, 3, 4, 5, 20])
def test_intervals_of_a_mean_cover_as_often_as_they_say(count):
    draws = np.random.default_rng(count).standard_normal((300, count))
    found = [bootstrap.mean(row, 0.9) for row in draws]
    covered = np.mean([interval.low <= 0.0 <= interval.high for interval in found])
    assert covered == pytest.approx(0.9, abs=3 * np.sqrt(0.09 / 300) + 0.02)


@pytest.mark.parametrize("count", [2, 4, 5])
def test_an_interval_of_equal_values_has_no_width(count):
    interval = bootstrap.mean(np.full(count, 0.25))
    assert (interval.low, interval.value, interval.high) == (0.25, 0.25, 0.25)


def test_one_value_that_differs_leaves_room_on_both_sides():
    found = bootstrap.mean([0.0] * 19 + [1.0])
    assert found.low < 0.0 and found.high == pytest.approx(0.05 + 2.093 * 0.05, rel=1e-3)
