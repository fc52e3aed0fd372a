"""What is sampled, and when; and what the metrics make of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.events import Kind
from sim.intents import Act, Intent
from sim.metrics.market import max_drawdown
from sim.recorder import Recorder, outcomes
from tests.worlds import AMM, DEPTH, LENDING, ORACLE, STILL, WILD, events_of, make_world, people, run

SAVER = people("saver", 2, USD=1e4, opens='[["deposit", "aave", "USD", 8e3]]')
FALL = '[[shocks]]\nname = "fall"\nkind = "price_jump"\nat = 4\nasset = "ETH"\nsize = -0.5\n'


def test_samples_come_every_so_often_at_the_end_and_where_networks_are_due():
    recorder = Recorder(every=5, networks=[3], last=13)
    assert [tick for tick in range(14) if recorder.due(tick)] == [0, 3, 5, 10, 13]


def test_networks_are_stored_at_their_ticks_only():
    world = make_world(STILL, DEPTH, LENDING, ORACLE, SAVER, sets=["record.every=100", 'record.networks=[0, "1h"]'])
    run(world)
    assert [step["tick"] for step in world.recorder.steps] == [0, 6, 11]
    assert {edge["tick"] for edge in world.recorder.edges} == {0, 6}
    first = world.recorder.edges[0]
    assert first == {
        "tick": 0,
        "holder": "saver",
        "issuer": "aave",
        "token": "aave.receipt.USD",
        "usd": pytest.approx(16e3),
    }


def test_samples_hold_prices_wealth_and_reserves():
    world = make_world(WILD, DEPTH, AMM, LENDING, ORACLE, SAVER)
    run(world)
    row = world.recorder.steps[7]
    assert row["price.ETH"] == world.prices.history[7, 1]
    assert row["exogenous.ETH"] == world.prices.fundamental_history[7, 1]
    assert row["saver.wealth"] == pytest.approx(2e4 + 2 * 0.5 * row["price.ETH"])
    assert row["ledger_residual"] == 0.0
    assert row["aave.utilisation.USD"] == 0.0
    assert row["base_fee_gwei"] > 0.0


def test_outcomes_of_a_run_without_trade_follow_the_price():
    world = make_world(STILL, DEPTH, FALL, people("holder", 3, USD=0.0, ETH=1.0), people("cash", 1, USD=1e4))
    run(world)
    found = outcomes(world)
    assert found["drawdown.ETH"] == found["exogenous_drawdown.ETH"] == pytest.approx(0.5)
    assert found["amplification.ETH"] == pytest.approx(1.0)
    assert found["holder.return"] == found["holder.cvar95"] == pytest.approx(-0.5)
    assert found["holder.max_drawdown"] == pytest.approx(0.5)
    assert found["holder.ruined_share"] == 0.0
    assert found["cash.return"] == pytest.approx(-500.0 / 11_000.0)  # half a coin is kept for gas
    assert (found["liquidations"], found["bad_debt_usd"], found["branching_ratio"]) == (0.0, 0.0, 0.0)


def test_selling_amplifies_a_fall():
    world = make_world(STILL, DEPTH, FALL, people("panic", ETH=5000.0, USD=0.0))
    world.population("panic").script = lambda view, draws: (
        [Intent(Act.SWAP, 0, view.accounts, 1, 5000 * 10**8, token2=0)] if view.tick == 5 else []
    )
    run(world)
    found = outcomes(world)
    assert found["drawdown.ETH"] > found["exogenous_drawdown.ETH"]
    assert found["amplification.ETH"] > 1.0


def test_a_price_that_never_fell_has_no_amplification():
    world = make_world(STILL, DEPTH)
    run(world)
    assert np.isnan(outcomes(world)["amplification.ETH"])


def test_bad_accounts_are_the_tail():
    many = people("many", 40, USD=1.0, ETH=0.0)
    world = make_world(STILL, DEPTH, many, people("sink", 1), sets=["chain.allowance=0.0"])
    lucky, sink = world.population("many").lo + 4, world.population("sink").lo
    world.ledger.move(0, np.arange(lucky - 4, lucky), sink, 950_000, 0)  # four of forty keep a twentieth
    run(world)
    found = outcomes(world)
    assert found["many.ruined_share"] == pytest.approx(0.1)
    assert found["many.cvar95"] == pytest.approx(-0.95)  # the worst two
    assert found["many.return"] == pytest.approx(-0.095)


@given(st.lists(st.floats(0.01, 100.0), min_size=1, max_size=30))
def test_drawdown_is_the_worst_fall_from_a_peak(path):
    path = np.array(path)
    worst = max((path[i] - path[j]) / path[i] for i in range(len(path)) for j in range(i, len(path)))
    assert max_drawdown(path) == pytest.approx(worst)
    assert max_drawdown(np.empty(0)) == 0.0


def test_the_same_world_again_measures_the_same():
    parts = (WILD, DEPTH, AMM, LENDING, ORACLE, SAVER)
    worlds = [make_world(*parts), make_world(*parts), make_world(*parts, replication=1)]
    for world in worlds:
        run(world)
    rows = [[tuple(step.values()) for step in world.recorder.steps] for world in worlds]
    assert rows[0] == rows[1] != rows[2]
    assert events_of(worlds[0], Kind.PRICE_MOVE) == events_of(worlds[1], Kind.PRICE_MOVE)


@pytest.mark.parametrize("place", ["step", "final"])
def test_an_error_in_a_metric_names_it(place, monkeypatch):
    world = make_world(STILL, DEPTH, people("cash", 1, USD=1e4))
    metric = world.metrics[0]
    monkeypatch.setattr(metric, place, lambda world: 1 / 0)
    with pytest.raises(ZeroDivisionError) as caught:
        world.recorder.sample(world) if place == "step" else outcomes(world)
    assert caught.value.__notes__ == [f'in metric "{metric.kind}"']
