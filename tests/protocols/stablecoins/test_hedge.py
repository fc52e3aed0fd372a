"""What stands behind a synthetic dollar: equal legs, margin in its band, funding to the reserve, lost hedges."""

import math

import numpy as np
import pytest

from sim import exposure
from sim.errors import ConfigError
from sim.events import Kind
from sim.flows import Motive
from sim.intents import Act
from sim.model import SpilloverModel
from tests.dollar_worlds import ISSUER, MONEY, make
from tests.worlds import do, events_of

WILD = ("processes.eth.volatility=3.0",)


def parts(world):
    issuer = world.protocol("issuer")
    return issuer, issuer.hedge


def leverage(world):
    _, hedge = parts(world)
    return hedge.short(world) * float(world.spot()[hedge.coin]) / hedge.equity(world)


def lose_hedge(world, share, room=1e18):
    """Deleverage a share of the short, with so much left to sell on the venue; the event."""
    venue = world.protocol("perps")
    venue.room = room
    return venue.deleverage(world, world.protocol("issuer").account, share)


@pytest.mark.parametrize("supply", [0.0, 3e6])
def test_it_opens_neutral_fully_backed_and_with_its_reserve(supply):
    world = make(issuer=f"{ISSUER}outside_supply = {supply}\nreserve = 0.02\n")
    issuer, hedge = parts(world)
    assert issuer.owed(world) == 4e6 + supply
    assert issuer.backing_ratio(world) == pytest.approx(1.02)
    assert issuer.delta(world) == 0.0
    assert leverage(world) == pytest.approx(2.0)
    assert hedge.cash(world) == pytest.approx(0.1 * issuer.net_assets(world), rel=1e-6)
    assert world.ledger.balance[issuer.unit, 0] == supply * MONEY


@pytest.mark.parametrize("seed", range(4))
def test_net_delta_stays_in_its_band_and_leverage_too_whatever_the_coin_does(seed):
    world = make(sets=(*WILD, f"run.seed={seed}", "run.ticks=60"))
    issuer, hedge = parts(world)
    model, traded, rng = SpilloverModel(world), 0, np.random.default_rng(seed)
    while model.running:
        row = int(rng.integers(4))
        if rng.random() < 0.5:
            do(world, "holders", Act.MINT, "issuer", "USD", int(rng.integers(1, 3e11)), row=row, token2="USDE")
        else:
            do(world, "holders", Act.REDEEM, "issuer", "USDE", int(rng.integers(1, 3e11)), row=row)
        before = hedge.spot(world)
        model.step()
        traded += hedge.spot(world) != before
        assert abs(issuer.delta(world)) <= issuer.delta_band
        assert 0.9 * issuer.leverage_band[0] < leverage(world) <= issuer.leverage_band[1] * 1.001
    assert traded >= 5


def test_market_moves_pass_it_by_but_for_the_cost_of_trading():
    still, wild = make(sets=("run.ticks=40",)), make(sets=(*WILD, "run.ticks=40"))
    for world in (still, wild):
        SpilloverModel(world).run()
    moved = abs(math.log(wild.spot()[1] / 2_000.0))
    assert moved > 0.03
    assert still.protocol("issuer").backing_ratio(still) == pytest.approx(1.01, abs=1e-6)
    assert wild.protocol("issuer").backing_ratio(wild) == pytest.approx(1.01, abs=3e-3)


def test_funding_goes_to_the_reserve_and_what_it_costs_is_borne_by_the_reserve_first():
    world = make()
    issuer, hedge = parts(world)
    notional = hedge.short(world) * 2_000.0
    for rate in (1e-3, -5e-3):
        before = issuer.net_assets(world)
        world.protocol("perps").pay_funding(world, rate)
        assert issuer.net_assets(world) - before == pytest.approx(rate * notional, rel=1e-6)
        assert issuer.value(world) == 1.0
    exposure.revalue(world)
    equity = world.prices.values[issuer.equity]
    assert equity == pytest.approx(issuer.net_assets(world) - 4e6)
    world.protocol("perps").pay_funding(world, -0.05)
    assert issuer.value(world) == pytest.approx(issuer.net_assets(world) / 4e6)
    assert issuer.value(world) < 1.0


def test_its_wealth_is_handed_on_to_the_last_cent():
    world = make(sets=(*WILD, "run.ticks=20"))
    SpilloverModel(world).run()
    exposure.revalue(world)
    assert exposure.wealth_by_account(world)[world.protocol("issuer").account] == pytest.approx(0.0, abs=1e-3)


