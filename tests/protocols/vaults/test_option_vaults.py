"""What option vaults do: strikes, auctions, margin that always suffices, results that equal the payoff formula."""

import numpy as np
import pytest

from protocols.vaults.auction import uniform_price
from sim import exposure
from sim.events import Kind
from sim.model import SpilloverModel
from tests.worlds import Act, do, events_of, people, run

PATHS = """
[[processes]]
name = "eth"
kind = "gbm"
assets = ["ETH"]
volatility = 2.5
"""
BIDDERS = people("b", 3, USD=1e6, ETH=100.0)


def short_of(world):
    """Atoms of options the vault is short, by series."""
    venue = world.protocol("options")
    return -world.ledger.balance[venue.table.token, world.protocol("vault").account]


def test_it_sells_the_call_nearest_to_its_delta(tools):
    world = tools.world("covered_call_vault", asset="ETH", settings="delta = 0.2\nauction = 0")
    tools.deposit(world, 10 * tools.eth)
    run(world, 1)
    venue, short = world.protocol("options"), short_of(world)
    (series,) = np.flatnonzero(short)
    assert short[series] == 10 * tools.eth
    assert venue.table.is_call[series]
    rivals = np.flatnonzero((venue.table.group == venue.table.group[series]) & venue.table.is_call)
    distance = np.abs(venue.table.greeks[rivals, 0] - 0.2)
    assert series == rivals[np.argmin(distance)]
    assert int(venue.table.expiry[venue.table.group[series]]) == world.protocol("vault").ends


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("coin", [False, True], ids=["linear", "coin"])
def test_a_covered_call_is_never_short_of_margin(tools, seed, coin):
    underlying = 'settlement = "coin"' if coin else ""
    world = tools.world(
        "covered_call_vault", asset="ETH", underlying=underlying, process=PATHS,
        sets=(f"run.seed={seed}", "run.ticks=80"),
    )  # fmt: skip
    tools.deposit(world, 20 * tools.eth)
    model, venue, vault = SpilloverModel(world), world.protocol("options"), world.protocol("vault")
    sold = 0
    while model.running:
        model.step()
        margin = venue.margin_accounts
        margin.evaluate(world)
        assert margin.equity[vault.account] >= margin.maintenance[vault.account]
        sold += bool(short_of(world).any())
    assert sold > 40
    assert not len(world.events.where(Kind.LIQUIDATION))
    assert not len(world.events.where(Kind.BAD_DEBT))
    assert np.array_equal(world.ledger.replay(), world.ledger.balance)


@pytest.mark.parametrize("kind", ["covered_call_vault", "put_selling_vault"])
def test_the_epochs_result_is_premium_less_payoff(tools, kind):
    asset = "ETH" if kind == "covered_call_vault" else "USD"
    coin = asset == "ETH"
    world = tools.world(
        kind, asset=asset, underlying='settlement = "coin"' if coin else "", process=PATHS,
        settings="auction = 0\nperformance_fee = 0.0\nmanagement_fee = 0.0\ndelta = 0.4", exchange="fee = 0.0",
        sets=("run.seed=5",),
    )  # fmt: skip
    vault, venue = world.protocol("vault"), world.protocol("options")
    tools.deposit(world, 20 * tools.eth if coin else 50_000 * tools.usd)
    model, checked = SpilloverModel(world), 0
    model.step()
    while vault.number < 4:
        (series,) = np.flatnonzero(short_of(world))
        strike, amount, base = venue.table.strike[series], short_of(world)[series], vault.base
        premium, spot = events_of(world, Kind.TRADE)["value"][-1], venue.surfaces[0].spot
        epoch = vault.number
        while vault.number == epoch:
            model.step()
        price = venue.settlement.price(world.clock.tick)[0]
        payoff = max(price - strike if coin else strike - price, 0.0) * amount / tools.eth
        if coin:
            expected = base + premium / spot * tools.eth - payoff / price * tools.eth
        else:
            expected = base + (premium - payoff) * tools.usd
        assert vault.base == pytest.approx(expected, abs=3.0)
        checked += payoff > 0.0
    assert checked


def test_vault_and_venue_reconcile(tools):
    """What the vault holds at the venue is what the venue owes it, with the option among it."""
    world = tools.world("covered_call_vault", BIDDERS, asset="ETH", process=PATHS)
    tools.deposit(world, 20 * tools.eth)
    model, vault, venue = SpilloverModel(world), world.protocol("vault"), world.protocol("options")
    margin = venue.margin_accounts
    for _ in range(30):
        model.step()
        exposure.revalue(world)
        margin.evaluate(world)
        balance, value = world.ledger.balance, world.prices.atom_values
        at_venue = [*margin.tokens, *venue.table.token.tolist()]
        held = float(balance[at_venue, vault.account] @ value[at_venue])
        assert held == pytest.approx(margin.equity[vault.account] / tools.usd, abs=1e-5)
        issued = sum(-float(balance[c, venue.account] * value[c]) for c in margin.claims)
        owned = float(balance[margin.assets, venue.account] @ value[margin.assets])
        assert owned - issued == pytest.approx(
            -float(balance[margin.quote, venue.account] * value[margin.quote]), abs=1e-3
        )
        edges = [e for e in exposure.network(world) if (e.holder, e.issuer) == ("vault", "options")]
        net = sum(e.usd for e in edges) - sum(
            e.usd for e in exposure.network(world) if (e.holder, e.issuer) == ("options", "vault")
        )
        assert net == pytest.approx(held, abs=1e-6)


