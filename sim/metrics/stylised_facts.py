"""Whether prices in the model behave like prices."""

from typing import TYPE_CHECKING

import numpy as np

from sim.interfaces import Metric
from sim.math.stylised import stylised_facts
from sim.registry import component

if TYPE_CHECKING:
    from sim.world import World

FEWEST = 500
"""Returns below which estimates of tails and memory say nothing."""


@component("metric", "stylised_facts")
class StylisedFactsMetric(Metric):
    """Tails and memory of every asset's reference price, tick by tick; runs under 500 ticks have no such columns.

    The length of a run is in its config, so all runs of a config have the same columns. In them a number that a price
    does not have is NaN, such as the tail index of one that never moves, or the slope of a memory that is not positive
    at every lag.
    """

    def final(self, world: "World") -> dict[str, float]:
        """Hill index and kurtosis of returns, their worst, and how they remember; see sim.math.stylised."""
        ticks = world.clock.tick + 1
        row: dict[str, float] = {}
        if ticks <= FEWEST:
            return row
        for token in world.tokens.assets[1:]:
            facts = stylised_facts(np.diff(np.log(world.prices.history[:ticks, token.index])))
            row[f"hill.{token.name}"] = facts.tail_index
            row[f"kurtosis.{token.name}"] = facts.kurtosis
            row[f"kurtosis_slope.{token.name}"] = facts.kurtosis_slope
            row[f"worst_return.{token.name}"] = facts.worst
            row[f"autocorrelation.{token.name}"] = facts.linear
            row[f"memory_slope.{token.name}"] = facts.memory.exponent
        return row
