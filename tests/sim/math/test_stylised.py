"""What the verdicts are made of; laws that pass and fail them are in tests/validation/test_fat_tails.py."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.math.memory import Decay, autocorrelation, robust_band
from sim.math.stylised import StylisedFacts, stylised_facts
from sim.math.tails import excess_kurtosis, hill, kurtosis_slope

GOOD = StylisedFacts(
    ticks=5000, tail_index=3.0, kurtosis=9.0, skewness=-0.2, worst=-0.2, linear=0.01, band=0.04, robust_band=0.06,
    clustering=np.full(100, 0.1), memory=Decay(-0.3, 0.05, 0.2), kurtosis_slope=-0.5,
)  # fmt: skip


def test_a_series_with_every_fact_passes():
    assert set(GOOD.passes().values()) == {True}


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ({"tail_index": 1.99}, "fat_tails"),
        ({"tail_index": 4.51}, "fat_tails"),
        ({"linear": -0.041}, "no_linear_memory"),
        ({"clustering": np.append(np.full(99, 0.1), -0.001)}, "clustering"),
        ({"memory": Decay(-0.41, 0.05, 0.2)}, "power_law"),
        ({"memory": Decay(-0.19, 0.05, 0.2)}, "power_law"),
        ({"memory": Decay(-0.3, 0.05, 0.02)}, "power_law"),
        ({"memory": Decay(float("nan"), float("nan"), float("nan"))}, "power_law"),
        ({"kurtosis": -0.1}, "aggregation"),
        ({"kurtosis_slope": 0.01}, "aggregation"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_each_verdict_hangs_on_its_figure(change, fact):
    verdicts = GOOD._replace(**change).passes()
    assert [name for name, passed in verdicts.items() if not passed] == [fact]


@given(seed=st.integers(0, 1000), beyond=st.integers(1, 20), share=st.floats(0.01, 0.2))
def test_figures_are_those_of_their_estimators(seed, beyond, share):
    returns = 0.01 * np.random.default_rng(seed).standard_t(4, 600)
    found = stylised_facts(returns, beyond=beyond, lags=30, share=share)
    assert found.tail_index == hill(returns, share)
    assert found.kurtosis == excess_kurtosis(returns)
    assert found.kurtosis_slope == kurtosis_slope(returns)
    assert found.linear == autocorrelation(returns, beyond)[0]
    assert np.array_equal(found.clustering, autocorrelation(np.abs(returns), np.arange(1, 31)))
    assert (found.ticks, found.worst, found.band) == (600, pytest.approx(returns.min()), 3.0 / np.sqrt(600))


def test_the_robust_band_is_the_plain_one_for_independent_returns_and_wider_where_variance_clusters():
    rng = np.random.default_rng(1)
    even = rng.standard_normal(100_000)
    bursts = even * np.repeat(rng.choice([0.1, 3.0], 1000), 100)
    assert robust_band(even, 1) == pytest.approx(3.0 / np.sqrt(even.size), rel=0.02)
    assert robust_band(bursts, 1) > 1.3 * 3.0 / np.sqrt(even.size)
    assert np.isnan([robust_band(even[:5], 5), robust_band(np.zeros(9), 1)]).all()
