"""Points in the unit cube."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.design.samplers import draw, morris, rows_of, saltelli


@pytest.mark.parametrize("method", ["sobol", "halton", "latin_hypercube", "random", "saltelli", "morris"])
def test_a_design_repeats_for_its_seed_and_no_other(method):
    first, again, other = (draw(method, 3, 16, seed, 4) for seed in (5, 5, 6))
    assert first.shape == (rows_of(method, 3, 16), 3)
    assert (first == again).all() and (first != other).any()
    assert first.min() >= 0.0 and first.max() <= 1.0


@pytest.mark.parametrize("method", ["sobol", "latin_hypercube"])
def test_every_sixteenth_of_each_axis_gets_one_point_of_sixteen(method):
    strata = np.sort(np.floor(draw(method, 4, 16, 1, 4) * 16), axis=0)
    assert (strata == np.arange(16)[:, None]).all()


def test_saltelli_blocks_swap_one_column_each():
    block = saltelli(3, 8, 2).reshape(8, 5, 3)
    a, b = block[:, 0], block[:, -1]
    for axis in range(3):
        expected = a.copy()
        expected[:, axis] = b[:, axis]
        assert (block[:, axis + 1] == expected).all()
    assert (a != b).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 7), st.integers(1, 6), st.integers(0, 1000), st.sampled_from([2, 4, 6, 10]))
def test_morris_steps_move_each_axis_once_by_half_the_levels(axes, samples, seed, levels):
    steps = np.diff(morris(axes, samples, seed, levels).reshape(samples, axes + 1, axes), axis=1)
    moved = np.abs(steps) > 1e-12
    assert (moved.sum(axis=1) == 1).all() and (moved.sum(axis=2) == 1).all()
    assert np.allclose(np.abs(steps[moved]), levels / (2 * (levels - 1)))
