"""Which part of a batch of seizures pays, and what buying back costs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.shared.batches import Cash, Offers, Sale, best_batch, cheapest, markets_of
from tests.agents.lending_fakes import BTC, ETH, USD, Curve, FakeWorld, Flat, Venue

UNIT, SCALE = 1e6, 1e8
PRICE = 2_000.0


@st.composite
def offers(draw):
    """Positions with bonuses around 5%, of all sizes, and transaction costs."""
    n = draw(st.integers(1, 8))
    floats = lambda low, high: np.array(draw(st.lists(st.floats(low, high), min_size=n, max_size=n)))  # noqa: E731
    debt = 10.0 ** floats(1.0, 7.0)
    seize = np.floor(debt * (1.0 + floats(-0.02, 0.1)) / PRICE * SCALE)
    return Offers(np.maximum(seize, 1.0), debt, np.full(n, draw(st.floats(0.0, 300.0))))


@given(offers=offers(), depth=st.floats(10.0, 1e6), ahead=st.floats(0.0, 1_000.0), rest=st.floats(0.0, 2_000.0))
def test_no_position_of_a_batch_loses_at_its_average_price(offers, depth, ahead, rest):
    sale = Sale(Curve(PRICE, depth), UNIT, int(ahead * SCALE))
    batch = best_batch(sale, offers, SCALE, rest)
    taken = batch.share > 0.0
    assert np.all(batch.surplus(offers)[taken] >= -1e-9 * offers.cost[taken])
    if taken.any():
        brought = sale.price((batch.share * offers.seize).sum())
        assert batch.price == pytest.approx(brought, rel=1e-7)
    partial = taken & (batch.share < 1.0)
    assert partial.sum() <= 1
    assert np.all((1.0 - batch.share[partial]) * offers.cost[partial] >= rest * (1.0 - 1e-9))


@given(offers=offers(), depth=st.floats(10.0, 1e6))
def test_no_longer_prefix_of_whole_positions_pays(offers, depth):
    sale = Sale(Curve(PRICE, depth), UNIT)
    whole = int((best_batch(sale, offers, SCALE, np.inf).share == 1.0).sum())
    need = (offers.cost + offers.fixed) / offers.seize
    order = np.argsort(need, kind="stable")
    total = np.cumsum(offers.seize[order])
    pays = [sale.price(total[k]) >= need[order[k]] for k in range(order.size)]
    assert whole == max((k + 1 for k, good in enumerate(pays) if good), default=0)


def test_a_deep_market_takes_everything():
    offers = Offers(np.array([1.05e8, 2.1e8]), np.array([2_000.0, 4_000.0]), np.full(2, 20.0))
    batch = best_batch(Sale(Flat(PRICE), UNIT), offers, SCALE, 0.0)
    assert batch.share.tolist() == [1.0, 1.0]
    np.testing.assert_allclose(batch.surplus(offers), [80.0, 180.0])


def test_a_position_too_big_for_the_market_is_taken_in_part():
    # 10,000 ETH at 1% below the mid price; a pool of x ETH pays x^2 / (x + q)^2 of the price for the last of q atoms,
    # so that q = x (sqrt(1.05) - 1) where the repayment costs 1 / 1.05 of it
    curve = Curve(PRICE, 20_000.0, fee=0.0)
    offers = Offers(np.array([1.05e12]), np.array([2e7]), np.array([50.0]))
    batch = best_batch(Sale(curve, UNIT), offers, SCALE, 1_000.0)
    assert batch.share[0] * 1.05e12 / SCALE == pytest.approx(20_000.0 * (np.sqrt(1.05) - 1.0), rel=1e-6)
    more, less = (
        part * (1.05e12 * Sale(curve, UNIT).price(part * 1.05e12) - 2e7)
        for part in batch.share[0] * np.array([1.1, 0.9])
    )
    assert batch.surplus(offers)[0] + 50.0 > max(more, less)


def test_what_is_sold_before_lowers_the_price():
    offers = Offers(np.array([1.05e10]), np.array([2e5]), np.zeros(1))
    curve = Curve(PRICE, 10_000.0, fee=0.0)
    first, second = (best_batch(Sale(curve, UNIT, ahead), offers, SCALE, 0.0) for ahead in (0, 10**11))
    assert first.share[0] == 1.0
    assert second.share[0] == 0.0


def test_the_cheapest_of_several_venues():
    world = FakeWorld(1)
    world.quotes |= {"dear": Venue({ETH: Flat(2_100.0)}), "cheap": Venue({ETH: Flat(1_900.0)}), "other": Venue({})}
    world.quotes["cheap"].venue = 9
    assert cheapest(world, ["dear", "cheap", "other"], ETH, 10**8)[0] == 9
    assert cheapest(world, ["dear"], BTC, 10**8) is None
    assert [venue for venue, _ in markets_of(world, ["market", "other"], BTC)] == [1]


def test_the_numeraire_is_its_own_market():
    ((_, market),) = markets_of(FakeWorld(1), [], USD)
    assert isinstance(market, Cash)
    assert market.sell(7) == market.buy(7) == market.cost(7) == 7
    assert market.sell_to(0.5) == market.buy_to(2.0) == 0
