from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.shared.cadence import phases
from agents.triggers.drift import Drift
from sim.units import SECONDS_PER_YEAR

WEIGHTS = st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3)


@given(current=WEIGHTS, target=WEIGHTS, band=st.floats(0.001, 1.0))
def test_fires_exactly_when_a_weight_is_outside_the_band(current, target, band):
    fired = Drift(band=band).fires(SimpleNamespace(current=np.array([current])), np.array([target]))
    assert fired.tolist() == [any(abs(c - t) > band for c, t in zip(current, target, strict=True))]


@given(st.lists(WEIGHTS, min_size=1, max_size=8), st.randoms())
def test_neither_rows_nor_assets_have_an_order(weights, random):
    current = np.array(weights)
    target = np.full_like(current, 0.4)
    fired = Drift().fires(SimpleNamespace(current=current), target)
    rows = random.sample(range(len(weights)), len(weights))
    assert np.array_equal(Drift().fires(SimpleNamespace(current=current[rows]), target), fired[rows])
    assert np.array_equal(Drift().fires(SimpleNamespace(current=current[:, ::-1]), target), fired)


@pytest.mark.parametrize(("every", "looks"), [(0.0, 60), (600.0, 6), (3_600.0, 1)])
def test_accounts_compare_as_often_as_they_are_told(every, looks):
    phase = phases(np.arange(100))
    views = [SimpleNamespace(tick=tick, dt_years=60.0 / SECONDS_PER_YEAR) for tick in range(60)]
    assert (np.sum([Drift(every=every).due(view, phase) for view in views], axis=0) == looks).all()
