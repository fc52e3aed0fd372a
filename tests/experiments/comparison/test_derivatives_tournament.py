"""The tournament with derivatives: its vaults really trade, and nothing is counted that is not there."""

import numpy as np
import pandas as pd
import pytest

from experiments.analysis.study import Study
from experiments.build import build
from experiments.catalogue import load_components
from experiments.comparison.arena import Arena, gaps
from experiments.config import load
from experiments.design import plan
from experiments.run import run_once
from sim.events import Kind
from sim.model import SpilloverModel

RULES = (
    "market_cap",
    "equal_weight",
    "inverse_volatility",
    "delta_neutral",
    "put_selling",
    "covered_call_by_parity",
    "lending_only",
    "best_yield",
    "yield_with_caps",
)
CHOSEN = ("market_cap", "delta_neutral", "put_selling")
"""Of which a small tournament is run, the benchmark first."""
SHORT = ("run.ticks=90", "record.networks=[]", 'record.checks="sampled"')
"""Through the larger fall, and past the expiry of the first options."""
FEW = (
    *("agents.eth_borrowers.count=30", "agents.sol_borrowers.count=10", "agents.longs.count=10"),
    *("agents.btc_longs.count=10", "agents.noise.count=10", "agents.momentum.count=10", "agents.depositors.count=10"),
    *("agents.perp_traders.count=60", "agents.carry_funds.count=4", "agents.dealers.count=4"),
    *("run.dt='30min'", "run.ticks=36"),
)
"""Eighteen hours with few people."""


def planned(*sets):
    load_components()
    return plan(load("tournament_derivatives", sets))


@pytest.fixture(scope="module")
def finished():
    """Run one point of the preset, all dollars on a rule, in the larger fall; the world and `deltas` of every tick."""
    drawn, worlds = planned(*SHORT), {}

    def run(rule, ticks=90):
        if rule not in worlds:
            wanted = {"rule": rule, "adoption": "100%", "shock": "ETH -30%"}
            point = next(point for point in drawn.points if point.params == wanted)
            model = SpilloverModel(build(drawn.config(point)))
            hedged = []
            for _ in range(ticks):
                model.step()
                hedged.append(deltas(model.world))
            worlds[rule] = model.world, np.array(hedged)
        return worlds[rule]

    return run


def deltas(world):
    """ETH that adopters hold beside what pays for gas; coins and contracts of their vault."""
    eth, population = world.tokens["ETH"].index, world.population("adopters")
    own = world.ledger.balance[eth, population.lo : population.hi].sum() - population.count * world.gas_reserve
    vault = world.protocol("carry_vault").account
    contract = world.protocol("perps").markets[0].token
    return np.array([own, world.ledger.balance[eth, vault], world.ledger.balance[contract, vault]]) / 1e8


def events(world, protocol, kind):
    kinds, venues = world.events.column("kind"), world.events.column("protocol")
    return np.flatnonzero((kinds == kind) & (venues == world.protocol(protocol).index))


def test_the_preset_compares_what_it_promises():
    drawn = planned()
    axes = {axis["name"]: axis["values"] for axis in drawn.describe()["axes"]}
    assert tuple(axes["rule"]) == RULES
    assert axes["adoption"] == ["0%", "25%", "100%"] and axes["shock"] == ["ETH -15%", "ETH -30%"]
    assert drawn.size == 9 * 3 * 2 * 20
    assert planned("run.quick=true").size == 9 * 2 * 4


def test_delta_neutral_followers_are_and_holders_are_not(finished):
    _, vault = finished("delta_neutral")
    own, coins, contracts = vault.T
    assert coins[1:].min() > 5_000.0
    assert abs(own).max() < 0.01 * coins[1]
    assert np.abs(coins + contracts)[:70].max() < 0.021 * coins[1]
    held = finished("market_cap", 12)[1][:, 0]
    assert held.min() > 0.3 * coins[1]


def test_the_carry_vault_collects_funding_and_loses_no_more_than_its_entry(finished):
    world, _ = finished("delta_neutral")
    rates = world.events.value[events(world, "perps", Kind.FUNDING)]
    assert np.median(rates) > 0.0
    assert 49e6 < world.protocol("carry_vault").quote(world).net_assets < 51.5e6


def test_positions_are_deleveraged_in_the_larger_fall(finished):
    world, _ = finished("delta_neutral")
    vault = world.protocol("carry_vault").account
    cut = events(world, "perps", Kind.DELEVERAGE)
    assert cut.size and vault in world.events.column("subject")[cut]


def test_puts_are_sold_settled_and_hedged_at_spot(finished):
    world, _ = finished("put_selling")
    table, vault = world.protocol("options").table, world.protocol("put_vault")
    assert events(world, "options", Kind.TRADE).size == 2
    assert set(world.events.column("tick")[events(world, "options", Kind.EXPIRY)]) == {48}
    sold = -world.ledger.balance[table.token, vault.account].sum() / 1e8
    dealers = world.population("dealers")
    bought = world.ledger.balance[table.token, dealers.lo : dealers.hi].sum() / 1e8
    assert bought == pytest.approx(sold) and sold > 15_000.0
    eth = world.tokens["ETH"].index
    coins = world.ledger.balance[eth, dealers.lo : dealers.hi].sum() / 1e8
    assert coins > 0.9 * sold
    assert vault.quote(world).net_assets < 40e6


@pytest.mark.parametrize("rule", ["delta_neutral", "put_selling"])
def test_nothing_is_created_or_lost(finished, rule):
    assert not finished(rule)[0].ledger.balance.sum(axis=1).any()


@pytest.fixture(scope="module")
def small():
    """Three rules, nobody or all, the larger fall, one seed."""
    adoption = [
        '{ label = "0%", set = { "agents.adopters.count" = 0, "agents.holders.count" = 10 } }',
        '{ label = "100%", set = { "agents.adopters.count" = 10, "agents.holders.count" = 0 } }',
    ]
    drawn = planned(*FEW, *SHORT[1:], "sweep.replications=1", f"sweep.axes.adoption=[{', '.join(adoption)}]")
    rows = []
    for point, replication in drawn.runs():
        if point.params["rule"] in CHOSEN and point.params["shock"] == "ETH -30%":
            result = run_once(drawn.config(point), replication, digest="test")
            rows.append(result.row({}) | {"point": point.index} | {f"param.{k}": v for k, v in point.params.items()})
    return Study(pd.DataFrame(rows), drawn.describe(), "small", 11)


def losses(small):
    """(rules, shares) of everybody else."""
    arena = Arena(small)
    places = [arena.rules.index(rule) for rule in CHOSEN]
    return arena.loss[places, :, arena.markets.index("ETH -30%"), 0]


def test_small_runs_do_not_fail(small):
    assert set(small.runs["status"]) == {"ok"} and len(small.runs) == 2 * len(CHOSEN)


def test_no_rule_leaves_a_footprint_that_nobody_follows(small):
    nobody = losses(small)[:, 0]
    assert np.isfinite(nobody).all() and (nobody == nobody[0]).all()


def test_the_benchmark_leaves_none_and_the_others_do(small):
    change = gaps(losses(small))[:, 1]
    assert change[0] == 0.0
    assert (np.abs(change[1:]) > 1.0).all()
