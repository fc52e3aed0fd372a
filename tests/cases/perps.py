"""Cases for the arithmetic of perpetual swaps."""

import numpy as np

from protocols.perps.pool_kernels import PoolTerms
from protocols.perps.tiers import MarginTier, tier_table
from tests.kernel_cases import case, spread

TIERS = tier_table(
    [
        MarginTier(maintenance=0.004, max_leverage=125.0),
        MarginTier(from_usd=5e4, maintenance=0.005, max_leverage=100.0),
        MarginTier(from_usd=2.5e5, maintenance=0.01, max_leverage=50.0),
        MarginTier(from_usd=1e6, maintenance=0.025, max_leverage=20.0),
    ]
)


@case("protocols.perps.funding.funding_payments")
def _payments(rng, n):
    position = spread(rng, n, 1e15) * rng.choice([-1, 1], n)
    return position, rng.choice([1.0, -1.0]) * float(np.exp(rng.uniform(-20.0, 4.0))), np.zeros(n, np.int64)


@case("protocols.perps.tiers.maintenance_margin")
def _tiers(rng, n):
    notional = np.where(rng.random(n) < 0.2, rng.choice(TIERS.begin, n), np.exp(rng.uniform(0.0, 18.0, n)))
    return notional, *TIERS[:3], np.zeros(n)


@case("protocols.perps.deleveraging.fill_in_order")
def _in_order(rng, n):
    capacity = spread(rng, n)
    return int(rng.uniform(0.0, 1.5) * capacity.sum()), capacity, rng.permutation(n), np.zeros(n, np.int64)


@case("protocols.perps.deleveraging.water_fill")
def _water(rng, n):
    limit = spread(rng, n, rng.choice([5.0, 1e6, 1e15]))
    weight = np.where(limit > 0, np.maximum((limit * rng.uniform(0.1, 3.0, n)).astype(np.int64), 1), 0)
    need = int(limit.sum() * rng.choice([0.0, 0.3, 0.9])) if rng.random() < 0.8 else int(limit.sum())
    return need, weight, limit, rng.permutation(n), bool(rng.integers(2)), np.zeros(n, np.int64)


@case("protocols.perps.pool_kernels.pool_margin")
def _pool(rng, n):
    size, side = spread(rng, n, 1e7).astype(np.float64), rng.choice([-1.0, 1.0], n)
    tokens, collateral = size / rng.uniform(1500.0, 2500.0, n), size * rng.uniform(0.01, 0.5, n)
    terms = PoolTerms(liquidation_impact=float(rng.choice([0.0, 0.003])), impact_positive=6e-11)
    due, interest = size * rng.uniform(0.0, 0.01, n), rng.uniform(0.0, 5e7, 2)
    paid = np.array([0.7, 1.0])
    return size, side, tokens, collateral, due, 2000.0, interest[0], interest[1], paid, terms, np.zeros(n)
