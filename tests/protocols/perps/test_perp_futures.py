"""Dated contracts: carry, convergence and settlement."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.events import Kind
from sim.intents import Act
from tests.protocols.perps.perp_worlds import BOOK, account, contract, deposit, perp_world, perps, trade
from tests.worlds import WILD, do, events_of, holding, run

DATED = 'expiry = "80min"\nsettlement_window = "10min"\nfee = 0.0\nimpact = false\n'


@given(sizes=st.tuples(*[st.floats(-20.0, 20.0).filter(lambda x: abs(x) > 0.01)] * 2))
@settings(max_examples=8, deadline=None)
def test_a_future_pays_size_times_settlement_less_entry_to_the_atom(sizes):
    world = perp_world("", contract("F", DATED + "max_leverage = 5.0"), path=WILD)
    for row, size in enumerate(sizes):
        deposit(world, 8e4, row)
        assert trade(world, size, row, token="perp.F").done
    entry = world.quotes["perp"].contracts[0].price
    run(world)
    price = events_of(world, Kind.EXPIRY)["value"][0]
    for row, size in enumerate(sizes):
        assert holding(world, "a", "perp.F", row) == holding(world, "a", "perp.quote", row) == 0
        exact = round(abs(size) * 1e8) * np.sign(size) / 1e8 * (price - entry) * 1e6
        assert holding(world, "a", "perp.margin", row) - 8 * 10**10 == pytest.approx(exact, abs=2.0)


def test_basis_is_the_carry_that_is_left_and_zero_at_expiry():
    world = perp_world("", contract("F", DATED + "carry = 2.0"), path=WILD)
    token = world.tokens["ETH"].index
    basis = []
    market, spot = perps(world).markets[0].market, world.markets.reference[token]

    def script(view, draws):
        basis.append(world.prices.log_market[market] - world.prices.log_market[spot])
        return []

    world.population("a").script = script
    run(world)
    left = np.maximum(8 - np.arange(12), 0) * 600.0 / (365 * 86_400)
    assert basis == pytest.approx(2.0 * left, abs=1e-12)
    assert basis[0] > 0.0 == pytest.approx(basis[-1], abs=1e-12)
    settled = events_of(world, Kind.EXPIRY)
    assert settled["tick"] == [8]
    assert settled["value"][0] == pytest.approx(world.prices.history[8, token], rel=1e-12)


def test_the_settlement_price_is_the_mean_index_of_the_window():
    world = perp_world("", contract("F", DATED.replace("10min", "30min")), path=WILD)
    run(world)
    seen = world.prices.history[6:9, world.tokens["ETH"].index]
    assert events_of(world, Kind.EXPIRY)["value"] == pytest.approx([seen.mean()], rel=1e-12)


def test_after_expiry_nothing_trades_and_no_funding_was_ever_paid():
    world = perp_world("", contract("F", DATED))
    deposit(world, 1e4)
    trade(world, 5.0, token="perp.F")
    run(world)
    assert "expired" in trade(world, 1.0, token="perp.F").reason
    assert world.quotes["perp"].contracts == ()
    assert not world.events.where(Kind.FUNDING).size


def test_a_contract_may_expire_after_the_run():
    world = perp_world("", contract("F", DATED.replace("80min", "90d")))
    assert world.quotes["perp"].contracts[0].expiry == 90 * 144
    run(world)
    assert not world.events.where(Kind.EXPIRY).size


def test_an_inverse_future_settles_in_coins():
    book = BOOK.replace("1e5", "2e8")
    world = perp_world('margin_asset = "ETH"', contract("F", DATED + "inverse = true", book=book), path=WILD)
    do(world, "a", Act.DEPOSIT, "perp", "ETH", 20 * 10**8)
    trade(world, 9000.0, token="perp.F")
    entry = world.quotes["perp"].contracts[0].price
    run(world)
    price = events_of(world, Kind.EXPIRY)["value"][0]
    gained = 9000.0 * (1.0 / entry - 1.0 / price) * 1e8
    assert holding(world, "a", "perp.margin") - 20 * 10**8 == pytest.approx(gained, abs=2.0)
    assert perps(world).markets[0].cost[account(world)] == 0
