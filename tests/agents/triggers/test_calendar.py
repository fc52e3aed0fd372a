from types import SimpleNamespace

import numpy as np
import pytest

from agents.shared.cadence import phases
from agents.triggers.calendar import Calendar
from sim.units import SECONDS_PER_YEAR

DAY = 86_400.0


def turns(trigger, count, ticks, dt):
    phase = phases(np.arange(count))
    views = (SimpleNamespace(tick=tick, dt_years=dt / SECONDS_PER_YEAR) for tick in range(ticks))
    return np.array([trigger.due(view, phase) for view in views])


def test_every_account_has_one_turn_a_period_always_at_the_same_time():
    found = turns(Calendar(every=DAY), 5_000, 3 * 1_440, 60.0)
    assert (found.reshape(3, 1_440, 5_000).sum(axis=1) == 1).all()
    assert (np.diff(np.argmax(found.reshape(3, 1_440, 5_000), axis=1), axis=0) == 0).all()


def test_together_is_all_at_once():
    found = turns(Calendar(every=3_600.0, together=True), 10, 120, 60.0)
    assert np.flatnonzero(found.all(axis=1)).tolist() == [0, 60]
    assert found.sum() == 20


@pytest.mark.parametrize("every", [0.0, 30.0, 60.0])
def test_a_period_within_a_tick_is_every_tick(every):
    assert turns(Calendar(every=every), 7, 5, 60.0).all()
