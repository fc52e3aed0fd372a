"""Loss versus rebalancing (Milionis, Moallemi, Roughgarden, Zhang 2022) through the real pool, ledger and chain."""

from functools import cache

import numpy as np
import pytest

from experiments.build import build
from experiments.catalogue import load_components
from experiments.config import load
from sim.phases import run_tick, tick_table

CONFIG = """
[run]
ticks = 1500
dt = "5min"
seed = 11

[record]
every = 1000

[chain]
base_fee = 0.001
background = 0.0
allowance = 1.0

[[assets]]
name = "USD"
price = 1.0
numeraire = true
[[assets]]
name = "ETH"
price = 2000.0
decimals = 8

[[processes]]
name = "eth"
kind = "gbm"
assets = ["ETH"]
volatility = 0.955  # 5% a day

[[protocols]]
name = "market"
kind = "depth_market"
fee = 0.0
impact = false
books = [{ asset = "ETH", daily_volatility = 0.05, daily_volume = 1e6 }]
[[protocols]]
name = "pool"
kind = "constant_product"
asset = "ETH"
fee = FEE

[[agents]]
name = "providers"
kind = "liquidity_providers"
count = 1
venue = "pool"
asset = "ETH"
deposit_usd = { total = 2e7 }
hazard = 0.0
[[agents]]
name = "arbitrageurs"
kind = "arbitrageurs"
count = 1
assets = ["ETH"]
venues = ["market", "pool"]
capital_usd = { total = 1e8 }
min_profit_usd = 0.0
bid_share = 0.0
tip = 0.0
"""


GAS_GAP = 2e-5
"""Log mispricing that is not worth the gas of this chain: value / 8 * gap^2 = $0.0003."""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run a pool of a given fee: (ticks,) arbitrage profit over pool value, reference and pool log prices."""
    return cache(lambda fee: measure(tmp_path_factory.mktemp("lvr") / "lvr.toml", fee))


def measure(file, fee):
    file.write_text(CONFIG.replace("FEE", str(fee)))
    load_components()
    world = build(load(file))
    phases, account = tick_table(), world.population("arbitrageurs").lo
    pool, held = world.protocol("pool").account, world.ledger.balance
    earned, reference, priced = [], [], []
    cash, coins = held[0, account], held[1, account]
    for _ in range(world.clock.ticks):
        run_tick(world, phases)
        price = float(np.exp(world.prices.log_market[0]))
        # What the legs earned at this tick's price: gas, which is next to nothing, counts as a loss.
        gain = (held[0, account] - cash) / 1e6 + (held[1, account] - coins) / 1e8 * price
        earned.append(gain / (2.0 * held[0, pool] / 1e6))
        cash, coins = held[0, account], held[1, account]
        reference.append(np.log(price))
        priced.append(world.prices.log_market[1])
    return np.array(earned), np.array(reference), np.array(priced)


def test_without_fee_the_pool_follows_and_loses_an_eighth_of_the_variance(run):
    earned, reference, priced = run(0.0)
    assert priced == pytest.approx(reference, abs=GAS_GAP)
    assert earned.sum() == pytest.approx(np.sum(np.diff(reference) ** 2) / 8.0, rel=0.003)


def test_with_a_fee_the_pool_stays_in_its_band_and_arbitrage_earns_less(run):
    free, _, _ = run(0.0)
    earned, reference, priced = run(0.003)
    assert np.abs(priced - reference).max() <= -np.log1p(-0.003) + GAS_GAP
    traded = np.flatnonzero(earned != 0.0)
    # Discrete steps of standard deviation s against a band of half-width g: trades with probability near
    # 1 / (1 + g / (s / sqrt 2)) under Poisson block times; equal steps trade a little less often.
    step = np.std(np.diff(reference))
    assert traded.size / earned.size == pytest.approx(1.0 / (1.0 + np.sqrt(2.0) * 0.003 / step), rel=0.15)
    assert 0.0 < earned.sum() < 0.6 * free.sum()
