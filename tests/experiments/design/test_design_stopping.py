"""When a mean is known well enough."""

import math

import numpy as np
import pytest

from experiments.config.sweep_section import Stop
from experiments.design import enough, half_width


def test_the_half_width_is_students():
    # t(0.975, 9) = 2.262157; the standard deviation of 0..9 is 3.02765.
    assert half_width(np.arange(10.0), 0.95) == pytest.approx(2.262157 * 3.027650 / math.sqrt(10), rel=1e-6)
    assert half_width([1.0], 0.95) == math.inf
    assert half_width([1.0, math.nan, 3.0], 0.9) == half_width([1.0, 3.0], 0.9)


def test_the_interval_covers_the_mean_as_often_as_it_says():
    draws = np.random.default_rng(1).normal(5.0, 2.0, (2000, 12))
    covered = [abs(row.mean() - 5.0) <= half_width(row, 0.9) for row in draws]
    assert abs(np.mean(covered) - 0.9) < 0.02


def test_stopping_needs_the_least_and_ends_at_the_most():
    stop = Stop(outcome="x", half_width=0.5, level=0.95, least=5, most=8)
    assert not enough([1.0] * 4, stop) and enough([1.0] * 5, stop)
    assert not enough([0.0, 9.0] * 3, stop) and enough([0.0, 9.0] * 4, stop)


def test_failed_runs_count_towards_the_most_but_not_towards_the_interval():
    stop = Stop(outcome="x", half_width=0.5, least=2, most=4)
    assert not enough([math.nan, 1.0], stop)
    assert enough([math.nan] * 4, stop)
