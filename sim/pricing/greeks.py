"""Greeks of a portfolio: option legs, spot and futures, aggregated over venues and underlyings."""

# mypy: allow-untyped-defs, allow-incomplete-defs
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import ConfigError
from sim.jit import kernel


def _aggregate_numpy(group, quantity, greeks, out):
    out[:] = 0.0
    np.add.at(out, group, quantity[:, None] * greeks)


@kernel(twin=_aggregate_numpy)
def aggregate(group, quantity, greeks, out):
    """Sum quantity times Greeks within groups, leg after leg.

    group: (n,) int64, such as venues or underlyings. quantity: (n,) float64, shorts negative. greeks: (n, c) float64,
    columns as of sim.pricing.black_scholes. out: (groups, c) float64, written.
    """
    out[:] = 0.0
    for i in range(group.size):
        for column in range(out.shape[1]):
            out[group[i], column] += quantity[i] * greeks[i, column]


@dataclass(frozen=True)
class PortfolioGreeks:
    """Sums over legs: value, delta in units of the underlying, and the other Greeks per unit of their variable."""

    value: float
    delta: float
    gamma: float
    vega: float
    theta: float
    rho: float


def linear_legs(price: ArrayLike, delta: ArrayLike = 1.0) -> NDArray[np.float64]:
    """Rows of spot (delta 1), futures or perpetuals (price: what a unit is worth to its holder, 0 just opened)."""
    values, deltas = np.broadcast_arrays(np.atleast_1d(np.asarray(price, np.float64)), np.asarray(delta, np.float64))
    rows = np.zeros((values.size, 6))
    rows[:, 0], rows[:, 1] = values, deltas
    return rows


def by_group(group: ArrayLike, quantity: ArrayLike, greeks: NDArray[np.float64], groups: int) -> NDArray[np.float64]:
    """(groups, 6) aggregated Greeks of each venue, underlying or account.

    Raises ConfigError for legs that do not match or a group that does not exist.
    """
    places, sizes = np.asarray(group, dtype=np.int64), np.asarray(quantity, dtype=np.float64)
    if not (places.shape == sizes.shape == greeks.shape[:1]):
        raise ConfigError(
            f"{places.size} groups, {sizes.size} quantities and {len(greeks)} rows of Greeks; give one of each per leg"
        )
    if places.size and (places.min() < 0 or places.max() >= groups):
        raise ConfigError(f"groups from {places.min()} to {places.max()}; allowed: 0 to {groups - 1}")
    out = np.empty((groups, greeks.shape[1]))
    aggregate(places, sizes, np.ascontiguousarray(greeks), out)
    return out


def portfolio(quantity: ArrayLike, greeks: NDArray[np.float64]) -> PortfolioGreeks:
    """Greeks of all legs together."""
    sizes = np.asarray(quantity, dtype=np.float64)
    return PortfolioGreeks(*by_group(np.zeros(sizes.shape, np.int64), sizes, greeks, 1)[0].tolist())
