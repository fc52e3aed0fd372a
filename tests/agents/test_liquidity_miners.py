"""Miners come for the rewards and go with them; pools of three kinds are tied to one price by arbitrage."""

import numpy as np
import pytest

from sim.errors import ConfigError
from tests.worlds import DEPTH, STILL, WILD, holding, make_world, people, run

GOV = '[[assets]]\nname = "GOV"\nprice = 2.0\ndecimals = 6\n' + STILL.replace("eth", "gov").replace("ETH", "GOV")
BOOKS = DEPTH + '[[protocols.books]]\nasset = "GOV"\ndaily_volatility = 0.05\ndaily_volume = 1e4\n'
POOL = """
[[protocols]]
name = "pool"
kind = "concentrated"
asset = "ETH"
ranges = [[0.5, 2.0]]
[[protocols.rewards]]
asset = "GOV"
per_day = 10000.0
lasts = "5h"
paid_every = "1h"
"""
MINERS = """
[[agents]]
name = "miners"
kind = "liquidity_miners"
count = 20
venue = "pool"
asset = "ETH"
reward = "GOV"
sells_on = ["market"]
capital_usd = { median = 100e3, spread = 0.0 }
hurdle = [1.0, 10.0]
every = "30min"
"""
LP = people("lp", USD=1e5, ETH=400.0, opens='[["add_liquidity", "pool", "ETH", 10.0]]')


def shares(world):
    token, miners = world.tokens["pool.range0"].index, world.population("miners")
    return world.ledger.balance[token, miners.lo : miners.hi]


def make(*more, miners=MINERS, ticks=60):
    return make_world(STILL, GOV, BOOKS, POOL, LP, miners, *more, sets=[f"run.ticks={ticks}"])


def test_they_enter_while_rewards_pay_and_leave_when_emission_ends():
    world = make()
    run(world, 24)
    inside, demands = shares(world) > 0, world.population("miners").demands
    [rate, _] = world.protocol("pool").quote(world).reward_per_year
    assert 3 < inside.sum() < 20
    assert demands[inside].max() < demands[~inside].max()
    assert not inside[demands > 100.0].any()
    assert rate >= 0.5 * demands[inside].max()  # who would get less has left
    run(world, 20)
    assert not (shares(world) > 0).any()  # mercenary: nobody stays for the fees
    assert holding(world, "lp", "pool.range0") > 0


def test_they_sell_what_they_are_given():
    world = make(ticks=30)
    run(world)
    assert world.protocol("pool").programmes[0].paid > 0
    assert world.prices.history[:, world.tokens["GOV"].index].min() < 1.99
    keepers = make(miners=MINERS.replace('["market"]', "[]"), ticks=30)
    run(keepers)
    assert keepers.prices.history[:, keepers.tokens["GOV"].index] == pytest.approx(2.0)


def test_a_range_the_pool_does_not_offer_is_named():
    with pytest.raises(ConfigError, match='miners chose range 2; those of "pool" run from 0 to 1'):
        make(miners=MINERS + "range = 2\n")


TIED = """
[[protocols]]
name = "product"
kind = "constant_product"
asset = "ETH"
[[protocols]]
name = "ranges"
kind = "concentrated"
asset = "ETH"
fee = 0.0005
ranges = [[0.7, 1.5]]
[[protocols]]
name = "stable"
kind = "stableswap"
asset = "ETH"
amplification = 5
[[agents]]
name = "arbs"
kind = "arbitrageurs"
count = 3
assets = ["ETH"]
venues = ["market", "product", "ranges", "stable"]
min_profit_usd = 0.0
capital_usd = { median = 1e8, spread = 0.0 }
"""


def test_arbitrage_ties_three_kinds_of_pools_to_the_market():
    opens = ", ".join(f'["add_liquidity", "{name}", "ETH", 100.0]' for name in ("product", "ranges", "stable"))
    world = make_world(WILD, DEPTH, TIED, people("lp", USD=1e6, ETH=400.0, opens=f"[{opens}]"), sets=["run.ticks=60"])
    log, model_ticks = [], 60
    for _ in range(model_ticks):
        run(world, 1)
        log.append(world.prices.log_market.copy())
    market, *pools = np.array(log).T
    assert np.ptp(market) > 0.02
    for fee, pool in zip((0.003, 0.0005, 0.0004), pools, strict=True):
        assert np.abs(pool - market)[1:].max() < 0.02  # one tick's move at most, as orders are a tick behind the price
        assert np.median(np.abs(pool - market)) < 3 * fee + 0.003
        assert np.corrcoef(pool, market)[0, 1] > 0.9
