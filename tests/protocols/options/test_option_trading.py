"""Trading options: one average volatility per batch, dealers who share, structures, limits, margin."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.options.dealers import shares
from protocols.options.structures import resolve
from sim.events import Kind
from sim.intents import Flag, Intent, Orders
from sim.phases import settle_orders
from sim.tokens import EXTERNAL
from tests.worlds import Act, do, holding, people

DEALERS = people("d", 2, opens='[["deposit", "options", "USD", 500000.0]]', USD=600_000.0)


def book(world, *rows):
    """One batch of (account row, act, token name, atoms, limit, subject); returns the events' kinds."""
    orders, t = Orders(16), world.population("t")
    for row, act, name, amount, limit, subject in rows:
        token = world.tokens[name].index
        account = np.array([t.lo + row])
        orders.add(Intent(act, 1, account, token, amount, limit=limit, subject=subject), t.index, account, 0)
    first = world.events.count
    settle_orders(world, orders)
    return world.events.column("kind")[first : first + len(rows)].tolist()


def paid(world, row=0):
    """Margin atoms an account has spent."""
    return -holding(world, "t", "options.quote", row)


def test_marks_keep_put_call_parity(tools):
    world = tools.world()
    quote = world.quotes["options"]
    half = quote.mark.size // 4
    for start in (0, 2 * half):
        calls, puts = quote.mark[start : start + half], quote.mark[start + half : start + 2 * half]
        strike = quote.strike[start : start + half]
        assert np.max(np.abs(calls - puts - (2000.0 - strike)) / 2000.0) < 1e-12


def test_splitting_an_order_within_a_batch_changes_nothing(tools):
    whole, split = tools.world(settings="fee = 0.0"), tools.world(settings="fee = 0.0")
    name = tools.series(whole, True, 1.05, 1)[1]
    book(whole, (0, Act.BUY, name, 40 * tools.eth, 0.0, -1))
    book(split, *((0, Act.BUY, name, 10 * tools.eth, 0.0, -1),) * 4)
    assert abs(paid(whole) - paid(split)) <= 3
    marks = [world.protocol("options").table for world in (whole, split)]
    for world in (whole, split):
        world.protocol("options").refresh(world)
    assert np.array_equal(marks[0].mark, marks[1].mark)


def test_net_buying_lifts_volatility_in_proportion_to_its_vega(tools):
    shifts = []
    for amount in (100, 200):
        world = tools.world(usd=1e6, underlying="surface = { skew_pressure = 0.0 }")
        venue, (number, name) = world.protocol("options"), tools.series(world, True, 1.0, 1)
        before, vega = venue.table.volatility[number], venue.table.greeks[number, 2]
        book(world, (0, Act.BUY, name, amount * tools.eth, 0.0, -1))
        venue.refresh(world)
        shifts.append(venue.table.volatility[number] - before)
        assert shifts[-1] == pytest.approx(0.05 * amount * vega / 1e6, rel=1e-6)
    assert shifts[1] == pytest.approx(2 * shifts[0], rel=1e-6)


def test_buyers_and_sellers_of_a_batch_get_one_volatility_and_the_dealers_the_spread(tools):
    world = tools.world(settings="fee = 0.0")
    number, name = tools.series(world, True, 1.0, 1)
    table = world.protocol("options").table
    book(world, (0, Act.BUY, name, 5 * tools.eth, 0.0, -1), (1, Act.SELL, name, 5 * tools.eth, 0.0, -1))
    width = (paid(world, 0) + paid(world, 1)) / 5 / tools.usd
    assert width == pytest.approx(2 * 0.01 * table.greeks[number, 2], rel=1e-3)
    assert holding(world, "t", "options.quote") + holding(world, "t", "options.quote", 1) < 0
    assert int(world.ledger.balance[world.tokens["options.quote"].index, EXTERNAL]) > 0
    assert not int(world.ledger.balance[table.token[number], EXTERNAL])


