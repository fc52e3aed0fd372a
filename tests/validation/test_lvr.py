"""Loss versus rebalancing through the project's own pool, arbitrageur, chain and depth market.

Milionis, Moallemi, Roughgarden and Zhang (2022): a constant-product pool without fee loses sigma^2 / 8 of its value
per unit of time; with a fee and blocks at rate lambda, arbitrage happens in a share P = 1 / (1 + sqrt(2 lambda) fee /
sigma)
of blocks (Milionis, Moallemi and Roughgarden 2023).
"""

import math

import numpy as np
import pytest

from experiments.build import build
from experiments.catalogue import load_components
from experiments.config import load
from sim.events import Kind
from sim.model import SpilloverModel

SIGMA_DAY = 0.05
BLOCK = 12.0
CONFIG = """
[run]
ticks = {ticks}
dt = "{dt}"
seed = 11
[record]
every = 100000
checks = "sampled"
[chain]
background = 0.0
base_fee = 1e-3
outsider_tip = 1e-9
[[assets]]
name = "USD"
numeraire = true
price = 1.0
decimals = 6
[[assets]]
name = "ETH"
price = 2000.0
decimals = 8
[[processes]]
name = "eth"
kind = "gbm"
assets = ["ETH"]
volatility = {volatility}
[[protocols]]
name = "market"
kind = "depth_market"
impact = false
fee = 0.0
[[protocols.books]]
asset = "ETH"
daily_volatility = 0.05
daily_volume = 1e6
[[protocols]]
name = "amm"
kind = "constant_product"
asset = "ETH"
fee = {fee}
[[agents]]
name = "providers"
kind = "liquidity_providers"
count = 1
venue = "amm"
asset = "ETH"
deposit_usd = {{ total = 200e6 }}
hazard = 0.0
[[agents]]
name = "arbitrageurs"
kind = "arbitrageurs"
count = 1
assets = ["ETH"]
venues = ["market", "amm"]
capital_usd = {{ total = 400e6 }}
min_profit_usd = 0.0
attention = {attention}
bid_share = 0.0
tip = 0.0
slippage = 1.0
"""


def market(tmp_path, ticks, fee, dt="12s", attention=1.0):
    load_components()
    file = tmp_path / "lvr.toml"
    yearly = SIGMA_DAY * math.sqrt(365.0)
    file.write_text(CONFIG.format(ticks=ticks, fee=fee, dt=dt, attention=attention, volatility=yearly))
    return build(load(file))


def pool_path(world, ticks):
    """(ticks + 1, 2) asset and numeraire in the pool after each tick, and the reference prices they followed."""
    model, amm = SpilloverModel(world), world.protocol("amm")
    held = [world.ledger.balance[[1, 0], amm.account].copy()]
    for _ in range(ticks):
        model.step()
        held.append(world.ledger.balance[[1, 0], amm.account].copy())
    return np.array(held) / [1e8, 1e6], world.prices.history[:, 1]


def test_a_pool_without_fee_loses_an_eighth_of_the_variance(tmp_path):
    ticks = 6_000
    world = market(tmp_path, ticks, fee=0.0)
    held, price = pool_path(world, ticks)
    value = held[:, 0] * np.concatenate([price[:1], price]) + held[:, 1]
    # Tick t trades at price[t]: the loss is what holding the reserves of the tick before would have been worth more.
    loss = held[:-1, 0] * price + held[:-1, 1] - value[1:]
    variance = np.diff(np.log(price)) ** 2
    measured = (loss[1:] / value[1:-1]).sum() / variance.sum()
    assert measured == pytest.approx(1.0 / 8.0, rel=3e-3)
    per_day = (loss[1:] / value[1:-1]).sum() * 86_400.0 / (BLOCK * (ticks - 1))
    assert per_day == pytest.approx(SIGMA_DAY**2 / 8.0, rel=4.0 * math.sqrt(2.0 / ticks))


def test_the_arbitrageur_gains_what_the_pool_loses(tmp_path):
    ticks = 500
    world = market(tmp_path, ticks, fee=0.0)
    arbitrageur = world.population("arbitrageurs").lo
    start = world.ledger.balance[[1, 0], arbitrageur].copy()
    held, price = pool_path(world, ticks)
    loss = (held[:-1, 0] - held[1:, 0]) * price + held[:-1, 1] - held[1:, 1]
    gain = (world.ledger.balance[[1, 0], arbitrageur] - start) / [1e8, 1e6]
    assert gain[0] == pytest.approx(0.0, abs=1e-5)
    assert gain[1] == pytest.approx(loss.sum(), rel=1e-3)


@pytest.mark.parametrize(("fee", "expected"), [(0.003, 0.1220), (0.0005, 0.4545)])
def test_the_share_of_blocks_with_arbitrage(tmp_path, fee, expected):
    ticks, attention = 24_000, 1.0 / 6.0
    # Blocks at random times, one in 12 seconds on average: the arbitrageur gets one in six ticks of two seconds.
    world = market(tmp_path, ticks, fee=fee, dt="2s", attention=attention)
    SpilloverModel(world).run()
    swaps = world.events.where(Kind.SWAP)
    amm = world.protocol("amm").index
    traded = np.zeros(ticks)
    traded[world.events.column("tick")[swaps[world.events.column("protocol")[swaps] == amm]]] = 1.0 / attention
    # Trades come in runs, so the error is that of the means of 30 batches.
    share, error = traded.mean(), traded.reshape(30, -1).mean(axis=1).std(ddof=1) / math.sqrt(30)
    sigma = SIGMA_DAY / math.sqrt(86_400.0)
    formula = 1.0 / (1.0 + math.sqrt(2.0 / BLOCK) * fee / sigma)
    assert formula == pytest.approx(expected, abs=5e-5)
    assert share == pytest.approx(formula, abs=3.0 * error)
    assert error < 0.15 * formula
