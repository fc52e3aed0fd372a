"""Expiry: exact payoffs, exactly conserved, at the mean index; protective puts, structures, conservation over a run."""

import numpy as np
import pytest

from sim.events import Kind
from sim.intents import Intent
from tests.worlds import DEPTH, WILD, Act, do, events_of, holding, make_world, people, run

PRICES = [1.0, 1599.0, 1600.0, 1601.37, 1900.0, 2000.0, 2000.01, 2400.0, 5000.0]


@pytest.mark.parametrize("price", PRICES)
@pytest.mark.parametrize("side", [1, -1], ids=["long", "short"])
def test_payoffs_at_expiry_are_exact(tools, price, side):
    world = tools.world(settings="fee = 0.0", usd=1e6)
    table = world.protocol("options").table
    chain = [tools.series(world, is_call, m) for is_call in (True, False) for m in (0.8, 0.95, 1.0, 1.2)]
    act = Act.BUY if side > 0 else Act.SELL
    for row, (_, name) in enumerate(chain[:1] + chain[4:5]):
        assert do(world, "t", act, "options", name, 3 * tools.eth, row=row).done
    before = [holding(world, "t", "options.margin", r) + holding(world, "t", "options.quote", r) for r in (0, 1)]
    numbers = [chain[0][0], chain[4][0]]
    strikes = tools.expire(world, price)
    after = [holding(world, "t", "options.margin", r) + holding(world, "t", "options.quote", r) for r in (0, 1)]
    for r, number in enumerate(numbers):
        gain = max(price - strikes[number] if table.is_call[number] else strikes[number] - price, 0.0)
        expected = 3 * gain * tools.usd
        assert after[r] - before[r] == pytest.approx(side * expected, abs=1.001)
        assert (after[r] - before[r]) <= side * expected + 1e-3  # rounded against the account
    assert not world.ledger.balance[table.token].any()
    tools.sound(world)


def test_every_series_logs_its_expiry_and_its_slot_is_listed_anew(tools):
    world = tools.world()
    venue = world.protocol("options")
    first, size = venue.table.expiry.copy(), len(venue.table) // 2
    tools.expire(world, 2100.0)
    logged = events_of(world, Kind.EXPIRY)
    assert logged["amount"] == [2100 * tools.usd] * size
    assert venue.table.expiry[0] == first[1] + (first[1] - first[0])
    assert venue.table.strike[3] == pytest.approx(2100.0)


def test_it_settles_at_the_mean_index_of_the_last_half_hour(tools):
    world = tools.world()
    venue = world.protocol("options")
    venue.settlement.index[:10, 0] = np.arange(10.0)
    assert venue.settlement.window == 3
    assert venue.settlement.price(9) == pytest.approx([8.0])


@pytest.mark.parametrize("price", [1.0, 1500.0, 1900.0, 2100.0])
def test_a_protective_put_has_a_floor_of_strike_less_premium(tools, price):
    world = tools.world(settings="fee = 0.0", eth=1.0)
    number, name = tools.series(world, False, 0.95)
    cash = lambda: sum(holding(world, "t", t) for t in ("USD", "options.margin", "options.quote")) / tools.usd  # noqa: E731
    start = cash()
    assert do(world, "t", Act.BUY, "options", name, tools.eth).done
    premium = start - cash()
    strike = tools.expire(world, price)[number]
    value = cash() - start + 1.0 * price
    assert value == pytest.approx(max(strike, price) - premium, abs=1e-5)
    assert value >= strike - premium - 1e-5


def test_a_synthetic_forward_moves_with_spot(tools):
    world = tools.world(settings="fee = 0.0\nhalf_spread = 0.0", underlying="surface = { vega_pressure = 0.0 }")
    for is_call, act in ((True, Act.BUY), (False, Act.SELL)):
        assert do(world, "t", act, "options", tools.series(world, is_call, 1.0)[1], tools.eth).done
    start = holding(world, "t", "options.quote")
    tools.expire(world, 2345.67)
    gain = holding(world, "t", "options.margin") - 90_000 * tools.usd
    assert start == pytest.approx(0, abs=2)  # C - P = S - K = 0 without carry
    assert gain / tools.usd == pytest.approx(345.67, abs=1e-5)


@pytest.mark.parametrize("settlement", ["linear", "coin"])
def test_a_long_run_conserves_every_atom(tools, settlement):
    coin = settlement == "coin"
    world = tools.world(
        settings="insurance = 1.0\n" + ("margin_asset = 'ETH'" if coin else ""),
        underlying='settlement = "coin"' if coin else "", eth=50.0, ticks=320, sets=("run.seed=3",),
    )  # fmt: skip
    rng = np.random.default_rng(1)
    token = world.protocol("options").table.token

    def script(view, draws):
        some = rng.choice(token, 3)
        size = rng.integers(1, 5 * tools.eth, (3, view.n))
        acts = rng.choice([Act.BUY, Act.SELL], 3)
        return [Intent(Act(int(a)), 1, view.accounts, int(t), s) for a, t, s in zip(acts, some, size, strict=True)]

    world.population("t").script = script
    run(world)
    tools.sound(world)
    assert len(world.events.where(Kind.TRADE)) > 100
    assert len(world.events.where(Kind.EXPIRY)) >= 28


def test_coin_settled_options_pay_coins(tools):
    world = tools.world(settings='margin_asset = "ETH"\nfee = 0.0', underlying='settlement = "coin"', eth=20.0)
    number, name = tools.series(world, True, 1.0)
    assert do(world, "t", Act.BUY, "options", name, 2 * tools.eth).done
    before = holding(world, "t", "options.margin") + holding(world, "t", "options.quote")
    strike = tools.expire(world, 2500.0)[number]
    after = holding(world, "t", "options.margin")
    assert after - before == pytest.approx(2 * (2500.0 - strike) / 2500.0 * tools.eth, abs=1.0)
    tools.sound(world)


def test_wild_markets_with_failing_writers_conserve_every_atom(tools):
    world = make_world(
        DEPTH, WILD.replace("2.0", "4.0"),
        '[[protocols]]\nname = "options"\nkind = "options"\nevery = "6h"\nexpiries = 2\n'
        'insurance = 100.0\n[[protocols.underlyings]]\nasset = "ETH"\n',
        people("t", 6, USD=20_000.0, opens='[["deposit", "options", "USD", 15000.0]]'), sets=("run.ticks=200",),
    )  # fmt: skip
    token = world.protocol("options").table.token

    def script(view, draws):
        return [Intent(Act.SELL, 1, view.accounts, int(token[s]), 4 * tools.eth) for s in (3, 10)]

    world.population("t").script = script
    run(world)
    tools.sound(world)
    assert len(world.events.where(Kind.LIQUIDATION)) > 5
    assert not world.protocol("options").engine.losses