@pytest.mark.parametrize("number", range(5), ids=["straddle", "strangle", "condor", "put", "reversal"])
@pytest.mark.parametrize("act", [Act.BUY, Act.SELL], ids=["buy", "sell"])
def test_a_structure_is_the_sum_of_its_legs(tools, number, act):
    one, many = (tools.world(usd=1e6, sets=("protocols.options.expiries=8",)) for _ in range(2))
    venue = one.protocol("options")
    series, name = tools.series(one, True, 1.0, 7)
    legs, ratios = resolve(venue.table, venue.structures[number], series)
    assert book(one, (0, act, name, 3 * tools.eth, 0.0, number)) == [Kind.TRADE]
    rows = []
    for leg, ratio in zip(legs.tolist(), ratios.tolist(), strict=True):
        side = Act.BUY if (ratio > 0) == (act == Act.BUY) else Act.SELL
        rows.append((0, side, one.tokens.rows[venue.table.token[leg]].name, 3 * abs(ratio) * tools.eth, 0.0, -1))
    assert book(many, *rows) == [Kind.TRADE] * len(rows)
    assert np.array_equal(one.ledger.balance, many.ledger.balance)


def test_a_structure_trades_whole_or_not_at_all(tools):
    world = tools.world(usd=100.0, sets=("protocols.options.expiries=8",))
    before = world.ledger.balance.copy()
    name = tools.series(world, True, 1.0, 7)[1]
    assert not do(world, "t", Act.SELL, "options", name, tools.eth, subject=0).done
    assert np.array_equal(world.ledger.balance, before)


def test_structures_have_a_net_limit(tools):
    world = tools.world(usd=1e6, sets=("protocols.options.expiries=8",))
    name = tools.series(world, True, 1.0, 7)[1]
    assert do(world, "t", Act.BUY, "options", name, tools.eth, subject=2, limit=-1e4).reason.startswith("the price")
    assert do(world, "t", Act.BUY, "options", name, tools.eth, subject=2, limit=-1.0).done


@pytest.mark.parametrize(
    ("act", "more", "reason"),
    [
        (Act.BUY, {"limit": 1.0}, "the price is worse than the order's limit"),
        (Act.SELL, {"limit": 1e6}, "the price is worse than the order's limit"),
        (Act.BUY, {"limit": float("nan")}, "the price is worse than the order's limit"),
        (Act.SELL, {"subject": int(Flag.REDUCE_ONLY)}, "there is no position to reduce"),
        (Act.BUY, {"subject": 99}, "the venue has no such structure, or its legs are not listed apart in this expiry"),
    ],
    ids=["buy limit", "sell limit", "nan", "reduce only", "structure"],
)
def test_refusals_say_why(tools, act, more, reason):
    world = tools.world()
    name = tools.series(world, True, 1.0, 1)[1]
    assert do(world, "t", act, "options", name, tools.eth, **more).reason == reason


def test_more_refusals_say_why(tools):
    world = tools.world(settings='outside_dealers = "never"', usd=1000.0)
    name = tools.series(world, True, 1.0, 1)[1]
    assert do(world, "t", Act.BUY, "options", name, 1).reason == "no dealer stands ready for so much"
    assert do(world, "t", Act.BUY, "options", "USD", 1).reason == "the venue lists no such series"
    assert do(world, "t", Act.BUY, "options", name, 0).reason.startswith("the amount")
    world = tools.world(usd=1000.0)
    assert do(world, "t", Act.SELL, "options", name, 10 * tools.eth).reason == "the account's margin does not suffice"
    assert do(world, "t", Act.BUY, "options", name, 10**12).reason == "the account's margin does not suffice"
    world.clock.tick = int(world.protocol("options").table.expiry.min())
    first = tools.series(world, True, 1.0, 0)[1]
    assert do(world, "t", Act.BUY, "options", first, 1).reason == "the series is being settled"


def test_reduce_only_is_cut_to_the_position(tools):
    world = tools.world()
    name = tools.series(world, True, 1.0, 1)[1]
    do(world, "t", Act.BUY, "options", name, 3 * tools.eth)
    both = (0, Act.SELL, name, 2 * tools.eth, 0.0, int(Flag.REDUCE_ONLY))
    assert book(world, both, both, both) == [Kind.TRADE, Kind.TRADE, Kind.TX_FAILED]
    assert holding(world, "t", name) == 0


