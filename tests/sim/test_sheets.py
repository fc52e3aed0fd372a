"""Balance sheets of populations read off the ledger, and the impact of selling on every venue."""

import numpy as np
import pytest

from sim import exposure
from sim.intents import Act
from sim.quotes import FuturesQuote, OptionsQuote
from sim.sheets import STEP, Sheets, composition, price_impact, sheets
from tests.town import history
from tests.worlds import AMM, DEPTH, LENDING, ORACLE, STILL, do, make_world, people, set_price


def test_what_is_held_less_what_is_owed_is_wealth():
    world = history()
    found = sheets(world)
    wealth = {o.name: usd for o, usd in zip(world.accounts.owners, exposure.wealth_by_owner(world), strict=True)}
    assert found.equity == pytest.approx([wealth[name] for name in found.names], rel=1e-9)
    assert np.all(found.held >= 0.0)
    assert np.all(found.owed >= 0.0)


def test_every_token_is_worth_what_is_inside():
    world = history()
    inside = composition(world)
    assert inside.sum(axis=1) == pytest.approx(world.prices.atom_values, rel=1e-9, abs=1e-18)
    assert inside[: world.tokens.listed] == pytest.approx(np.diag(world.prices.atom_values[: world.tokens.listed]))


def test_receipts_debts_and_shares_are_opened():
    world = make_world(
        STILL, DEPTH, AMM, LENDING, ORACLE,
        people("lp", 2, USD=2e5, ETH=100.0, opens='[["add_liquidity", "amm", "ETH", 50.0]]'),
        people("bob", 1, ETH=20.0, opens='[["deposit", "aave", "ETH", 20.0], ["borrow", "aave", "USD", 9000.0]]'),
        people("saver", 1, USD=5e4, opens='[["deposit", "aave", "USD", 4e4]]'),
        sets=("chain.allowance=0.0",),
    )  # fmt: skip
    exposure.revalue(world)
    found = sheets(world)
    assert found.names == ["lp", "bob", "saver"]
    lp, bob, saver = range(3)
    assert found.held[lp] == pytest.approx([4e5, 4e5], rel=1e-6)
    assert found.held[bob] == pytest.approx([9_000.0, 40_000.0], rel=1e-6)
    assert found.owed[bob] == pytest.approx([9_000.0, 0.0], rel=1e-6)
    assert found.held[saver] == pytest.approx([50_000.0, 0.0], rel=1e-6)
    assert not found.owed[[lp, saver]].any()


def test_contracts_stand_for_their_delta():
    world = history()
    inside, scales = composition(world), world.prices.scales
    options = next(quote for quote in world.quotes.values() if isinstance(quote, OptionsQuote))
    deltas = inside[options.token, options.underlying] * scales[options.token] / options.spot
    assert deltas == pytest.approx(options.greeks[:, 0])
    assert deltas[options.is_call].min() >= 0.0 >= deltas[~options.is_call].max()
    for quote in world.quotes.values():
        if isinstance(quote, FuturesQuote):
            for contract in quote.contracts:
                whole = inside[contract.contract] * scales[contract.contract]
                assert whole[0 if contract.inverse else contract.underlying] != 0.0
                assert whole[contract.underlying if contract.inverse else 0] == 0.0


@pytest.mark.parametrize("venue", [DEPTH, AMM], ids=["depth", "amm"])
def test_selling_moves_the_price_by_impact_times_size(venue):
    provider = people("lp", 1, USD=2e6, ETH=1_000.0, opens='[["add_liquidity", "amm", "ETH", 1000.0]]')
    world = make_world(STILL, venue, people("rich", 1, USD=1e9, ETH=1e6), *([provider] if venue == AMM else []))
    set_price(world, "ETH", 2000.0)
    usd, name = STEP / float(price_impact(world)[1]), world.protocols[0].name
    before = world.quotes[name].market(1).price
    assert do(world, "rich", Act.SWAP, name, "ETH", round(usd / before * 1e8), token2="USD").done
    after = world.protocols[0].quote(world).market(1).price
    assert after / before - 1.0 == pytest.approx(-STEP, rel=0.02)


def test_venues_are_as_deep_together_as_one_by_one():
    provider = people("lp", 1, USD=2e6, ETH=1_000.0, opens='[["add_liquidity", "amm", "ETH", 1000.0]]')
    alone = []
    for venues in ((DEPTH,), (AMM, provider), (DEPTH, AMM, provider)):
        world = make_world(STILL, *venues, people("a"))
        set_price(world, "ETH", 2000.0)
        alone.append(1.0 / price_impact(world)[1])
    assert alone[2] == pytest.approx(alone[0] + alone[1], rel=1e-6)


def test_where_nothing_moves_the_price_selling_is_free():
    open_loop = DEPTH.replace('kind = "depth_market"', 'kind = "depth_market"\nimpact = false')
    world = make_world(STILL, open_loop, people("a"))
    set_price(world, "ETH", 2000.0)
    assert price_impact(world).tolist() == [0.0, 0.0]


def test_an_asset_that_nobody_has_weighs_nothing_and_one_without_bids_is_unknown():
    found = Sheets(["a"], np.array([[1.0, 5.0, 0.0, 0.0]]), np.array([[0.0, 0.0, 0.0, 2.0]]))
    felt = found.felt(np.array([0.0, np.inf, np.inf, 1e-3]))
    assert np.isnan(felt[1])
    assert felt[[0, 2, 3]].tolist() == [0.0, 0.0, 1e-3]
