"""Each shock does what it says, for as long as it says, and is on record as the cause."""

import json

import numpy as np
import pytest

from sim.errors import ConfigError
from sim.events import Kind
from sim.flows import OUTSIDE, Motive
from sim.intents import Act, Intent
from sim.model import SpilloverModel
from tests.worlds import AMM, DEPTH, LENDING, ORACLE, STILL, WILD, events_of, make_world, people, run

TOWN = (DEPTH, AMM, LENDING, ORACLE)
SAVER = people("saver", 2, USD=1e4, opens='[["deposit", "aave", "USD", 8e3]]')


def shock(kind, at=3, name="it", **settings):
    lines = [f'name = "{name}"', f'kind = "{kind}"', f"at = {at}"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    return "[[shocks]]\n" + "\n".join(lines) + "\n"


def step_all(world, read):
    """What `read` says of the world after each tick."""
    model, found = SpilloverModel(world), []
    while model.running:
        model.step()
        found.append(read(world))
    return found


def the_shock(world):
    (event,) = events_of(world, Kind.SHOCK)["id"]
    return event


def test_a_price_jump_moves_the_fundamental_for_good_and_is_credited_to_the_shock():
    world = make_world(STILL, *TOWN, shock("price_jump", asset="ETH", size=-0.25))
    prices = step_all(world, lambda w: w.spot()[1])
    assert prices == pytest.approx([2000.0] * 3 + [1500.0] * 9)
    table = world.flows.table()
    rows = np.flatnonzero(table["motive"] == Motive.SHOCK)
    assert table["tick"][rows].tolist() == [3]
    assert table["dlog"][rows] == pytest.approx([np.log(0.75)])
    moves = events_of(world, Kind.PRICE_MOVE)
    assert (moves["tick"], moves["cause"]) == ([3], [the_shock(world)])
    assert moves["value"] == pytest.approx([np.log(0.75)])


def test_an_oracle_that_reports_a_shock_names_it():
    world = make_world(STILL, *TOWN, shock("price_jump", asset="ETH", size=-0.25), sets=["oracles.feed.heartbeat=1d"])
    run(world)
    updates = events_of(world, Kind.ORACLE_UPDATE)
    assert (updates["tick"], updates["cause"]) == ([3], [the_shock(world)])
    assert world.events.chain(updates["id"][0]) == [updates["id"][0], the_shock(world), 0]


def test_volatility_scales_returns_inside_its_window_only():
    calm = make_world(WILD, *TOWN)
    wild = make_world(WILD, *TOWN, shock("volatility", assets=["ETH"], factor=3.0, duration="40min"))
    before, after = (np.diff(world.prices.fundamental[:, 1]) for world in (calm, wild))
    factor = np.ones(11)
    factor[2:6] = 3.0  # the returns into ticks 3 to 6
    assert after == pytest.approx(before * factor, abs=1e-12)
    assert np.array_equal(after[:2], before[:2])


def test_depth_withdrawal_thins_every_book_and_gives_the_depth_back():
    world = make_world(STILL, DEPTH, shock("depth_withdrawal", venue="market", share=0.8, duration="30min"))
    volumes = step_all(world, lambda w: w.protocol("market")._books[0].depth.volume)
    assert volumes == pytest.approx([1e5] * 3 + [2e4] * 3 + [1e5] * 6)


def test_a_displaced_price_moves_with_the_depth_credited_to_liquidity_and_to_the_shock():
    seller = people("seller", ETH=5000.0, USD=0.0)
    world = make_world(
        STILL, DEPTH, seller, shock("depth_withdrawal", venue="market", share=0.5, duration="20min"),
        shock("gas_spike", name="other", at=4, factor=2.0, duration="30min"),
    )  # fmt: skip
    world.population("seller").script = lambda view, draws: (
        [Intent(Act.SWAP, 0, view.accounts, 1, 5000 * 10**8, token2=0)] if view.tick == 2 else []
    )
    run(world)
    table = world.flows.table()
    rows = np.flatnonzero(table["motive"] == Motive.LIQUIDITY)
    assert table["tick"][rows].tolist() == [3, 5]
    assert table["population"][rows].tolist() == [OUTSIDE, OUTSIDE]
    down, up = table["dlog"][rows]
    assert down < 0.0 < up  # the same displaced volume moves a thinner book further
    moves = events_of(world, Kind.PRICE_MOVE)
    causes = dict(zip(moves["tick"], moves["cause"], strict=True))
    assert causes[3] == causes[5] == events_of(world, Kind.SHOCK)["id"][0]


def test_a_frozen_oracle_keeps_its_price_and_catches_up():
    world = make_world(
        STILL, *TOWN, shock("oracle_freeze", oracle="feed", at=2, duration="30min"),
        shock("price_jump", name="fall", at=3, asset="ETH", size=-0.25),
    )  # fmt: skip
    seen = step_all(world, lambda w: w.oracle("feed").price(1))
    assert seen == pytest.approx([2000.0] * 5 + [1500.0] * 7)


def test_overlapping_windows_end_one_by_one():
    world = make_world(
        STILL, *TOWN,
        shock("oracle_freeze", name="a", oracle="feed", at=1, duration="30min"),
        shock("oracle_freeze", name="b", oracle="feed", at=2, duration="60min"),
        shock("protocol_pause", name="c", protocol="aave", at=1, duration="20min"),
        shock("protocol_pause", name="d", protocol="aave", at=2, duration="30min"),
        shock("gas_spike", name="e", factor=2.0, at=1, duration="20min"),
        shock("gas_spike", name="f", factor=4.0, at=2, duration="20min"),
    )  # fmt: skip
    found = step_all(world, lambda w: (bool(w.oracle("feed").frozen), bool(w.protocol("aave").paused), w.chain.surge))
    assert [row[0] for row in found] == [False] + [True] * 7 + [False] * 4
    assert [row[1] for row in found] == [False] + [True] * 4 + [False] * 7
    assert [row[2] for row in found] == [1, 2, 8, 4] + [1] * 8


def test_a_skewed_oracle_publishes_wrong_prices_and_then_right_ones():
    world = make_world(STILL, *TOWN, shock("oracle_skew", oracle="feed", factor=1.3, duration="20min"))
    seen = step_all(world, lambda w: w.oracle("feed").price(1))
    assert seen == pytest.approx([2000.0] * 3 + [2600.0] * 2 + [2000.0] * 7)
    assert world.oracle("feed").skew == 1.0


def test_a_gas_spike_fills_blocks_and_lifts_the_base_fee():
    quiet = make_world(STILL, *TOWN, sets=["chain.background=0.5"])
    loud = make_world(STILL, *TOWN, shock("gas_spike", factor=3.0, duration="30min"), sets=["chain.background=0.5"])
    fees = step_all(quiet, lambda w: w.chain.base_fee), step_all(loud, lambda w: w.chain.base_fee)
    assert fees[0] == pytest.approx([20.0] * 12)
    assert fees[1][:3] == fees[0][:3]
    assert min(fees[1][3:6]) > 30.0
    assert fees[1][-1] == pytest.approx(20.0, rel=1e-3)


def test_a_forced_withdrawal_takes_its_share_out_through_the_chain():
    world = make_world(STILL, *TOWN, SAVER, shock("forced_withdrawal", agents="saver", protocol="aave", share=0.25))
    run(world)
    out = events_of(world, Kind.WITHDRAW)
    saver = world.population("saver")
    assert (out["tick"], out["actor"]) == ([3, 3], sorted([saver.lo, saver.lo + 1], key=out["actor"].index))
    assert out["amount"] == pytest.approx([2e9, 2e9], rel=1e-6)
    assert out["cause"] == [the_shock(world)] * 2
    assert events_of(world, Kind.GAS)["tick"] == [3]


def test_a_forced_withdrawal_of_everything_leaves_nothing():
    world = make_world(STILL, *TOWN, SAVER, shock("forced_withdrawal", agents="saver", protocol="aave", share=1.0))
    run(world)
    saver = world.population("saver")
    receipt = world.tokens["aave.receipt.USD"].index
    assert world.ledger.balance[receipt, saver.lo : saver.hi].tolist() == [0, 0]


def test_a_forced_withdrawal_of_pool_shares_burns_them():
    lp = people("lp", USD=1e5, ETH=50.0, opens='[["add_liquidity", "amm", "ETH", 20.0]]')
    world = make_world(STILL, *TOWN, lp, shock("forced_withdrawal", agents="lp", protocol="amm", share=0.5))
    shares = world.tokens["amm.share"].index
    before = int(world.ledger.balance[shares, world.population("lp").lo])
    run(world)
    assert int(world.ledger.balance[shares, world.population("lp").lo]) == before - before // 2


def test_an_empty_population_has_nothing_to_withdraw():
    nobody = people("nobody", 0)
    world = make_world(STILL, *TOWN, nobody, shock("forced_withdrawal", agents="nobody", protocol="aave", share=0.5))
    run(world)
    assert events_of(world, Kind.WITHDRAW)["id"] == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            shock("forced_withdrawal", agents="saver", protocol="market", share=0.5),
            r'protocol "market" \(depth_market\) keeps nothing for accounts to take out',
        ),
        (
            shock("depth_withdrawal", venue="amm", share=0.5, duration="10min"),
            r'protocol "amm" \(constant_product\) has no outside liquidity; name a depth_market',
        ),
    ],
)
def test_shocks_of_the_wrong_venue_are_refused(text, message):
    with pytest.raises(ConfigError, match=message):
        run(make_world(STILL, *TOWN, SAVER, text))


def test_windows_last_as_many_ticks_as_their_duration_and_at_least_one():
    for duration, ticks in (("10min", 1), ("30min", 3), ("1s", 1), ("34min", 3)):
        world = make_world(STILL, *TOWN, shock("protocol_pause", protocol="aave", duration=duration))
        assert world.shocks[0].length == ticks
        assert world.shocks[0].until == 3 + ticks


def test_every_shock_is_logged_once_when_it_begins():
    world = make_world(
        STILL, *TOWN, shock("price_jump", name="a", at=0, asset="ETH", size=0.1),
        shock("gas_spike", name="b", at=11, factor=2.0, duration="1h"),
    )  # fmt: skip
    run(world)
    logged = events_of(world, Kind.SHOCK)
    assert (logged["tick"], logged["subject"]) == ([0, 11], [0, 1])
