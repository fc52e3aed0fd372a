"""How often allocation rules had to do without what they need."""

from typing import TYPE_CHECKING

from sim.interfaces import AllocationRule, Metric
from sim.registry import component

if TYPE_CHECKING:
    from sim.world import World


@component("metric", "fallbacks")
class FallbacksMetric(Metric):
    """Times that an allocator's rule was asked and could give no more than its documented substitute.

    rule_fallbacks.POPULATION counts them all, rule_fallbacks.POPULATION.REASON those of one reason, such as
    short_history (a prior stands in for ticks before the run) or singular_covariance.
    """

    def final(self, world: "World") -> dict[str, float]:
        """Over the whole run."""
        row: dict[str, float] = {}
        for actor in world.actors:
            rule = getattr(actor.population, "rule", None)
            if isinstance(rule, AllocationRule):
                name = f"rule_fallbacks.{actor.population.name}"
                row[name] = float(sum(rule.fallbacks.values()))
                row |= {f"{name}.{reason}": float(count) for reason, count in sorted(rule.fallbacks.items())}
        return row
