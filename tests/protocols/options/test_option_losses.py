"""Writers below maintenance are bought back; what they cannot pay goes to insurance, then to everybody with equity."""

import math

import pytest

from sim import exposure
from sim.errors import ConfigError
from sim.events import Kind
from sim.interfaces import Protocol
from sim.phases import liquidate, margin, spread
from tests.worlds import Act, do, events_of, holding, set_price


def sold(tools, price, **more):
    """A world in which t[0] is short 250 calls, and the price jumps."""
    world = tools.world(**more)
    name = tools.series(world, True, 1.1, 1)[1]
    assert do(world, "t", Act.SELL, "options", name, 250 * tools.eth).done
    set_price(world, "ETH", price)
    margin(world)
    return world, name


def settle_losses(world):
    liquidate(world)
    spread(world)


def test_above_maintenance_nothing_happens(tools):
    world, name = sold(tools, 2010.0)
    settle_losses(world)
    assert holding(world, "t", name) == -250 * tools.eth
    assert not len(world.events.where(Kind.BREACH))


def test_a_failing_writer_is_bought_back_and_keeps_the_rest(tools):
    world, name = sold(tools, 2400.0)
    settle_losses(world)
    assert holding(world, "t", name) == 0
    liquidated = events_of(world, Kind.LIQUIDATION)
    assert liquidated["token"] == [world.tokens[name].index]
    assert liquidated["amount"] == [250 * tools.eth]
    breach = events_of(world, Kind.BREACH)
    assert liquidated["cause"] == breach["id"]
    assert not len(world.events.where(Kind.BAD_DEBT))
    assert holding(world, "t", "options.quote") == 0
    assert holding(world, "t", "options.margin") > 0
    tools.sound(world)


@pytest.mark.parametrize("insurance", [0.0, 1000.0, 1e7])
def test_a_loss_goes_to_insurance_and_then_to_everybody(tools, insurance):
    world, _ = sold(tools, 2900.0, settings=f"insurance = {insurance}")
    fund = world.protocol("options").margin_accounts.fund
    before = world.ledger.balance[:, fund].sum()
    others = holding(world, "t", "options.margin", 1)
    settle_losses(world)
    assert holding(world, "t", "options.margin") == 0
    assert holding(world, "t", "options.quote") == 0  # nothing is owed any more
    bad = events_of(world, Kind.BAD_DEBT)
    assert bad["amount"][0] > 0
    paid = events_of(world, Kind.LOSS_ABSORBED)
    shared = events_of(world, Kind.SOCIALISED)
    assert sum(paid["amount"]) + sum(shared["amount"]) == bad["amount"][0]
    assert bool(shared["amount"]) == (insurance < 1e6)
    assert (holding(world, "t", "options.margin", 1) < others) == (insurance < 1e6)
    assert bool(before) == bool(insurance)
    exposure.revalue(world)
    tools.sound(world)


def test_in_steps_a_writer_keeps_what_it_can_margin(tools):
    world, name = sold(tools, 2400.0, settings="liquidation_step = 0.25")
    settle_losses(world)
    margins = world.protocol("options").margin_accounts
    account = world.population("t").lo
    assert -250 * tools.eth < holding(world, "t", name) < 0
    assert margins.equity[account] >= margins.maintenance[account]
    assert len(world.events.where(Kind.LIQUIDATION)) >= 1


def test_without_dealers_a_writer_stays_short(tools):
    world, name = sold(tools, 2900.0)
    world.protocol("options").outside_dealers = "never"
    settle_losses(world)
    assert holding(world, "t", name) == -250 * tools.eth
    assert events_of(world, Kind.TX_FAILED)["value"] == [len(world.protocol("options").reasons) - 3]


def test_the_venue_holds_what_it_owes(tools):
    world, _ = sold(tools, 2400.0)
    settle_losses(world)
    exposure.revalue(world)
    wealth = exposure.wealth_by_account(world)
    assert wealth[world.protocol("options").account] == pytest.approx(0.0, abs=1e-3)
    assert wealth.sum() == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize(
    ("settings", "underlying", "words"),
    [
        ('clearing = "market"', "", 'clears at "market", which has no margin accounts yet'),
        ('every_ = "1d"', "", "every_"),
        ('margin_asset = "USD"', 'settlement = "coin"', 'the margin asset must be "ETH"; found "USD"'),
        ("", "surface = { curvature = 3.0 }", "curvature (curvature + |skew|) at most 4"),
        ("half_spread = -1.0", "", "half_spread"),
    ],
    ids=["clearing", "unknown", "coin", "curvature", "spread"],
)
def test_wrong_settings_say_what_is_allowed(tools, settings, underlying, words):
    with pytest.raises(ConfigError) as found:
        tools.world(settings=settings, underlying=underlying)
    assert words in str(found.value)


def test_expiries_closer_than_ticks_are_refused(tools):
    with pytest.raises(ConfigError, match=r"more frequent than ticks of 600 s; lengthen the interval"):
        tools.world(sets=("protocols.options.every=60",))


def test_it_is_a_protocol_with_margins(tools):
    world = tools.world()
    venue = world.protocol("options")
    assert isinstance(venue, Protocol)
    state = world.actors[0].view.margin("options")
    assert state.equity == pytest.approx([90_000 * tools.usd] * 3)


@pytest.mark.parametrize("market", [True, False], ids=["sold", "kept"])
def test_coins_pay_what_a_writer_owes_at_expiry(tools, market):
    settings = "[[protocols.collateral]]\nasset = 'ETH'\nhaircut = 0.0"
    named = 'collateral_market = "market"\n' if market else ""
    world = tools.world(settings=named + "fee = 0.0\n" + settings, usd=1.0, eth=10.0)
    number, name = tools.series(world, True, 1.0)
    assert do(world, "t", Act.SELL, "options", name, 10 * tools.eth).done
    premium = holding(world, "t", "options.quote")
    world.protocol("market")._books[0].anchor = math.log(2500.0)  # where coins are sold
    strike = tools.expire(world, 2500.0)[number]
    owed = 10 * (2500.0 - strike) * tools.usd - premium - 0.9 * tools.usd
    coins = holding(world, "t", "options.margin.ETH")
    assert not len(world.events.where(Kind.BAD_DEBT))
    if market:  # just enough coins were sold
        assert holding(world, "t", "options.quote") == 0
        assert 10 * tools.eth - coins == pytest.approx(owed / 2500.0 / tools.usd * tools.eth * 1.02, rel=0.01)
        assert 0 < holding(world, "t", "options.margin") < 0.03 * owed
    else:
        assert coins == 10 * tools.eth
        assert -holding(world, "t", "options.quote") == pytest.approx(owed, abs=2)
    tools.sound(world)