def test_bidders_get_options_at_one_price_and_their_money_back(tools):
    world = tools.world("put_selling_vault", BIDDERS, settings='auction = "4h"\ndelta = 0.4')
    tools.deposit(world, 40_000 * tools.usd)
    run(world, 1)
    quote = world.quotes["vault"]
    model = SpilloverModel(world)
    model.step()
    quote = world.quotes["vault"]
    assert quote.on_offer
    assert quote.ratios == (1,)
    start = [tools.held(world, "b", "USD", r) for r in range(3)]
    third = quote.amount // 3
    for row, limit in enumerate((3.0, 2.0, 1.5)):
        price = quote.reserve * limit
        name = world.tokens.rows[quote.on_offer[0]].name
        assert do(world, "b", Act.BID, "vault", name, (third, third, 2 * third)[row], row=row, limit=price).done
    assert tools.held(world, "b", "vault.bid") > 0
    tools.check(world)
    while world.quotes["vault"].on_offer:
        model.step()
        world.protocol("vault").quote(world)
        if world.protocol("vault").trader.offer is None:
            break
    won = [tools.held(world, "b", world.tokens.rows[quote.on_offer[0]].name, r) for r in range(3)]
    assert sum(won) == quote.amount
    assert won[:2] == [third, third]
    paid = [a - tools.held(world, "b", "USD", r) for r, a in enumerate(start)]
    clearing = 1.5 * quote.reserve
    assert paid == pytest.approx([w / tools.eth * clearing * tools.usd for w in won], abs=1.0)
    assert tools.held(world, "b", "vault.bid") == 0
    auction = events_of(world, Kind.AUCTION)
    assert auction["amount"] == [quote.amount]
    assert auction["value"] == pytest.approx([clearing])
    tools.check(world)
    while model.running:
        model.step()
    assert np.array_equal(world.ledger.replay(), world.ledger.balance)


def test_the_reserve_is_the_mark_less_a_discount(tools):
    world = tools.world("put_selling_vault", BIDDERS, settings='auction = "4h"\ndelta = 0.4\nsell_rest = false')
    tools.deposit(world, 40_000 * tools.usd)
    run(world, 1)
    offer, venue = world.protocol("vault").trader.offer, world.protocol("options")
    assert offer.reserve == pytest.approx(0.8 * venue.table.mark[offer.series[0]])
    assert do(world, "b", Act.BID, "vault", "ETH", tools.eth, limit=0.99 * offer.reserve).done
    money = tools.held(world, "b", "USD") + tools.held(world, "b", "vault.bid")
    run(world, 3)
    assert not short_of(world).any()
    assert tools.held(world, "b", "USD") == money


@pytest.mark.parametrize(("structure", "legs"), [("straddle", 2), ("strangle", 2), ("condor", 4)])
@pytest.mark.parametrize("side", ["short", "long"])
def test_structures_are_held_whole(tools, structure, legs, side):
    world = tools.world(
        "structure_vault", settings=f'structure = "{structure}"\nside = "{side}"\nauction = 0\nsize = 0.2'
    )
    tools.deposit(world, 50_000 * tools.usd)
    run(world, 5)
    venue, short = world.protocol("options"), short_of(world)
    held = np.flatnonzero(short)
    assert held.size == legs
    assert len(set(np.abs(short[held]).tolist())) == 1
    inner = held[np.argsort(np.abs(np.log(venue.table.strike[held] / 2000.0)), kind="stable")][:2]
    assert (short[inner] > 0).all() == (side == "short")
    assert set(venue.table.is_call[inner].tolist()) == {True, False}
    if structure == "straddle":
        assert len(set(venue.table.strike[held].tolist())) == 1
    run(world, 40)
    tools.check(world)
    assert np.array_equal(world.ledger.replay(), world.ledger.balance)


def test_the_auction_has_one_price():
    limit, amount = np.array([5.0, 3.0, 4.0, 3.0, 1.0]), np.array([10, 10, 10, 20, 99])
    key = np.arange(5)
    assert uniform_price(limit, amount, key, 35, 2.0) == (3.0, pytest.approx([10, 5, 10, 10, 0]))
    assert uniform_price(limit, amount, key, 100, 2.0) == (3.0, pytest.approx([10, 10, 10, 20, 0]))
    assert uniform_price(limit, amount, key, 10, 2.0) == (5.0, pytest.approx([10, 0, 0, 0, 0]))
    assert uniform_price(limit, amount, key, 10, 6.0).amount.sum() == 0
    order = np.array([4, 2, 0, 3, 1])
    again = uniform_price(limit[order], amount[order], key[order], 34, 2.0)
    assert again.amount.tolist() == uniform_price(limit, amount, key, 34, 2.0).amount[order].tolist()
