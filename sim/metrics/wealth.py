"""What each population made of it."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim import exposure
from sim.interfaces import Metric
from sim.metrics.market import max_drawdown
from sim.registry import component

if TYPE_CHECKING:
    from sim.world import World

RUINED = 0.1
"""An account is ruined when it is left with less than this share of its opening wealth."""
TAIL = 0.05


@component("metric", "wealth")
class WealthMetric(Metric):
    """Return, volatility, drawdown, tail loss and ruin per population, in USD at fair value."""

    def __post_init__(self) -> None:
        self._paths: dict[str, list[float]] = {}
        self._ticks: list[int] = []

    def step(self, world: "World") -> dict[str, float]:
        """Wealth of every population."""
        owners = {owner.name: i for i, owner in enumerate(world.accounts.owners)}
        wealth = exposure.wealth_by_owner(world)
        self._ticks.append(world.clock.tick)
        row = {}
        for actor in world.actors:
            name = actor.population.name
            usd = float(wealth[owners[name]])
            self._paths.setdefault(name, []).append(usd)
            row[f"{name}.wealth"] = usd
        return row

    def final(self, world: "World") -> dict[str, float]:
        """Over the whole run; cvar95 is the mean return of the worst twentieth of accounts."""
        wealth = exposure.wealth_by_account(world)
        row: dict[str, float] = {}
        for actor in world.actors:
            population = actor.population
            name, mine = population.name, slice(population.lo, population.hi)
            start, end = world.opening_wealth[mine], wealth[mine]
            path = np.concatenate([[start.sum()], self._paths.get(name, [])])
            row |= {f"{name}.{key}": value for key, value in _private(path, start, end, self._per_year(world)).items()}
        return row

    def _per_year(self, world: "World") -> float:
        """Samples per year."""
        spacing = np.diff(self._ticks).mean() if len(self._ticks) > 1 else 1.0
        return 1.0 / (spacing * world.clock.dt_years)


def _private(
    path: NDArray[np.float64], start: NDArray[np.float64], end: NDArray[np.float64], per_year: float
) -> dict[str, float]:
    returns = np.diff(np.log(np.maximum(path, 1e-9)))
    funded = start > 0
    own = end[funded] / start[funded] - 1.0
    worst = np.sort(own)[: max(1, int(np.ceil(TAIL * own.size)))] if own.size else np.zeros(1)
    return {
        "return": float(path[-1] / path[0] - 1.0) if path[0] > 0 else 0.0,
        "volatility": float(np.sqrt(np.mean(returns**2) * per_year)) if returns.size else 0.0,
        "max_drawdown": max_drawdown(np.maximum(path, 1e-9)),
        "cvar95": float(worst.mean()),
        "ruined_share": float(np.mean(end[funded] < RUINED * start[funded])) if own.size else 0.0,
    }
