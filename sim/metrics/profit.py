"""What each population gained or lost, in dollars."""

from typing import TYPE_CHECKING

from sim import exposure
from sim.interfaces import Metric
from sim.registry import component

if TYPE_CHECKING:
    from sim.world import World


@component("metric", "profit")
class ProfitMetric(Metric):
    """USD at fair value: POPULATION.opening_usd at the opening, POPULATION.profit_usd over the run."""

    def final(self, world: "World") -> dict[str, float]:
        """Over the whole run."""
        wealth = exposure.wealth_by_account(world)
        row: dict[str, float] = {}
        for actor in world.actors:
            population = actor.population
            mine = slice(population.lo, population.hi)
            start, end = float(world.opening_wealth[mine].sum()), float(wealth[mine].sum())
            row |= {f"{population.name}.opening_usd": start, f"{population.name}.profit_usd": end - start}
        return row
