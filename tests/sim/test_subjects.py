"""The last event that befell each account, against a plain search of the whole log."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sim.events import EventLog, Kind
from sim.subjects import LastBySubject
from tests.worlds import DEPTH, STILL, make_world, people

KINDS = (Kind.LIQUIDATION, Kind.DELEVERAGE, Kind.SWAP)


@given(st.lists(st.lists(st.tuples(st.sampled_from(KINDS), st.integers(-1, 9)), max_size=8), max_size=6))
def test_it_finds_what_a_search_of_the_log_finds_however_often_it_is_asked(batches):
    log, last = EventLog(), LastBySubject(3, 7)
    for batch in batches:
        for kind, subject in batch:
            log.add(kind, subject=subject)
        for kind in KINDS:
            ids = log.where(kind)
            subjects = log.column("subject")[ids]
            expected = [int(ids[subjects == account].max(initial=0)) for account in range(3, 7)]
            assert last.of(log, kind).tolist() == expected


def test_a_view_shows_its_own_accounts_and_cannot_be_written():
    world = make_world(STILL, DEPTH, people("a", 2, USD=1.0), people("b", 3, USD=1.0))
    second = world.population("b").lo
    event = world.events.add(Kind.DELEVERAGE, subject=second + 1)
    views = {actor.population.name: actor.view for actor in world.actors}
    assert views["a"].last_event(Kind.DELEVERAGE).tolist() == [0, 0]
    found = views["b"].last_event(Kind.DELEVERAGE)
    assert found.tolist() == [0, event, 0]
    assert not found.flags.writeable
    assert np.array_equal(views["b"].last_event(Kind.LIQUIDATION), [0, 0, 0])
