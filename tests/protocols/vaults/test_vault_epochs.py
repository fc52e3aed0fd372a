"""Epoch accounting of vaults: queues, shares, fees, all at one price, to the atom."""

import numpy as np
import pytest

from sim.errors import ConfigError
from sim.events import Kind
from sim.intents import ALL
from sim.model import SpilloverModel
from tests.worlds import Act, do, events_of, run

KINDS = {
    "covered_call_vault": ("ETH", ""),
    "put_selling_vault": ("USD", ""),
    "structure_vault": ("USD", 'structure = "straddle"'),
}


@pytest.fixture(params=KINDS)
def any_vault(request, tools):
    asset, settings = KINDS[request.param]
    world = tools.world(request.param, asset=asset, settings=settings)
    return world, (tools.eth if asset == "ETH" else 2000 * tools.usd)


def test_deposits_wait_and_become_shares_at_the_price(tools, any_vault):
    world, one = any_vault
    assert tools.deposit(world, 5 * one).done
    assert tools.held(world, "t", "vault.pending") == 5 * one
    assert tools.held(world, "t", "vault.share") == 0
    run(world, 1)
    assert tools.held(world, "t", "vault.pending") == 0
    assert tools.held(world, "t", "vault.share") == 5 * one
    price = world.quotes["vault"].share_price
    assert price == pytest.approx(1.0)


