"""Cases for kernels of agents that trade options."""

import numpy as np

from tests.kernel_cases import case

SERIES = 5


def positions(rng, n):
    """Balances of n accounts in eight tokens, of which five are series, some of them about to be settled."""
    balances = rng.integers(-(10**9), 10**9, (8, n)) * (rng.random((8, n)) < 0.6)
    years = rng.uniform(0.001, 0.5, SERIES) * (rng.random(SERIES) < 0.8)
    return balances, rng.permutation(8)[:SERIES], years


@case("agents.shared.option_positions.net_greeks")
def _net_greeks(rng, n):
    balances, token, years = positions(rng, n)
    greeks, live = rng.normal(size=(SERIES, 6)), years > 0.0
    terms = np.column_stack([greeks, live, years, rng.uniform(0.3, 1.2, SERIES)])
    return balances, token, terms, np.full(SERIES, 1e8), np.empty((n, 10))


@case("agents.shared.option_positions.deltas_at")
def _deltas_at(rng, n):
    balances, token, years = positions(rng, n)
    rows = rng.permutation(n)[: n // 2]
    strike, is_call = rng.uniform(60.0, 160.0, SERIES), rng.random(SERIES) < 0.5
    terms = np.full(SERIES, 100.0), strike, years, is_call, np.full(SERIES, 1e8)
    return balances, rows, token, *terms, rng.uniform(0.2, 1.5, rows.size), np.empty(rows.size)
