"""The order book venue: escrow, fees, latency, attribution, refusals; every run is replayed from its journal."""

import numpy as np
import pytest

from sim import exposure
from sim.errors import ConfigError
from sim.events import PAUSED, Kind
from sim.flows import Motive
from sim.intents import ALL, Act, Flag, Intent
from sim.phases import look
from sim.tokens import EXTERNAL
from tests.worlds import COMMON, STILL, do, events_of, holding, make_config, make_world, people, run

ETH, USD = 10**8, 10**6


def venue(**settings):
    lines = "\n".join(f"{key} = {value}" for key, value in ({"taker_fee": 0.0, "maker_fee": 0.0} | settings).items())
    book = '[[protocols.books]]\nasset = "ETH"\ntick_size = 0.1\nlot_size = 0.001\n'
    return f'[[protocols]]\nname = "book"\nkind = "order_book"\n{lines}\n{book}'


CROWD = people("makers", 3, USD=1e5, ETH=50.0), people("takers", 2, USD=1e5, ETH=50.0)


def market(**settings):
    return make_world(STILL, venue(**settings), *CROWD, sets=("chain.allowance=0",))


def send(world, who, act, amount, row=0, token="ETH", **more):
    return do(world, who, act, "book", token, amount, row, **more)


def sound(world):
    assert not world.ledger.residuals().any()
    assert np.array_equal(world.ledger.replay(), world.ledger.balance)
    for name in ("USD", "ETH"):  # the venue has what it has locked, to the atom
        locked = world.ledger.balance[world.tokens[f"book.locked.{name}"].index]
        assert holding(world, "book", name) == -locked[world.protocol("book").account]
        assert (np.delete(locked, world.protocol("book").account) >= 0).all()


def test_a_resting_order_locks_what_it_would_give_and_the_account_stays_as_rich():
    world = market()
    exposure.revalue(world)
    before = exposure.wealth_by_account(world)
    assert send(world, "makers", Act.LIMIT_BUY, 2 * ETH, limit=1990.0).done
    assert send(world, "makers", Act.LIMIT_SELL, 3 * ETH, row=1, limit=2010.0).done
    assert holding(world, "makers", "USD") == 10**11 - 3980 * USD
    assert holding(world, "makers", "book.locked.USD") == 3980 * USD
    assert holding(world, "makers", "book.locked.ETH", row=1) == 3 * ETH
    exposure.revalue(world)
    assert exposure.wealth_by_account(world) == pytest.approx(before, abs=1e-6)
    sound(world)


def test_a_trade_settles_at_the_makers_price_and_the_rest_is_unlocked_by_a_cancellation():
    world = market()
    order = send(world, "makers", Act.LIMIT_SELL, 3 * ETH, limit=2010.0)
    bought = send(world, "takers", Act.LIMIT_BUY, ETH, limit=2050.0)
    assert holding(world, "takers", "USD") == 10**11 - 2010 * USD
    assert holding(world, "takers", "ETH") == 51 * ETH
    assert holding(world, "makers", "USD") == 10**11 + 2010 * USD
    events = world.events
    assert (events.column("kind")[[order.event, bought.event]] == [Kind.ORDER, Kind.TRADE]).all()
    assert (bought.amount, events.value[bought.event]) == (ETH, pytest.approx(2010.0))
    cancel = send(world, "makers", Act.CANCEL, order.amount)
    assert events.column("kind")[cancel.event] == Kind.CANCEL
    assert holding(world, "makers", "ETH") == 49 * ETH
    assert holding(world, "makers", "book.locked.ETH") == 0
    sound(world)


@pytest.mark.parametrize("maker_fee", [0.0005, -0.0005], ids=["fee", "rebate"])
@pytest.mark.parametrize("taker_sells", [True, False], ids=["sale", "purchase"])
def test_fees_come_out_of_what_is_received_and_a_rebate_out_of_the_takers_fee(maker_fee, taker_sells):
    world = market(taker_fee=0.001, maker_fee=maker_fee)
    outside = [int(world.ledger.balance[token, EXTERNAL]) for token in (0, 1)]
    side, other = (Act.LIMIT_BUY, Act.SELL) if taker_sells else (Act.LIMIT_SELL, Act.BUY)
    send(world, "makers", side, ETH, limit=2000.0)
    send(world, "takers", other, ETH)
    gained, paid = ("USD", "ETH") if taker_sells else ("ETH", "USD")  # by the taker
    size, start = {"USD": 2000 * USD, "ETH": ETH}, {"USD": 10**11, "ETH": 50 * ETH}
    gains = {name: [holding(world, who, name) - start[name] for who in ("makers", "takers")] for name in size}
    fee, rebate = max(maker_fee, 0.0), max(-maker_fee, 0.0)
    assert gains[gained] == [round((rebate - 1.0) * size[gained]), round(0.999 * size[gained])]
    assert gains[paid] == [round((1.0 - fee) * size[paid]), -size[paid]]
    left = [int(world.ledger.balance[token, EXTERNAL]) - outside[token] for token in (0, 1)]
    left_gained, left_paid = left if taker_sells else left[::-1]
    assert left_gained == round((0.001 - rebate) * size[gained])
    assert left_paid == round(fee * size[paid])
    sound(world)