def test_share_price_times_supply_is_net_assets_at_every_tick(tools, any_vault):
    world, one = any_vault
    model = SpilloverModel(world)
    for tick in range(60):
        if tick % 7 == 0:
            tools.deposit(world, one + tick, row=tick % 3)
        if tick % 11 == 5:
            do(world, "t", Act.REDEEM, "vault", "vault.share", 1 + one // 3, row=tick % 3)
        model.step()
        tools.check(world)
    assert len(world.events.where(Kind.EPOCH)) >= 4
    assert np.array_equal(world.ledger.replay(), world.ledger.balance)
    assert not world.ledger.residuals().any()


def test_epochs_are_exact_to_the_atom(tools, any_vault):
    """What leaves, joins and is charged at the end of an epoch follows from net assets and shares alone."""
    world, one = any_vault
    vault = world.protocol("vault")
    seen = []
    unwind, pay_out = vault.unwind, vault._pay_out

    def noted(world_, net, shares, event):
        before = world_.ledger.balance.copy()
        paid, burned = pay_out(world_, net, shares, event)
        seen.append((net, shares, paid, burned, before))
        return paid, burned

    vault._pay_out = noted
    tools.deposit(world, 10 * one)
    tools.deposit(world, 7 * one + 1, row=1)
    model = SpilloverModel(world)
    for tick in range(40):
        if tick == 3:
            do(world, "t", Act.REDEEM, "vault", "vault.share", 3 * one + 5)
            tools.deposit(world, 2 * one + 3, row=2)
        model.step()
    assert unwind
    net, shares, paid, burned, before = seen[1]
    leaving, share = (world.tokens[f"vault.{name}"].index for name in ("leaving", "share"))
    assert burned == 3 * one + 5 == before[leaving].clip(0).sum()
    assert paid == burned * net // shares
    assert shares == -(before[share, vault.account] + before[leaving, vault.account])
    got = (2 * one + 3) * (shares - burned) // (net - paid)
    assert tools.held(world, "t", "vault.share", 2) == got


def test_fees_are_a_tenth_of_the_gain_and_two_percent_a_year(tools):
    world = tools.world("put_selling_vault")
    vault = world.protocol("vault")
    tools.deposit(world, 50_000 * tools.usd)
    run(world, 10)
    ends = vault.ends
    seen = {}
    fee = vault._fee

    def noted(world_, net):
        seen["net"], seen["base"], seen["fee"] = net, vault.base, fee(world_, net)
        return seen["fee"]

    vault._fee = noted
    before = vault.shares(world)
    while world.clock.tick < ends:
        world_tick = world.clock.tick
        run(world, 1)
        assert world.clock.tick == world_tick + 1
    gain = seen["net"] - seen["base"]
    years = ends / 4380
    assert gain > 0
    assert seen["fee"] == pytest.approx(0.1 * gain + 0.02 * years * seen["net"], abs=1)
    minted = vault.shares(world) - before
    assert minted == seen["fee"] * before // (seen["net"] - seen["fee"])
    assert world.ledger.balance[vault.share, vault.treasury] >= minted


def test_no_gain_no_fee(tools):
    world = tools.world("structure_vault", settings='side = "long"')
    tools.deposit(world, 50_000 * tools.usd)
    run(world, 40)
    vault = world.protocol("vault")
    assert world.quotes["vault"].share_price < 1.0
    assert not world.ledger.balance[vault.share, vault.treasury]


def test_everybody_can_leave(tools, any_vault):
    world, one = any_vault
    tools.deposit(world, 4 * one)
    tools.deposit(world, 3 * one, row=1)
    model = SpilloverModel(world)
    for tick in range(30):
        if tick == 6:
            for row in (0, 1):
                assert do(world, "t", Act.REDEEM, "vault", "vault.share", ALL, row=row).done
        model.step()
    assert tools.held(world, "t", "vault.share") == tools.held(world, "t", "vault.leaving", 1) == 0
    vault = world.protocol("vault")
    left = vault.shares(world)
    assert left == int(world.ledger.balance[vault.share, vault.treasury])
    tools.check(world)


def test_a_pending_deposit_can_be_taken_back_at_once(tools, any_vault):
    world, one = any_vault
    asset = world.protocol("vault").asset
    before = tools.held(world, "t", asset)
    tools.deposit(world, one)
    assert do(world, "t", Act.REDEEM, "vault", "vault.pending", ALL).done
    assert tools.held(world, "t", asset) == before


@pytest.mark.parametrize(
    ("act", "token", "amount", "more", "reason"),
    [
        (Act.MINT, "USD", 1, {"token2": "ETH"}, "the vault takes its asset for shares, and gives back"),
        (Act.MINT, "USD", 10**15, {"token2": "vault.share"}, "the account does not hold that much"),
        (Act.REDEEM, "USD", 1, {}, "the vault takes its asset for shares"),
        (Act.REDEEM, "vault.share", 5, {}, "the account does not hold that much"),
        (Act.BID, "vault.pending", 5, {"limit": 1.0}, "the vault holds no auctions, or not of this token"),
        (Act.BID, "ETH", 5, {"limit": -1.0}, "the bid's amount and price must be above zero"),
        (Act.BID, "ETH", 10**12, {"limit": 1e6}, "the account does not hold that much"),
    ],
    ids=["wrong share", "no money", "not a share", "no shares", "wrong token", "bad bid", "poor bid"],
)
def test_refusals_say_why(tools, act, token, amount, more, reason):
    world = tools.world("put_selling_vault")
    assert do(world, "t", act, "vault", token, amount, **more).reason.startswith(reason)


@pytest.mark.parametrize(
    ("kind", "asset", "settings", "words"),
    [
        ("covered_call_vault", "USD", "", "calls on ETH are covered by ETH, not by USD"),
        ("put_selling_vault", "ETH", "", "puts on ETH are secured by money"),
        ("structure_vault", "USD", 'structure = "condor"\nwing_delta = 0.3', "wings lie further out than delta = 0.2"),
        ("structure_vault", "USD", 'market = "nowhere"', "nowhere"),
    ],
    ids=["calls", "puts", "wings", "market"],
)
def test_wrong_settings_say_what_is_allowed(tools, kind, asset, settings, words):
    with pytest.raises(ConfigError) as found:
        tools.world(kind, asset=asset, settings=settings)
    assert words in str(found.value)


def test_the_venue_must_come_first_and_take_the_asset(tools):
    with pytest.raises(ConfigError, match="takes no ETH as margin; list it as its collateral"):
        tools.world("covered_call_vault", asset="ETH", sets=("protocols.options.collateral=[]",))
    with pytest.raises(ConfigError, match="which is no venue of options listed before it"):
        tools.world("covered_call_vault", asset="ETH", sets=('protocols.vault.options="market"',))


def test_epoch_events_tell_the_share_price(tools, any_vault):
    world, one = any_vault
    tools.deposit(world, one)
    run(world, 20)
    logged = events_of(world, Kind.EPOCH)
    assert logged["tick"] == [0, 16]
    usd = 2000.0 if world.protocol("vault").asset == "ETH" else 1.0
    assert logged["amount"][1] / 1e6 == pytest.approx(usd, rel=0.02)
