from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.shared.crossing import find_opportunity

FEE = st.sampled_from([0.0, 0.0005, 0.003, 0.01])


def profit(pool, reference, buys, size):
    """Numeraire atoms earned by moving `size` asset atoms between the markets."""
    if buys:
        return reference.sell(size) - pool.cost(size)
    return pool.sell(size) - reference.cost(size)


@given(gap=st.floats(-0.2, 0.2), fee=FEE, hub_fee=FEE, deeper=st.sampled_from([0.2, 1.0, 30.0]))
def test_no_other_size_earns_more(pool, gap, fee, hub_fee, deeper):
    near = pool(2000.0 * np.exp(gap), 1.0, fee, 10**12)
    hub = pool(2000.0, 1.0, hub_fee, round(10**12 * deeper))
    found = find_opportunity(near, hub, hub.price)
    kept = (1.0 - fee) * (1.0 - hub_fee)
    ratio = near.price / hub.price
    if kept <= ratio <= 1.0 / kept:
        assert found is None
    elif found is not None:
        assert found.buys == (ratio < 1.0)
        best = profit(near, hub, found.buys, found.size)
        assert found.profit == pytest.approx(best, abs=10_000)
        for factor in (0.5, 0.9, 0.99, 1.01, 1.1, 2.0):
            other = profit(near, hub, found.buys, int(found.size * factor))
            assert other <= best + 1e-6 * found.outlay + 10_000


def test_a_reference_without_impact_is_traded_to_the_edge_at_once(pool):
    hub = SimpleNamespace(
        price=2100.0, fee=0.001, sell=lambda amount: int(amount * 2100.0 * 0.999), sell_to=lambda price: 0
    )
    near = pool(2000.0, 1.0, 0.003, 10**12)
    found = find_opportunity(near, hub, 2100.0)
    near.trade(found.pool, selling=False)
    assert near.price == pytest.approx(2100.0 * 0.999 * 0.997, rel=1e-7)
    assert found.limit == pytest.approx(2100.0 * 0.999)


def test_a_wrong_belief_shifts_the_whole_reference(pool):
    near, hub = (pool(2000.0, 1.0, 0.0, 10**12) for _ in range(2))
    assert find_opportunity(near, hub, 2000.0) is None
    assert find_opportunity(near, hub, 2200.0).buys
    assert not find_opportunity(near, hub, 1800.0).buys
