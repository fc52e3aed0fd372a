"""Macro signals: an exogenous factor that nobody trades, seen by rules, triggers and forecasters."""

import numpy as np
import pytest

from sim.flows import Motive
from sim.model import SpilloverModel
from tests.agents.option_worlds import actor_of
from tests.worlds import DEPTH, make_world, run

MACRO = """
[[assets]]
name = "SHARES"
price = 5000.0
[[processes]]
name = "macro"
kind = "factor"
assets = ["SHARES", "ETH"]
loadings = [1.0, 2.0]
volatility = [0.0, 0.3]
factor_volatility = 0.9
"""
FOLLOWERS = """
[[agents]]
name = "followers"
kind = "allocator"
count = COUNT
assets = ["ETH"]
rule = RULE
trigger = TRIGGER
venues = ["market"]
wealth_usd = { mean = 2e4, spread = 0.0 }
"""
TREND = '{ kind = "moving_average", fast = "30min", slow = "2h", signal = "SHARES" }'
OFTEN = '{ kind = "calendar", every = "10min" }'
WATCH = """{ kind = "forecast", asset = "SHARES", level = 0.9, band = 0.1, window = "2h", every = "10min",
forecaster = { kind = "ewma", decay = 0.8 } }""".replace("\n", " ")
HALF = '{ kind = "fixed", targets = { ETH = 0.5 } }'


def world_of(count, rule=TREND, trigger=OFTEN, seed=1):
    agents = FOLLOWERS.replace("COUNT", str(count)).replace("RULE", rule).replace("TRIGGER", trigger)
    return make_world(MACRO, DEPTH, agents, sets=(f"run.seed={seed}", "run.ticks=60", "chain.allowance=0.0"))


def prices(world, asset):
    return world.prices.history[:, world.tokens[asset].index]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nobody_moves_the_factor_though_those_who_follow_it_move_prices(seed):
    alone, followed = world_of(0, seed=seed), world_of(100, seed=seed)
    run(alone)
    run(followed)
    assert np.array_equal(prices(alone, "SHARES"), prices(followed, "SHARES"))
    assert not np.array_equal(prices(alone, "ETH"), prices(followed, "ETH"))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_rule_holds_what_the_factor_says_at_every_tick(seed):
    world = world_of(3, seed=seed)
    model, actor = SpilloverModel(world), actor_of(world, "followers")
    signals = []
    while model.running:
        model.step()
        path = prices(world, "SHARES")[: world.clock.tick + 1]
        population, rows = actor.population, np.arange(3)
        _, held, _ = population._measure(actor.view, rows)
        signals.append((path[-3:].mean() > path[-12:].mean(), bool((held > 1e4).all())))
    signals = np.array(signals)
    assert 5 < signals[:, 0].sum() < 55
    steady = signals[1:, 0] == signals[:-1, 0]  # an order of this tick may be on its way
    assert np.array_equal(signals[1:, 1][steady], signals[1:, 0][steady])


def test_a_forecast_of_the_factors_volatility_makes_accounts_trade_another_asset():
    world = world_of(20, rule=HALF, trigger=WATCH)
    trigger, model, moved = world.population("followers").trigger, SpilloverModel(world), []
    before = None
    while model.running:
        model.step()
        moved.append(before is not None and trigger.high is not before)
        before = trigger.high
    flows = world.flows.table()
    traded = sorted(set(flows["tick"][flows["motive"] == Motive.REBALANCING].tolist()))
    assert traded
    assert set(traded) <= set(np.flatnonzero(moved).tolist())
