"""What each population's bad times do to all, and all's to it."""

import math
from typing import TYPE_CHECKING

import numpy as np

from sim.interfaces import Metric
from sim.math.risk import sample_mes
from sim.math.systemic.dependence import delta_covar
from sim.registry import component

if TYPE_CHECKING:
    from sim.world import World

FEWEST = 40
"""Samples below which the worst twentieth says nothing."""
TAIL = 0.05
ROUNDING = 1e-12
"""Profits this small, as shares of opening wealth, are what rounding makes of money that lies still."""


@component("metric", "covar")
class CovarMetric(Metric):
    """Delta-CoVaR and marginal expected shortfall of every population, from profits between samples.

    Profits are shares of opening wealth; the system is all populations together. delta_covar.POPULATION is the change
    of the system's 5% quantile when the population moves from its median profit to its own 5% quantile, by quantile
    regression (Adrian and Brunnermeier); mes.POPULATION is its mean profit in the twentieth of samples that are worst
    for the system (Acharya and others). Both are below zero in common trouble, 0 for a population that opens with
    nothing, and NaN with fewer than 40 profits.
    """

    def final(self, world: "World") -> dict[str, float]:
        """Over the whole run."""
        samples, row = world.recorder.steps, dict[str, float]()
        people = [actor.population for actor in world.actors]
        if not people:
            return row
        start = [float(world.opening_wealth[p.lo : p.hi].sum()) for p in people]
        paths = [[own, *(s[f"{p.name}.wealth"] for s in samples)] for own, p in zip(start, people, strict=True)]
        profits = np.diff(np.array(paths, dtype=np.float64).reshape(len(people), -1), axis=1)
        system = _shares(profits.sum(axis=0), sum(start))
        for person, own, profit in zip(people, start, profits, strict=True):
            enough, shares = len(samples) >= FEWEST, _shares(profit, own)
            row[f"delta_covar.{person.name}"] = delta_covar(shares, system, TAIL) if enough else math.nan
            row[f"mes.{person.name}"] = sample_mes(shares, system, TAIL) if enough else math.nan
        return row


def _shares(profit: np.ndarray, start: float) -> np.ndarray:
    shares = profit / start if start > 0.0 else np.zeros_like(profit)
    return np.where(np.abs(shares) < ROUNDING, 0.0, shares)
