"""Prices, drawdowns and the part of a fall that the market itself made."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.interfaces import Metric
from sim.registry import component

if TYPE_CHECKING:
    from sim.world import World


def max_drawdown(path: NDArray[np.float64]) -> float:
    """Largest fall from a running maximum, as a share of that maximum."""
    peak = np.maximum.accumulate(path)
    return float(np.max((peak - path) / peak)) if path.size else 0.0


@component("metric", "market")
class MarketMetric(Metric):
    """Market and exogenous price of every asset; amplification is market drawdown over exogenous drawdown."""

    def step(self, world: "World") -> dict[str, float]:
        """Prices at the end of the tick."""
        tick, prices = world.clock.tick, world.prices
        row = {}
        for token in world.tokens.assets[1:]:
            row[f"price.{token.name}"] = float(prices.history[tick, token.index])
            row[f"exogenous.{token.name}"] = float(prices.fundamental_history[tick, token.index])
        return row

    def final(self, world: "World") -> dict[str, float]:
        """Drawdowns over the whole run."""
        ticks, prices = world.clock.tick + 1, world.prices
        row = {}
        for token in world.tokens.assets[1:]:
            market = max_drawdown(prices.history[:ticks, token.index])
            exogenous = max_drawdown(prices.fundamental_history[:ticks, token.index])
            row[f"drawdown.{token.name}"] = market
            row[f"exogenous_drawdown.{token.name}"] = exogenous
            row[f"amplification.{token.name}"] = market / exogenous if exogenous > 0 else float("nan")
        return row