def test_a_lost_hedge_is_put_on_again_where_there_is_somebody_to_sell_to():
    world = make()
    SpilloverModel(world).step()
    coins = parts(world)[1].spot(world)
    event = lose_hedge(world, 0.5)
    assert world.protocol("issuer").delta(world) == pytest.approx(0.5)
    SpilloverModel(world).step()
    hedge = parts(world)[1]
    assert hedge.spot(world) == hedge.short(world) == coins
    trades = events_of(world, Kind.TRADE)
    assert trades["cause"][-1] == event
    assert not events_of(world, Kind.SWAP)["id"]


def test_what_cannot_be_hedged_again_is_sold_and_the_flow_names_the_deleveraging():
    world = make()
    model = SpilloverModel(world)
    model.step()
    event = lose_hedge(world, 0.5, room=106.0)
    model.step()
    issuer, hedge = parts(world)
    assert issuer.delta(world) == pytest.approx(0.0, abs=1e-9)
    assert hedge.short(world) == pytest.approx(1212.0 / 2 + 106.0 + issuer_growth(world), abs=1.0)
    swaps = events_of(world, Kind.SWAP)
    assert swaps["cause"][0] == event
    flows = world.flows.table()
    mine = (flows["population"] == issuer.desk) & (flows["motive"] == Motive.UNWIND)
    assert flows["dlog"][mine].sum() < -0.01
    moves = events_of(world, Kind.PRICE_MOVE)
    assert event in world.events.chain(moves["id"][0])


def issuer_growth(world):
    """Coins that the size review hedged on top, in the tick of the loss."""
    trades = events_of(world, Kind.TRADE)
    return sum(trades["amount"][2:]) / 1e8


def test_a_loss_is_handled_once():
    world = make()
    model = SpilloverModel(world)
    model.step()
    event = lose_hedge(world, 0.5, room=0.0)
    model.step()
    assert events_of(world, Kind.SWAP)["cause"] == [event]
    world.protocol("perps").room = 1e18
    for _ in range(4):
        model.step()
    assert len(events_of(world, Kind.SWAP)["cause"]) > 1
    assert event not in events_of(world, Kind.SWAP)["cause"][1:]


def test_while_the_venue_is_paused_coin_left_naked_is_sold_all_the_same():
    world = make()
    model = SpilloverModel(world)
    model.step()
    lose_hedge(world, 0.3)
    world.protocol("perps").paused = 1
    model.step()
    assert world.protocol("issuer").delta(world) == pytest.approx(0.0, abs=1e-9)


def test_a_short_beyond_the_coin_is_bought_back():
    world = make()
    model = SpilloverModel(world)
    model.step()
    issuer, hedge = parts(world)
    hedge.sell_spot(world, 200.0, 0)
    assert issuer.delta(world) < -0.1
    model.step()
    assert abs(issuer.delta(world)) < issuer.delta_band


def test_a_liquidated_short_costs_the_reserve_and_then_the_holders():
    world = make(issuer=ISSUER + "reserve = 0.01\n")
    model = SpilloverModel(world)
    model.step()
    venue, issuer = world.protocol("perps"), world.protocol("issuer")
    venue.room = 0.0
    venue.deleverage(world, issuer.account, 1.0, price=2_200.0)  # closed 10% above the market
    model.step()
    model.step()
    loss = 1212.0 * 200.0 / 4e6
    assert issuer.value(world) < 1.01 - loss
    assert world.spot()[issuer.unit] == pytest.approx(issuer.value(world), rel=1e-3)
    assert math.exp(world.prices.fundamental[world.clock.tick + 1, issuer.unit]) == pytest.approx(issuer.value(world))
    flows = world.flows.table()
    mine = flows["motive"] == Motive.FUNDAMENTAL
    assert flows["dlog"][mine].sum() == pytest.approx(math.log(world.spot()[issuer.unit]), rel=1e-6)


def test_redemptions_beyond_the_cash_unwind_both_legs():
    world = make()
    SpilloverModel(world).step()
    issuer, hedge = parts(world)
    coins = hedge.spot(world)
    for row in range(3):
        do(world, "holders", Act.REDEEM, "issuer", "USDE", 10**12, row=row)
    for _ in range(10):
        SpilloverModel(world).step()
        assert abs(issuer.delta(world)) <= issuer.delta_band
    assert issuer.owed(world) == pytest.approx(1e6)
    assert hedge.spot(world) < 0.45 * coins
    assert issuer.value(world) == 1.0


def test_an_opening_short_that_the_venue_does_not_take_is_an_error():
    with pytest.raises(ConfigError, match="give the venue more liquidity"):
        make(sets=("protocols.perps.room=10.0",))
