"""What traders and market makers read off an order book, and that orders then get what was quoted."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import SpilloverError
from sim.intents import Act
from sim.phases import look
from tests.worlds import STILL, do, holding, make_world, people

ETH, USD = 10**8, 10**6
VENUE = """
[[protocols]]
name = "book"
kind = "order_book"
taker_fee = 0.001
maker_fee = 0.0
[[protocols.books]]
asset = "ETH"
tick_size = 0.1
lot_size = 0.001
"""
CROWD = people("makers", 2, USD=1e6, ETH=500.0), people("takers", 1, USD=1e6, ETH=500.0)


def filled(bids, asks):
    """A world whose book holds these (price, lots), and its quote."""
    world = make_world(STILL, VENUE, *CROWD)
    for act, orders in ((Act.LIMIT_BUY, bids), (Act.LIMIT_SELL, asks)):
        for price, lots in orders:
            assert do(world, "makers", act, "book", "ETH", lots * ETH // 1000, limit=price).done
    look(world)
    return world, world.quotes["book"].market(1)


def side(base, sign):
    offer = st.tuples(st.integers(1, 12).map(lambda step: base + sign * step / 10), st.integers(1, 3000))
    far = st.tuples(st.integers(450, 900).map(lambda step: base + sign * step), st.integers(1, 50))
    return st.lists(st.one_of(offer, offer, far), min_size=0, max_size=8)


@settings(max_examples=40, deadline=None)
@given(side(2000.0, -1), side(2000.0, 1), st.integers(0, 4 * 10**8), st.booleans())
def test_an_order_gets_what_was_quoted(bids, asks, size, sells):
    world, quote = filled(bids, asks)
    before = {name: holding(world, "takers", name) for name in ("USD", "ETH")}
    if sells:
        expected = quote.sell(size)
        do(world, "takers", Act.SWAP, "book", "ETH", size, token2="USD")
        assert holding(world, "takers", "USD") - before["USD"] == expected
    else:
        expected = quote.buy(size * 20)
        do(world, "takers", Act.SWAP, "book", "USD", size * 20, token2="ETH")
        assert holding(world, "takers", "ETH") - before["ETH"] == expected


@settings(max_examples=40, deadline=None)
@given(side(2000.0, 1), st.integers(1, 3 * 10**8))
def test_the_quoted_cost_buys_at_least_the_amount_and_a_lot_less_does_not(asks, amount):
    world, quote = filled([], asks)
    cost = quote.cost(amount)
    if cost is None:
        assert quote.buy(10**12) < amount
        return
    assert quote.buy(cost) >= amount
    assert quote.buy(cost - 1) < amount
    do(world, "takers", Act.SWAP, "book", "USD", cost, token2="ETH")
    assert holding(world, "takers", "ETH") - 500 * ETH >= amount
    assert holding(world, "takers", "USD") == 10**12 - cost


def test_trading_to_a_price_takes_all_that_is_as_good_and_nothing_worse():
    world, quote = filled([(1999.0, 500), (1998.0, 700), (1997.0, 900)], [(2001.0, 500), (2002.0, 700), (2009.0, 1)])
    assert quote.sell_to(1998.0) == 12 * ETH // 10
    assert quote.sell_to(1999.5) == quote.sell_to(2000.0) == 0
    assert quote.buy_to(2002.0) == 500 * 2001 * 1000 + 700 * 2002 * 1000
    assert quote.buy_to(2000.5) == 0
    do(world, "takers", Act.SWAP, "book", "ETH", quote.sell_to(1998.0), token2="USD")
    do(world, "takers", Act.SWAP, "book", "USD", quote.buy_to(2002.0), token2="ETH")
    look(world)
    quote = world.quotes["book"].market(1)
    assert (quote.bid, quote.ask) == (1997.0, 2009.0)


def test_the_touch_the_mid_and_the_depth_near_it():
    _, quote = filled([(1999.0, 500), (1979.0, 700)], [(2003.0, 500), (2011.0, 700)])
    assert (quote.bid, quote.ask, quote.price) == (1999.0, 2003.0, 2001.0)
    assert quote.depth(0.002) == (ETH // 2, ETH // 2)
    assert quote.depth(0.006) == (ETH // 2, 12 * ETH // 10)
    assert quote.depth(0.1) == (12 * ETH // 10, 12 * ETH // 10)


def test_an_empty_book_has_a_price_and_nothing_to_trade():
    _, quote = filled([], [])
    assert (quote.bid, quote.ask, quote.price) == (0.0, math.inf, 2000.0)
    assert (quote.sell(ETH), quote.buy(USD), quote.cost(ETH), quote.cost(0)) == (0, 0, None, 0)
    assert (quote.sell_to(1.0), quote.buy_to(1e6), quote.depth(0.5)) == (0, 0, (0, 0))


def test_a_quote_is_frozen_and_its_orders_are_those_of_its_moment():
    world, quote = filled([(1999.0, 500)], [(2001.0, 500)])
    lo = world.population("makers").lo
    mine = quote.resting(lo, lo + 2)
    assert mine.row.tolist() == [0, 0]
    assert mine.bid.tolist() == [False, True]
    assert mine.price == pytest.approx([2001.0, 1999.0])
    assert mine.amount.tolist() == [ETH // 2, ETH // 2]
    assert mine.age.tolist() == [0, 0]
    sold = quote.sell(ETH)
    assert do(world, "makers", Act.CANCEL, "book", "ETH", int(mine.number[1])).done
    assert quote.sell(ETH) == sold
    with pytest.raises(SpilloverError, match='orders on "book" have run since this quote'):
        quote.resting(lo, lo + 2)
    look(world)
    assert world.quotes["book"].market(1).resting(lo, lo + 2).bid.tolist() == [False]
    with pytest.raises(SpilloverError, match="accounts run from 0"):
        world.quotes["book"].market(1).resting(lo, 99)


def test_what_traded_is_the_volume_of_the_next_tick():
    world, _ = filled([(1999.0, 500)], [])
    do(world, "takers", Act.SELL, "book", "ETH", 3 * ETH // 10)
    protocol = world.protocol("book")
    protocol.accrue(world)
    assert protocol.quote(world).market(1).volume == 3 * ETH // 10
    protocol.accrue(world)
    assert protocol.quote(world).market(1).volume == 0


def test_offers_that_nobody_could_pay_for_are_left_out_of_sums():
    _, quote = filled([], [(2001.0, 10), (9e10, 10**5), (1e11, 10**5)])
    assert quote.buy_to(1e11) < 2**61
    assert np.all(quote.asks.paid >= 0)
