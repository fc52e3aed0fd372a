"""Random market makers for the kernels of quoting."""

import numpy as np

from agents.shared.quoting import Screen
from tests.kernel_cases import case, spread


def some_makers(rng, n):
    """Distances of bids and asks, some of which would cross the book."""
    return rng.normal(0.0005, 0.0005, (2, n))


@case("agents.shared.quoting.quote_distances")
def _(rng, n):
    base, skew = rng.exponential(1e-3, (2, n))
    inventory, nearest = rng.normal(0.0, 5.0, n), rng.choice([0.0, 1e-3], n)
    return base, skew, inventory, nearest, nearest + rng.exponential(1e-3, n), np.empty((2, n))


@case("agents.shared.quoting.quote_orders")
def _(rng, n):
    mid = float(np.exp(rng.normal(5, 2)))
    bid = float(rng.choice([0.0, mid * 0.9995]))
    ask = float(rng.choice([np.inf, mid * 1.0005]))
    screen = Screen(mid, bid, ask, float(rng.choice([0.01, 0.5, mid * 2])), int(rng.choice([1, 100, 10_000])), 0.01)
    limits = rng.normal(0.0, 5.0, n), rng.uniform(0.5, 12.0, n), 1 + spread(rng, n, 1e9)
    means = spread(rng, n, 1e12), spread(rng, n, 1e10)
    results = np.empty((2, 3, n)), np.zeros((2, 3, n), np.int64)
    return screen, some_makers(rng, n), float(rng.choice([0.0, 5e-4, 0.7])), *limits, *means, *results
