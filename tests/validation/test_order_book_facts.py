"""The order book preset has the stylised facts of returns, although its traders know nothing; a random walk has not."""

from functools import cache

import numpy as np
import pytest

from experiments.build import build
from experiments.catalogue import load_components
from experiments.config import load
from sim.math.memory import autocorrelation
from sim.math.stylised import TAIL_INDEX, stylised_facts
from sim.model import SpilloverModel

load_components()
pytestmark = pytest.mark.slow
SEEDS = (1, 2, 3)
TICKS = 3_000
WARM_UP = 60
"""Minutes in which the book fills."""
TWENTY_MINUTES = 20


@cache
def simulated(seed):
    """Log returns per minute of one run of the preset through the model itself."""
    world = build(load("order_book", (f"run.seed={seed}", f"run.ticks={TICKS}", "record.every=1000")))
    model = SpilloverModel(world)
    while model.running:
        model.step()
    return np.diff(np.log(world.prices.history[WARM_UP:, 1]))


@cache
def walk(seed):
    """As many returns of a geometric Brownian motion."""
    return 1e-4 * np.random.default_rng(seed).standard_normal(TICKS - WARM_UP)


def memory(series):
    """Autocorrelation of |r| at lags 1 to 100, mean over runs."""
    lags = np.arange(1, 101)
    return np.mean([autocorrelation(np.abs(returns), lags) for returns in series], axis=0)


@pytest.mark.parametrize("seed", SEEDS)
def test_returns_are_not_predictable_and_become_more_normal_over_time(seed):
    verdicts = stylised_facts(simulated(seed), beyond=TWENTY_MINUTES).passes()
    assert verdicts["no_linear_memory"]
    assert verdicts["aggregation"]


def test_tails_are_fat_in_the_median_run():
    found = [stylised_facts(simulated(seed)).tail_index for seed in SEEDS]
    assert TAIL_INDEX[0] <= np.median(found) <= TAIL_INDEX[1]
    assert max(found) < 5.0


def test_volatility_clusters():
    assert (memory([simulated(seed) for seed in SEEDS])[:20] > 0.0).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_walk_has_neither_tails_nor_clusters(seed):
    verdicts = stylised_facts(walk(seed)).passes()
    assert not verdicts["fat_tails"]
    assert not verdicts["clustering"]
