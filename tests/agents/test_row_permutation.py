"""The order of a population's rows is nobody's business: permuting them permutes what is sent and nothing else."""

from collections import Counter

import numpy as np
import pytest

from agents.allocator import Allocator
from agents.arbitrageurs import Arbitrageurs
from agents.liquidity_providers import LiquidityProviders
from agents.momentum import Momentum
from agents.noise import Noise
from agents.rules.inverse_volatility import InverseVolatility
from agents.triggers.drift import Drift

BOTH = {"assets": ["ETH", "BTC"], "venues": ["market", "other"]}
POPULATIONS = {
    "noise": lambda: Noise(name="p", count=60, trades_per_day=200.0, **BOTH),
    "momentum": lambda: Momentum(name="p", count=60, every=300.0, lookbacks=[300.0, 900.0], entry=(0.01, 0.02), **BOTH),
    "arbitrageurs": lambda: Arbitrageurs(
        name="p", count=60, attention=0.5, min_profit_usd=0.0, assets=["ETH"], venues=["market", "pool"]
    ),
    "fastest": lambda: Arbitrageurs(
        name="p", count=60, competition="fastest", min_profit_usd=0.0, assets=["ETH"], venues=["market", "pool"]
    ),
    "liquidity_providers": lambda: LiquidityProviders(
        name="p", count=60, venue="pool", asset="ETH", window=300.0, every=60.0, threshold=(1.0, 9.0), hazard=99.0
    ),
    "allocator": lambda: Allocator(
        name="p", count=60, rule=InverseVolatility(invested=0.8), trigger=Drift(band=0.01, every=300.0), **BOTH
    ),
}


def run(place, population, order):
    """What each label sent over a run, and what it holds at the end."""
    place.seat(population, order=order)
    rng = np.random.default_rng(11)
    sent = Counter()
    for _ in range(60):
        place.step(*(place.prices[1:] * np.exp(rng.standard_normal(2) * 0.01)))
        for intent in place.act(execute=not isinstance(population, Arbitrageurs)):
            columns = np.broadcast_arrays(intent.account, intent.amount, intent.limit, intent.tip)
            for account, *numbers in zip(*(column.tolist() for column in columns), strict=True):
                label = int(population.labels[account - 10])
                sent[(place.tick, label, intent.act, intent.venue, intent.token, *numbers)] += 1
    back = np.argsort(population.labels)
    return sent, place.balances[:, back].tolist()


@pytest.mark.parametrize("name", POPULATIONS)
def test_permuting_rows_changes_nothing_but_their_order(floor, pool, name):
    def place():
        made = floor(ETH=2000.0, BTC=40_000.0).open("market").open("other")
        return made.open("pool", pool, assets=["ETH"])

    straight = run(place(), POPULATIONS[name](), None)
    shuffled = run(place(), POPULATIONS[name](), np.random.default_rng(4).permutation(60))
    assert sum(straight[0].values()) > 30
    assert shuffled == straight
