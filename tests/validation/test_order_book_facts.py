"""The order book preset has the stylised facts of returns, although its traders know nothing; a random walk has not."""

from functools import cache

import numpy as np
import pytest

from experiments.build import build
from experiments.config import load
from sim.math.memory import autocorrelation, correlation_band, decay, spread_lags
from sim.math.stylised import TAIL_INDEX, stylised_facts
from sim.model import SpilloverModel

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