def test_a_swap_goes_as_far_as_amount_limit_and_book_reach_and_keeps_the_rest():
    world = market(taker_fee=0.001)
    for limit in (2010.0, 2020.0, 2030.0):
        send(world, "makers", Act.LIMIT_SELL, ETH, limit=limit)
    swap = send(world, "takers", Act.SWAP, 5000 * USD, token="USD", token2="ETH", limit=0.999 / 2025.0)
    assert world.events.column("kind")[swap.event] == Kind.SWAP
    assert swap.amount == 4030 * USD
    assert holding(world, "takers", "ETH") == 52 * ETH - 2 * ETH // 1000
    swap = send(world, "takers", Act.SWAP, 1015 * USD, token="USD", token2="ETH")
    assert swap.amount == 1015 * USD
    refused = send(world, "takers", Act.SWAP, ETH, token2="USD")
    assert refused.reason == "nothing is offered within the order's limit that the order could pay for"
    sound(world)


def test_orders_are_cut_to_the_cash_or_refused():
    world = market()
    send(world, "makers", Act.LIMIT_SELL, 40 * ETH, limit=4000.0)
    for row in (1, 2):
        send(world, "makers", Act.LIMIT_SELL, 40 * ETH, row=row, limit=4000.0)
    assert send(world, "takers", Act.LIMIT_BUY, 26 * ETH, limit=4000.0).reason == "the account does not hold that much"
    assert send(world, "takers", Act.SELL, 51 * ETH).reason == "the account does not hold that much"
    assert send(world, "takers", Act.BUY, 100 * ETH).amount == 25 * ETH
    assert holding(world, "takers", "USD") == 0
    reasons = [
        send(world, "makers", Act.LIMIT_SELL, 99_999, limit=2000.0),
        send(world, "makers", Act.LIMIT_SELL, ETH, limit=0.0),
        send(world, "makers", Act.LIMIT_BUY, ETH, limit=0.01),
        send(world, "makers", Act.LIMIT_BUY, ETH, limit=float("nan")),
        send(world, "makers", Act.CANCEL, 77),
        send(world, "makers", Act.SELL, ETH, token="USD"),
        send(world, "takers", Act.LIMIT_BUY, ETH, limit=1e15),
    ]
    assert [found.reason for found in reasons] == [
        "the amount is less than one lot", "the limit is no price on the book's grid",
        "the limit is no price on the book's grid", "the limit is no price on the book's grid",
        "the account has no such order in this book", "the venue has no book of this asset against that token",
        "the limit is no price on the book's grid",
    ]  # fmt: skip
    sound(world)


def test_flags_post_only_and_immediate():
    world = market()
    send(world, "makers", Act.LIMIT_SELL, ETH, limit=2001.0)
    refused = send(world, "takers", Act.LIMIT_BUY, ETH, limit=2001.0, subject=int(Flag.POST_ONLY))
    assert refused.reason == "a post-only order would trade at once"
    assert send(world, "takers", Act.LIMIT_BUY, ETH, limit=2000.9, subject=int(Flag.POST_ONLY)).done
    assert send(world, "takers", Act.LIMIT_BUY, 3 * ETH, row=1, limit=2001.0, subject=int(Flag.IMMEDIATE)).amount == ETH
    assert holding(world, "takers", "book.locked.USD", row=1) == 0
    sound(world)


def test_an_account_that_meets_its_own_order_has_it_back():
    world = market()
    send(world, "makers", Act.LIMIT_SELL, ETH, limit=2001.0)
    met = send(world, "makers", Act.LIMIT_BUY, ETH, limit=2002.0, subject=int(Flag.IMMEDIATE))
    assert met.done
    assert world.events.column("kind")[met.event] == Kind.CANCEL
    assert holding(world, "makers", "ETH") == 50 * ETH
    sound(world)


def test_limits_between_ticks_are_rounded_to_the_better_price():
    world = market()
    send(world, "makers", Act.LIMIT_SELL, ETH, limit=2000.11)
    send(world, "makers", Act.LIMIT_BUY, ETH, limit=1999.99)
    look(world)
    quote = world.quotes["book"].market(1)
    assert (quote.bid, quote.ask) == (pytest.approx(1999.9), pytest.approx(2000.2))


def play(world, schedule, tick=0):
    """Accounts send single orders at given ticks: population -> [(tick, row, act, amount, limit, latency in ms)]."""
    for name, rows in schedule.items():
        population = world.population(name)

        def script(view, draws, rows=rows):
            return [
                Intent(act, 0, view.accounts[[row]], 1, amount, motive=Motive.NOISE, limit=limit, tip=ms)
                for at, row, act, amount, limit, ms in rows
                if at == view.tick
            ]

        population.script = script
    return world


