from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.shared.cadence import GROUPS, on_turn, phases, ticks_in
from sim.units import SECONDS_PER_YEAR


@given(count=st.integers(0, 3_000), period=st.integers(1, 2_000), start=st.integers(0, 10**6))
def test_everybody_has_exactly_one_turn_in_any_period(count, period, start):
    phase = phases(np.arange(count))
    turns = sum(on_turn(start + tick, phase, period).astype(int) for tick in range(min(period, 50)))
    assert np.all(turns <= 1)
    if period <= 50:
        assert np.all(turns == 1)


@pytest.mark.parametrize("period", [2, 7, 60, 144, 1_440])
def test_turns_come_in_equal_groups_evenly_spread(period):
    phase = phases(np.arange(10_000))
    sizes = np.array([on_turn(tick, phase, period).sum() for tick in range(period)])
    turns = np.flatnonzero(sizes)
    groups = min(period, GROUPS)
    assert (sizes.sum(), turns.size) == (10_000, groups)
    assert np.abs(sizes[turns] - 10_000 / groups).max() <= 3
    assert np.abs(np.diff([*turns, period]) - period / groups).max() <= 1.0


def test_the_turn_is_a_matter_of_the_label_alone():
    order = np.random.default_rng(0).permutation(100)
    assert np.array_equal(on_turn(5, phases(order), 9), on_turn(5, phases(np.arange(100)), 9)[order])


@pytest.mark.parametrize(("seconds", "ticks"), [(0.0, 1), (29.0, 1), (60.0, 1), (100.0, 2), (86_400.0, 1_440)])
def test_durations_become_whole_ticks_and_never_none(seconds, ticks):
    assert ticks_in(SimpleNamespace(dt_years=60.0 / SECONDS_PER_YEAR), seconds) == ticks
