"""Activity on many time scales: its mean, its memory, and that it is nobody's in particular."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.shared.cycles import Cycles
from sim.rng import Streams


def path(cycles, ticks, dt=60.0, seed=1, rows=5, slot=100):
    """(ticks, components) states of one run."""
    draws, chances = Streams(seed).draws("crowd", np.arange(rows)), cycles.chances(dt)
    states, found = None, np.empty((ticks, cycles.components))
    for draws.tick in range(ticks):
        states = found[draws.tick] = cycles.redraw(states, chances, draws, slot)
    return found


def mean_and_error(values, stretches=40):
    """Mean of a series with memory, and its standard error from the means of long stretches."""
    means = values[: values.size // stretches * stretches].reshape(stretches, -1).mean(axis=1)
    return means.mean(), means.std(ddof=1) / np.sqrt(stretches)


FAST = Cycles(components=4, spread=0.4, slowest=1_200.0, fastest=60.0)


def test_the_level_is_one_on_average_whatever_the_time_scales():
    level = path(FAST, 20_000).prod(axis=1)
    mean, error = mean_and_error(level)
    assert mean == pytest.approx(1.0, abs=4.0 * error)
    assert error < 0.03


def test_the_level_has_the_variance_of_a_product():
    # E M^2 = 1 + spread^2 for each component, so that of the level is its power.
    mean, error = mean_and_error(path(FAST, 20_000).prod(axis=1) ** 2)
    assert mean == pytest.approx(1.16**4, abs=4.0 * error)
    assert error < 0.1


def test_the_log_level_remembers_by_the_sum_of_the_components_exponentials():
    logs = np.log(path(FAST, 20_000)).sum(axis=1)
    centred = logs - 4 * 0.5 * np.log(1.0 - 0.4**2)
    lives, step = np.array([1200.0, 442.1, 162.9, 60.0]), 0.5 * np.log(1.4 / 0.6)
    for lag in (0, 1, 5, 20, 60):
        expected = step**2 * np.exp(-lag * 60.0 / lives).sum()
        found, error = mean_and_error(centred[lag:] * centred[: centred.size - lag])
        assert found == pytest.approx(expected, abs=4.0 * error)
        assert error < 0.04


@given(
    components=st.integers(2, 20), fastest=st.floats(1.0, 1e4), ratio=st.floats(1.01, 1e4), dt=st.floats(0.1, 86_400.0)
)
def test_chances_rise_from_the_slowest_to_the_fastest_as_the_paper_has_it(components, fastest, ratio, dt):
    slowest = fastest * ratio
    chances = Cycles(components=components, slowest=slowest, fastest=fastest).chances(dt)
    assert np.all(np.diff(chances) >= 0.0)
    assert chances[0] == pytest.approx(1.0 - np.exp(-dt / slowest), rel=1e-9, abs=1e-15)
    apart = ratio ** (1.0 / (components - 1))
    assert chances == pytest.approx(1.0 - (1.0 - chances[0]) ** (apart ** np.arange(components)), rel=1e-6, abs=1e-12)


def test_every_component_keeps_its_state_as_long_as_it_lives():
    states = path(FAST, 20_000)
    # Half of the fresh states are the old ones.
    changed = (np.diff(states, axis=0) != 0.0).mean(axis=0)
    expected = 0.5 * FAST.chances(60.0)
    assert changed == pytest.approx(expected, abs=4.0 * np.sqrt(expected.max() / 20_000))
    assert set(states.ravel()) == {1.4, 0.6}


def test_components_do_not_move_together():
    correlations = np.corrcoef(path(FAST, 20_000)[:, 1:].T)
    assert np.abs(correlations[np.triu_indices(3, 1)]).max() < 0.12


def test_the_path_depends_neither_on_rows_nor_on_their_number():
    one, many = path(FAST, 50, rows=1), path(FAST, 50, rows=1_000)
    assert np.array_equal(one, many)
    assert not np.array_equal(one, path(FAST, 50, seed=2))
    assert not np.array_equal(one, path(FAST, 50, slot=200))


@pytest.mark.parametrize(("slowest", "fastest"), [(60.0, 60.0), (60.0, 61.0), (60.0, 0.0)])
def test_lives_that_make_no_sense_are_named(slowest, fastest):
    [(field, words)] = Cycles(slowest=slowest, fastest=fastest).check()
    assert field == "fastest"
    assert words == f"found {fastest:g} s; give a time above 0 and below slowest, 60 s"
    assert Cycles(slowest=60.0, fastest=59.0).check() == []
