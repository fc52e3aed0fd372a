"""The order book preset has the stylised facts of returns, although its traders know nothing; a random walk has not."""

from functools import cache

import numpy as np
import pytest

from experiments.build import build
from experiments.catalogue import load_components
from experiments.config import load
from sim.math.stylised import stylised_facts
from sim.math.tails import excess_kurtosis
from sim.model import SpilloverModel

load_components()
pytestmark = pytest.mark.slow
FACTS = ("fat_tails", "no_linear_memory", "clustering", "power_law", "aggregation")
WARM_UP = 60
"""Minutes in which the book fills."""
TWENTY_MINUTES = 20
STEADY = 1_500
"""Minutes of the run without cycles, enough for what it has to show."""


@cache
def simulated(*sets):
    """Log returns per minute of a run of the preset, of its own seed and length unless told, through the model."""
    model = SpilloverModel(build(load("order_book", ("record.every=1000", *sets))))
    while model.running:
        model.step()
    return np.diff(np.log(model.world.prices.history[WARM_UP:, 1]))


def walk(seed):
    """As many returns of a geometric Brownian motion of the same volatility."""
    returns = simulated()
    return returns.std() * np.random.default_rng(seed).standard_normal(returns.size)


def verdicts(returns):
    return stylised_facts(returns, beyond=TWENTY_MINUTES).passes()


def test_the_preset_is_the_market_it_says_it_is():
    world = build(load("order_book"))
    assert [world.population(name).count for name in ("crowd", "makers")] == [1_000, 20]
    assert all(world.population(name).latency.min() > 0.0 for name in ("crowd", "makers"))


@pytest.mark.parametrize("fact", FACTS)
def test_the_preset_has_every_fact(fact):
    found = stylised_facts(simulated(), beyond=TWENTY_MINUTES)
    assert found.passes()[fact], found


def test_without_cycles_volatility_neither_clusters_nor_follows_a_power_law():
    steady = simulated("agents.crowd.cycles.spread=1e-9", f"run.ticks={STEADY}")
    assert excess_kurtosis(steady) < excess_kurtosis(simulated()[: steady.size])
    assert not verdicts(steady)["clustering"]
    assert not verdicts(steady)["power_law"]


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_random_walk_has_neither_tails_nor_clusters(seed):
    found = verdicts(walk(seed))
    assert not found["fat_tails"]
    assert not found["clustering"]
    assert not found["power_law"]
    assert found["no_linear_memory"]
