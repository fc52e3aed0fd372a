"""An asset that a protocol issues, in the rest of the model: books, oracles, lending, look-through and contagion."""

import math

import numpy as np
import pytest

from sim import exposure
from sim.errors import ConfigError
from sim.events import Kind
from sim.intents import Act
from sim.model import SpilloverModel
from sim.tokens import TokenKind
from tests.dollar_worlds import BOOK, ISSUER, MONEY, make
from tests.worlds import DEPTH, do, events_of, holding, people

FEED = """
[[oracles]]
name = "usde_feed"
kind = "push"
asset = "USDE"
"""
POOL = """
[[protocols]]
name = "lending"
kind = "pooled_lending"
[[protocols.reserves]]
asset = "USDE"
ltv = 0.88
liquidation_threshold = 0.90
liquidation_bonus = 0.03
[[protocols.reserves]]
asset = "USD"
ltv = 0.75
liquidation_threshold = 0.78
liquidation_bonus = 0.05
"""
BANK = people("bank", USD=2e7, opens='[["deposit", "lending", "USD", 1e7]]')
LOOPERS = """
[[agents]]
name = "loopers"
kind = "leveraged_longs"
count = 5
protocol = "lending"
collateral = "USDE"
debt = "USD"
venue = "market"
equity_usd = { median = 1e5, spread = 0.0 }
leverage = [6.0, 9.0]
ignore = 1.0
"""
LIQUIDATORS = """
[[agents]]
name = "liquidators"
kind = "liquidators"
count = 2
protocol = "lending"
venues = ["market"]
flash = 0.0
"""
OUTSIDE = ISSUER + "outside_supply = 5e7\n"


def swap(world, given, taken, amount, row=0):
    return do(world, "holders", Act.SWAP, "market", given, round(amount * MONEY), row=row, token2=taken)


def total_wealth(world):
    """USD of everybody but the outside world."""
    exposure.revalue(world)
    return exposure.wealth_by_account(world)[1:].sum()


def test_it_is_a_claim_of_its_issuer_and_keeps_its_place_among_the_assets():
    world = make()
    token = world.tokens["USDE"]
    assert (token.kind, token.issuer) == (TokenKind.CLAIM, world.protocol("issuer").account)
    assert token in world.tokens.assets
    assert world.ledger.balance[token.index, token.issuer] == -4 * 10**12


def test_a_depth_market_trades_it_for_units_held_outside():
    world = make(issuer=OUTSIDE)
    before = world.ledger.balance[world.tokens["USDE"].index, 0]
    assert swap(world, "USD", "USDE", 1_000.0).done
    got = holding(world, "holders", "USDE") - 10**12
    assert 990 * MONEY < got < 1_000 * MONEY
    assert world.ledger.balance[world.tokens["USDE"].index, 0] == before - got
    assert swap(world, "USDE", "USD", 1_000.0, row=1).done


def test_a_depth_market_cannot_sell_units_that_nobody_outside_has():
    world = make()
    money = holding(world, "holders", "USD")
    refused = swap(world, "USD", "USDE", 1_000.0)
    assert not refused.done
    assert "outside world does not hold that much" in refused.reason
    assert holding(world, "holders", "USD") == money
    assert swap(world, "USDE", "USD", 5_000.0, row=1).done
    assert swap(world, "USD", "USDE", 1_000.0).done


def test_its_market_follows_what_it_is_worth_and_the_oracle_reports_the_market():
    world = make(FEED, issuer=OUTSIDE + "reserve = 0.0\n")
    model = SpilloverModel(world)
    model.step()
    issuer = world.protocol("issuer")
    world.protocol("perps").pay_funding(world, -0.05)
    model.step()
    model.step()
    assert 0.9 < issuer.value(world) < 0.99
    assert world.spot()[issuer.unit] == pytest.approx(issuer.value(world), abs=1e-3)
    assert world.oracle("usde_feed").price(issuer.unit) == world.spot()[issuer.unit]


def test_without_a_market_it_is_worth_its_redemption():
    world = make(issuer=ISSUER + "reserve = 0.0\n", depth=DEPTH)
    SpilloverModel(world).step()
    world.protocol("perps").pay_funding(world, -0.05)
    exposure.revalue(world)
    issuer = world.protocol("issuer")
    assert world.prices.values[issuer.unit] == pytest.approx(issuer.value(world))


def test_trading_minting_and_redeeming_it_create_no_wealth():
    world = make(issuer=ISSUER, depth=DEPTH)
    before = total_wealth(world)
    for row in range(4):
        do(world, "holders", Act.MINT, "issuer", "USD", 10**11, row=row, token2="USDE")
        do(world, "holders", Act.REDEEM, "issuer", "USDE", 3 * 10**11, row=row)
    assert total_wealth(world) == pytest.approx(before, rel=1e-12)


