"""What each population risked for what it made."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.interfaces import Metric
from sim.math import risk
from sim.metrics.market import max_drawdown
from sim.registry import component

if TYPE_CHECKING:
    from sim.world import World

ROUNDING = 1e-12
"""Profits this small, as shares of opening wealth, are what rounding makes of money that lies still."""


@component("metric", "risk")
class RiskMetric(Metric):
    """Sharpe, Sortino and Calmar ratio of every population, and tail loss of its profit from sample to sample.

    Profit is the change of a population's wealth between two samples as a share of its opening wealth, so debts and
    ruin leave it finite. All numbers are zero for a population that opens with nothing.
    """

    def final(self, world: "World") -> dict[str, float]:
        """var95 and es95 are losses per sample; ratios are per year, with no riskless rate taken off."""
        samples = world.recorder.steps
        spacing = np.diff([row["tick"] for row in samples]).mean() if len(samples) > 1 else 1.0
        per_year = 1.0 / (float(spacing) * world.clock.dt_years)
        row: dict[str, float] = {}
        for actor in world.actors:
            population = actor.population
            start = float(world.opening_wealth[population.lo : population.hi].sum())
            wealth = np.array([start, *(sample[f"{population.name}.wealth"] for sample in samples)])
            years = world.clock.dt_years * (world.clock.tick + 1)
            found = _ratios(wealth, per_year, years)
            row |= {f"{population.name}.{key}": value for key, value in found.items()}
        return row


def _ratios(wealth: NDArray[np.float64], per_year: float, years: float) -> dict[str, float]:
    funded = wealth[0] > 0.0 and wealth.size > 1
    profit = np.diff(wealth) / wealth[0] if funded else np.zeros(1)
    profit[np.abs(profit) < ROUNDING] = 0.0
    drawdown = max_drawdown(np.maximum(wealth / wealth[0], 1e-9)) if funded else 0.0
    return {
        "sharpe": risk.sharpe(profit, per_year),
        "sortino": risk.sortino(profit, per_year),
        "calmar": risk.calmar(float(profit.sum()) / years, drawdown),
        "var95": risk.historical_var(profit),
        "es95": risk.historical_es(profit),
    }