def test_messages_are_taken_by_latency_whoever_sends_them():
    world = play(market(), {
        "makers": [(0, 0, Act.LIMIT_SELL, ETH, 2001.0, 30.0), (0, 1, Act.LIMIT_SELL, ETH, 2001.0, 10.0)],
        "takers": [(0, 0, Act.BUY, ETH, 0.0, 31.0), (0, 1, Act.BUY, ETH, 0.0, 5.0)],
    })  # fmt: skip
    run(world, 1)
    assert holding(world, "makers", "ETH", row=1) == 49 * ETH
    assert holding(world, "makers", "book.locked.ETH", row=1) == 0
    assert holding(world, "makers", "book.locked.ETH") == ETH
    late = events_of(world, Kind.TX_FAILED)
    assert late["actor"] == [world.population("takers").lo + 1]
    sound(world)


@pytest.mark.parametrize("latency", [0, 2])
def test_what_takes_longer_than_a_tick_arrives_in_a_later_one(latency):
    world = play(market(latency=latency), {
        "makers": [(0, 0, Act.LIMIT_SELL, ETH, 2001.0, 1_300_000.0), (2, 1, Act.LIMIT_SELL, ETH, 2001.0, 50_000.0)],
    })  # fmt: skip  # ticks of 600 s: the first takes two ticks and 100 s
    run(world, 8)
    orders = events_of(world, Kind.ORDER)
    lo = world.population("makers").lo
    assert orders["tick"] == [2 + latency, 2 + latency]
    assert orders["actor"] == [lo + 1, lo]
    sound(world)


def test_a_venue_paused_when_a_message_arrives_refuses_it():
    world = play(market(latency=2), {"makers": [(0, 0, Act.LIMIT_SELL, ETH, 2001.0, 1.0)]})
    run(world, 2)
    world.protocol("book").paused = 1
    run(world, 1)
    assert events_of(world, Kind.TX_FAILED)["value"] == [PAUSED]
    assert holding(world, "makers", "ETH") == 50 * ETH


def test_every_move_of_the_mid_is_credited_to_the_order_that_made_it():
    world = play(market(), {
        "makers": [(0, 0, Act.LIMIT_BUY, ETH, 1990.0, 1.0), (0, 1, Act.LIMIT_SELL, ETH, 2006.0, 2.0),
                   (0, 2, Act.LIMIT_SELL, ETH, 2010.0, 3.0)],
        "takers": [(1, 0, Act.BUY, ETH, 0.0, 1.0), (2, 1, Act.SELL, ETH, 0.0, 1.0)],
    })  # fmt: skip
    log = [float(world.prices.log_market[0])]
    model = run(world, 1)
    for _ in range(3):
        log.append(float(world.prices.log_market[0]))
        model.step()
    assert np.exp(log) == pytest.approx([2000.0, 1998.0, 2000.0, 2000.0])
    table = world.flows.table()
    assert (table["tick"].tolist(), table["population"].tolist()) == ([0, 1], [0, 1])
    assert set(table["motive"].tolist()) == {Motive.NOISE}
    assert np.exp(np.cumsum(table["dlog"])) * 2000.0 == pytest.approx([1998.0, 2000.0], abs=1e-9)


def test_orders_that_open_positions_set_the_first_price():
    world = market()
    world.opening = True
    send(world, "makers", Act.LIMIT_BUY, ETH, limit=2010.0, tip=1e12)
    world.opening = False
    assert np.exp(world.prices.log_market[0]) == pytest.approx(2010.0)
    assert world.prices.previous_log_market[0] == world.prices.log_market[0]
    assert not world.flows.now.any()


def test_a_forced_withdrawal_cancels_a_share_of_each_accounts_orders():
    world = market()
    numbers = [send(world, "makers", Act.LIMIT_SELL, ETH, limit=2001.0 + step).amount for step in range(4)]
    send(world, "makers", Act.LIMIT_SELL, ETH, row=1, limit=2001.0)
    lo = world.population("makers").lo
    (intent,) = world.protocol("book").exits(world, np.array([lo, lo + 1]), 0.5)
    assert intent.account.tolist() == [lo, lo, lo + 1]
    assert intent.amount.tolist()[:2] == numbers[:1:-1]


def test_cancelling_all_returns_all_and_names_no_order():
    world = market()
    for step in range(3):
        send(world, "makers", Act.LIMIT_SELL, ETH, limit=2001.0 + step)
    assert send(world, "makers", Act.CANCEL, ALL).done
    assert holding(world, "makers", "ETH") == 50 * ETH
    sound(world)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"maker_fee": -0.001, "taker_fee": 0.0005}, "found a rebate of 0.001, more than the taker_fee"),
        ({"taker_fee": -0.0005}, "only makers can have a rebate"),
    ],
    ids=["rebate", "taker"],
)
def test_fees_that_cannot_be_paid_are_a_mistake(settings, words):
    with pytest.raises(ConfigError, match=words):
        make_config(COMMON, STILL, venue(**settings))


def test_steps_that_are_no_whole_atoms_are_a_mistake():
    with pytest.raises(ConfigError, match=r"books.ETH: a lot at one tick would be 0.1 atoms; choose tick_size"):
        make_world(STILL, venue().replace("lot_size = 0.001", "lot_size = 0.000001"))
