"""The largest part of a size that fits, against thresholds that are known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.math.search import largest_fitting


@given(st.floats(1e-6, 1e9), st.floats(0.0, 2.0))
def test_it_finds_the_threshold_or_takes_all(size, share):
    most = share * size
    found = largest_fitting(size, lambda part: part <= most)
    assert found <= most or found == size <= most
    assert found == pytest.approx(min(size, most), abs=size * 2.0**-39)


@pytest.mark.parametrize("size", [0.0, -3.0])
def test_nothing_of_nothing(size):
    assert largest_fitting(size, lambda part: True) == 0.0
