"""Cheaper blocks make the same accounts rebalance more often: what a second layer does to an allocator."""

import numpy as np
import pytest

from sim.events import Kind
from tests.worlds import DEPTH, WILD, make_world, run

LAYERS = {"mainnet": 100.0, "quiet": 10.0, "rollup": 0.1, "free": 0.001}
"""Base fee in gwei, falling."""
REBALANCER = """
[[agents]]
name = "allocators"
kind = "allocator"
count = 40
assets = ["ETH"]
rule = { kind = "fixed", targets = { ETH = 0.5 } }
trigger = TRIGGER
venues = ["market"]
wealth_usd = { median = WEALTH, spread = 1.0 }
min_trade_usd = 0.01
"""
COST_BENEFIT = '{ kind = "cost_benefit", cost = 0.0, gas = 150_000, window = "4h", every = "10min" }'
GAS = '{ kind = "gas", above = 50.0, base = { kind = "calendar", every = "20min" } }'


def finished(trigger, base_fee, seed, wealth=1e5):
    """Four hours of the same prices for the same accounts on a chain of this base fee."""
    agents = REBALANCER.replace("TRIGGER", trigger).replace("WEALTH", str(wealth))
    sets = (
        f"run.seed={seed}",
        "run.ticks=24",
        f"chain.base_fee={base_fee}",
        "chain.background=0.5",
        "protocols.market.impact=false",
    )
    world = make_world(WILD, DEPTH, agents, sets=sets)
    run(world)
    return world


def trades(world):
    """How many swaps went through, per account."""
    return len(world.events.where(Kind.SWAP)) / 40


@pytest.mark.parametrize("seed", [1, 2])
def test_the_cheaper_gas_the_more_often_accounts_rebalance(seed):
    worlds = [finished(COST_BENEFIT, fee, seed) for fee in LAYERS.values()]
    paths = [world.prices.history for world in worlds]
    assert all(np.array_equal(paths[0], path) for path in paths[1:])
    counts = [trades(world) for world in worlds]
    assert counts == sorted(counts)
    assert counts[-1] > 4.0 * (counts[0] + 0.25)


def test_gas_keeps_small_accounts_from_trading_and_large_ones_not():
    small, large = (trades(finished(COST_BENEFIT, 100.0, 1, wealth)) for wealth in (1e3, 1e8))
    assert small == 0.0
    assert large > 5.0


def test_who_waits_for_cheap_gas_rebalances_all_the_time_where_it_is_always_cheap():
    dear, cheap = (trades(finished(GAS, fee, 1)) for fee in (100.0, 0.1))
    assert dear == 0.0
    assert cheap == pytest.approx(12.0, abs=1.0)
