"""Attribution: what is credited adds up, tick by tick, in the dense table and in the long one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.flows import OUTSIDE, Flows, Motive

credits_ = st.lists(
    st.tuples(st.integers(0, 2), st.integers(-1, 3), st.sampled_from(list(Motive)), st.floats(-1, 1, allow_nan=False)),
    max_size=40,
)


@given(st.lists(credits_, max_size=6))
def test_the_long_table_holds_what_was_credited(ticks):
    flows = Flows(markets=3, populations=4)
    expected = {}
    for tick, batch in enumerate(ticks):
        for market, population, motive, dlog in batch:
            flows.credit(market, population, motive, dlog)
            cell = tick, market, population, int(motive)
            expected[cell] = expected.get(cell, 0.0) + dlog
        total = [sum(value for cell, value in expected.items() if cell[:2] == (tick, market)) for market in range(3)]
        assert [flows.total(market) for market in range(3)] == pytest.approx(total, abs=1e-12)
        flows.flush(tick)
        assert not flows.now.any()
    table = flows.table()
    cells = zip(*(table[name].tolist() for name in ("tick", "market", "population", "motive")), strict=True)
    found = dict(zip(cells, table["dlog"].tolist(), strict=True))
    assert found == {cell: value for cell, value in expected.items() if value != 0.0}


def test_rows_of_orders_are_credited_like_single_ones():
    one, many = Flows(2, 3), Flows(2, 3)
    population, motive = np.array([0, 2, 0]), np.array([Motive.NOISE, Motive.RUN, Motive.NOISE])
    dlog, events = np.array([0.25, -0.5, 0.125]), np.array([11, 12, 13])
    many.credit_rows(1, population, motive, dlog, events)
    for row in range(3):
        one.credit(1, int(population[row]), int(motive[row]), float(dlog[row]), int(events[row]))
    assert np.array_equal(one.now, many.now)
    assert one.lead_event.tolist() == many.lead_event.tolist() == [0, 12]


def test_the_lead_is_the_largest_single_part_of_the_tick():
    flows = Flows(1, 1)
    flows.credit(0, 0, Motive.NOISE, 0.1, event=5)
    flows.credit(0, OUTSIDE, Motive.FUNDAMENTAL, -0.3)
    assert flows.lead_event[0] == 0  # nobody's event
    flows.credit(0, 0, Motive.RUN, 0.4, event=7)
    assert flows.lead_event[0] == 7
    flows.flush(0)
    flows.credit(0, 0, Motive.NOISE, 0.01, event=9)
    assert flows.lead_event[0] == 9  # a new tick forgets


def test_nothing_credited_is_an_empty_table():
    flows = Flows(1, 1)
    flows.flush(0)
    flows.credit_rows(0, *(np.empty(0, dtype=kind) for kind in (int, int, float, int)))
    flows.flush(1)
    assert {name: column.size for name, column in flows.table().items()} == dict.fromkeys(
        ("tick", "market", "population", "motive", "dlog"), 0
    )