def test_dealers_share_the_flow_by_capacity_and_the_outside_stays_away(tools):
    world = tools.world(DEALERS)
    name = tools.series(world, True, 1.0, 1)[1]
    assert do(world, "d", Act.QUOTE, "options", "ETH", 300 * tools.eth, limit=1.0).done
    assert do(world, "d", Act.QUOTE, "options", "ETH", 100 * tools.eth, row=1, limit=3.0).done
    half = world.protocol("options").supply(world).half_spread
    assert half == pytest.approx(np.full(half.size, 0.015))
    assert book(world, (0, Act.BUY, name, 10 * tools.eth + 1, 0.0, -1)) == [Kind.TRADE]
    held = holding(world, "d", name), holding(world, "d", name, 1)
    assert sum(held) == -(10 * tools.eth + 1)
    assert held == (-(75 * tools.eth // 10) - 1, -25 * tools.eth // 10)
    assert not world.ledger.balance[world.tokens[name].index, EXTERNAL]
    assert do(world, "t", Act.BUY, "options", name, 401 * tools.eth).reason == "no dealer stands ready for so much"
    do(world, "d", Act.QUOTE, "options", "ETH", 0)
    do(world, "d", Act.QUOTE, "options", "ETH", 0, row=1)
    assert book(world, (0, Act.BUY, name, tools.eth, 0.0, -1)) == [Kind.TRADE]
    assert world.ledger.balance[world.tokens[name].index, EXTERNAL] == -tools.eth
    tools.sound(world)


def test_permuting_the_orders_of_a_batch_changes_nothing(tools):
    rng = np.random.default_rng(5)
    one, other = (tools.world(DEALERS, count=8, usd=3000.0) for _ in range(2))
    names = [tools.series(one, c, m, 1)[1] for c in (True, False) for m in (0.9, 1.0, 1.1)]
    rows = [
        (i, rng.choice([Act.BUY, Act.SELL]), names[rng.integers(6)], int(rng.integers(1, 20 * tools.eth)), 0.0, -1)
        for i in range(8)
    ]
    for world in (one, other):
        do(world, "d", Act.QUOTE, "options", "ETH", 7, limit=1.0)
        do(world, "d", Act.QUOTE, "options", "ETH", 500 * tools.eth, row=1, limit=1.0)
    kinds = book(one, *rows)
    order = rng.permutation(8)
    again = book(other, *(rows[i] for i in order))
    assert [kinds[i] for i in order] == again
    assert np.array_equal(one.ledger.balance, other.ledger.balance)


@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, 10**9), min_size=1, max_size=6))
def test_shares_add_up_and_are_within_one_atom(total, weights):
    weights = np.array([*weights, 1])
    keys = np.arange(weights.size)
    out = shares(total, weights, keys)
    assert out.sum() == total
    assert np.all(np.abs(out - total * (weights / weights.sum())) <= 1.0 + 1e-3)
    back = np.random.default_rng(0).permutation(weights.size)
    assert np.array_equal(shares(total, weights[back], keys[back]), out[back])


def test_the_fee_is_a_share_of_the_underlying_capped_by_the_premium(tools):
    world = tools.world()
    treasury = world.protocol("options").treasury
    quote = world.tokens["options.quote"].index
    book(world, (0, Act.BUY, tools.series(world, True, 1.0, 1)[1], tools.eth, 0.0, -1))
    assert world.ledger.balance[quote, treasury] == pytest.approx(0.0003 * 2000.0 * tools.usd, abs=1)
    premium = world.events.value[world.events.count - 1]
    book(world, (1, Act.BUY, tools.series(world, True, 1.2)[1], tools.eth, 0.0, -1))
    cheap = world.events.value[world.events.count - 1]
    assert cheap < 0.1 < premium
    got = world.ledger.balance[quote, treasury] / tools.usd - 0.6
    assert got == pytest.approx(0.125 * cheap, abs=2e-6)


def test_dealers_without_margin_do_not_count(tools):
    world = tools.world(DEALERS)
    world.protocol("options").margin_accounts.equity[:] = 0.0
    do(world, "t", Act.QUOTE, "options", "ETH", tools.eth, limit=1.0)
    venue = world.protocol("options")
    venue.margin_accounts.initial[world.population("t").lo] = 1e18
    assert not venue.supply(world).total.any()