def test_the_network_leads_from_its_holders_to_the_issuer_and_from_there_to_the_venue():
    world = make()
    exposure.revalue(world)
    edges = {(edge.holder, edge.issuer, edge.token): edge.usd for edge in exposure.network(world)}
    assert edges["holders", "issuer", "USDE"] == pytest.approx(4e6)
    assert edges["issuer", "perps", "perps.margin"] == pytest.approx(1.212e6)
    assert edges["issuer.reserve", "issuer", "issuer.equity"] == pytest.approx(4e4)


def test_look_through_opens_it_down_to_coin_short_and_cash_and_shares_them_with_the_reserve():
    world = make(BANK, POOL, LOOPERS, depth=DEPTH)
    exposure.revalue(world)
    issuer = world.protocol("issuer")
    owners = ("holders", "loopers", "issuer.reserve")
    seen = {owner: exposure.look_through(world, owner) for owner in owners}
    wealth = dict(zip((o.name for o in world.accounts.owners), exposure.wealth_by_owner(world), strict=True))
    for owner in owners:
        assert sum(seen[owner].values()) == pytest.approx(wealth[owner], rel=1e-9)
        short = sum(usd for name, usd in seen[owner].items() if name.startswith("perps.ETH"))
        gas = {"loopers": 5, "holders": 4}.get(owner, 0) * gas_usd(world)
        assert seen[owner]["ETH"] - gas == pytest.approx(-short, rel=1e-9)
    assert sum(seen[o]["ETH"] for o in owners) == pytest.approx(issuer.hedge.spot(world) * 2_000.0 + 9 * gas_usd(world))


def gas_usd(world):
    return world.gas_reserve / 1e8 * 2_000.0


def test_a_loss_of_the_backing_sinks_those_who_borrow_against_it_and_the_chain_says_so():
    world = make(BANK, POOL, LOOPERS, LIQUIDATORS, FEED, issuer=OUTSIDE + "reserve = 0.0\n")
    model = SpilloverModel(world)
    model.step()
    issuer, venue = world.protocol("issuer"), world.protocol("perps")
    venue.room = 0.0
    lost = venue.deleverage(world, issuer.account, 1.0, price=2_500.0)
    for _ in range(4):
        model.step()
    assert issuer.value(world) < 0.95
    breaches, liquidations = events_of(world, Kind.BREACH), events_of(world, Kind.LIQUIDATION)
    assert breaches["id"]
    assert liquidations["id"]
    assert lost in world.events.chain(liquidations["id"][0])
    moves = events_of(world, Kind.PRICE_MOVE)
    first = moves["token"].index(issuer.unit)
    assert moves["cause"][first] == lost
    assert lost in world.events.chain(breaches["id"][0])


def test_borrowers_start_with_it_backed_like_the_rest():
    with_them, without = make(BANK, POOL, LOOPERS), make(BANK, POOL)
    for world in (with_them, without):
        assert world.protocol("issuer").backing_ratio(world) == pytest.approx(1.01, rel=1e-9)
        assert not world.ledger.residuals().any()
    held = holding(with_them, "lending", "USDE")
    assert held > 2_000_000 * MONEY
    assert with_them.protocol("issuer").owed(with_them) == pytest.approx(4e6 + held / MONEY)


def test_a_token_that_the_protocol_issues_but_is_no_asset_cannot_be_started_with():
    world = make()
    with pytest.raises(ConfigError, match="let agents buy it"):
        world.protocol("market").endow(world, 1, np.array([3]), np.array([5]))


def test_the_fundamental_never_falls_to_nothing():
    world = make(issuer=ISSUER + "reserve = 0.0\n")
    model = SpilloverModel(world)
    model.step()
    world.protocol("perps").pay_funding(world, -3.0)
    model.step()
    model.step()
    assert world.prices.fundamental[world.clock.tick, world.tokens["USDE"].index] == math.log(0.01)


def test_a_book_of_another_asset_is_untouched_by_the_limit_on_supply():
    world = make(issuer=OUTSIDE, depth=DEPTH + BOOK)
    assert do(world, "holders", Act.SWAP, "market", "USD", 10**11, token2="ETH").done


SWAPS = """
[[protocols]]
name = "stable"
kind = "stableswap"
asset = "USDE"
amplification = 200
"""
PROVIDERS = people("providers", 2, USD=2e6, USDE=2e6, opens='[["add_liquidity", "stable", "USDE", 1.5e6]]')


def test_a_stableswap_pool_trades_it_and_look_through_goes_on_through_the_pool():
    world = make(SWAPS, PROVIDERS, depth=DEPTH)
    assert do(world, "holders", Act.SWAP, "stable", "USDE", 10**11, token2="USD").done
    assert do(world, "holders", Act.SWAP, "stable", "USD", 10**11, row=1, token2="USDE").done
    assert holding(world, "stable", "USDE") == pytest.approx(3e12, rel=1e-3)
    SpilloverModel(world).step()
    exposure.revalue(world)
    issuer = world.protocol("issuer")
    part = 4e6 / issuer.owed(world) / 1.01  # in the pool and in their wallets; the reserve has the rest
    coins = exposure.look_through(world, "providers")["ETH"] - 2 * gas_usd(world)
    assert coins == pytest.approx(part * issuer.hedge.spot(world) * 2_000.0, rel=2e-3)
