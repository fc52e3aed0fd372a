"""Sizes of accounts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from agents.shared.sizes import Sizes


def rng(seed=8):
    return np.random.default_rng(seed)


@given(total=st.floats(1.0, 1e10), n=st.integers(1, 50), law=st.sampled_from(["lognormal", "pareto"]))
def test_total_is_met(total, n, law):
    assert Sizes(total=total, law=law).draw(n, rng()).sum() == pytest.approx(total, rel=1e-12)


def test_lognormal_has_the_median_and_spread_asked_for():
    logs = np.log(Sizes(median=5_000.0, spread=1.7).draw(20_000, rng()) / 5_000.0)
    assert kstest(logs / 1.7, "norm").pvalue > 0.01


def test_lognormal_has_the_mean_asked_for():
    assert Sizes(mean=100.0, spread=0.5).draw(200_000, rng()).mean() == pytest.approx(100.0, rel=0.01)


@pytest.mark.parametrize(("scale", "least"), [({"median": 100.0}, 100.0 / 2 ** (1 / 3)), ({"mean": 150.0}, 100.0)])
def test_pareto_has_the_tail_and_scale_asked_for(scale, least):
    sizes = Sizes(law="pareto", tail=3.0, **scale).draw(20_000, rng())
    assert sizes.min() >= least
    assert kstest(sizes, lambda x: 1.0 - (least / x) ** 3).pvalue > 0.01


def test_no_spread_makes_all_equal():
    assert np.all(Sizes(median=7.0, spread=0.0).draw(5, rng()) == 7.0)


def test_exactly_one_scale():
    assert Sizes(mean=1.0).check() == []
    assert Sizes().check() == [("total", "found no scale; give one of total, mean, median")]
    assert Sizes(mean=1.0, median=1.0).check() == [("median", "found mean and median; give one of total, mean, median")]


def test_nobody():
    assert Sizes(total=5.0).draw(0, rng()).size == 0
