"""Rules side by side: what each does for those who follow it and what it does to everybody else."""

import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from experiments.analysis.study import Study
from experiments.comparison.arena import Arena
from experiments.comparison.critical import Critical, critical
from experiments.comparison.footprint import (
    ALL,
    Cell,
    Diversity,
    Margin,
    diversity,
    headline,
    margins,
    private,
    systemic,
)
from experiments.comparison.measures import PRIVATE, SYSTEMIC
from experiments.comparison.ranking import Pair, Ranking, compare_pairs, rank
from sim.errors import ConfigError, suggestion

ORDER = ("equal_weight", "inverse_volatility", "volatility_target", "minimum_variance", "mean_variance")
"""Rules by rising mispricing at low adoption, as it is expected before looking."""


@dataclass(frozen=True)
class Comparison:
    """A tournament, read. level: of intervals; order: rules whose order of mispricing is put to the test."""

    arena: Arena
    level: float
    order: tuple[str, ...]

    @cached_property
    def systemic(self) -> list[Cell]:
        """Footprints of all measures, rules, shares and markets."""
        return systemic(self.arena, self.level)

    @cached_property
    def private(self) -> list[Cell]:
        """Private results of the same."""
        return private(self.arena, self.level)

    @cached_property
    def margins(self) -> list[Margin]:
        """The first and the last dollars."""
        return margins(self.arena, self.level)

    @cached_property
    def critical(self) -> list[Critical]:
        """Shares at which the gain of the loop passes one."""
        return critical(self.arena, self.level)

    @cached_property
    def diversity(self) -> list[Diversity]:
        """What it changes that followers differ."""
        return diversity(self.arena, self.level)

    @cached_property
    def footprint_ranking(self) -> Ranking:
        """By losses of everybody else per adopting dollar at the highest share, mean over markets."""
        values = headline().footprint(self.arena)[:, -1].mean(axis=1)
        return rank(headline().name, self.arena.rules, values, self.level)

    @cached_property
    def private_ranking(self) -> Ranking:
        """By return against the benchmark at the highest share, mean over markets, the worst first."""
        values = PRIVATE[0].change(self.arena)[:, -1].mean(axis=1)
        return rank(PRIVATE[0].name, self.arena.rules, values, self.level)

    @cached_property
    def ordering(self) -> tuple[Pair, ...]:
        """Neighbours of the tested order: mispricing of the second less that of the first at the lowest share."""
        rules = self.arena.rules
        measure = next(found for found in SYSTEMIC if found.name == "mispricing")
        values = measure.footprint(self.arena)[:, 1].mean(axis=1)
        known = np.isfinite(values)
        places = [rules.index(rule) for rule in self.order if known[rules.index(rule)].any()]
        values = values[:, known[places].all(axis=0)]
        return compare_pairs(rules, values, list(itertools.pairwise(places)), self.level)

    @property
    def ordered(self) -> str:
        """Whether the tested order appears: "yes", "no", "not distinguishable", or "not tested" without two rules."""
        if not self.ordering:
            return "not tested"
        if all(pair.difference.value > 0 and pair.distinct(1 - self.level) for pair in self.ordering):
            return "yes"
        against = any(pair.difference.value < 0 and pair.distinct(1 - self.level) for pair in self.ordering)
        return "no" if against else "not distinguishable"

    def cell(self, rule: str, share: float, measure: str, market: str = "") -> Cell | None:
        """One number; None if the sweep does not have it. market: the mean over all of them if empty."""
        wanted = market or (ALL if len(self.arena.markets) > 1 else self.arena.markets[0])
        for found in (*self.systemic, *self.private):
            if (found.rule, found.share, found.measure, found.market) == (rule, share, measure, wanted):
                return found
        return None

    def as_data(self) -> dict[str, Any]:
        """As plain data."""
        arena = self.arena
        return {
            "sweep": arena.study.name,
            "seed": arena.study.seed,
            "runs": len(arena.study.runs),
            "failed": len(arena.study.failed),
            "level": self.level,
            "rules": list(arena.rules),
            "shares": list(arena.shares),
            "markets": list(arena.markets),
            "dollars": arena.dollars.tolist(),
            "units": {measure.name: measure.unit for measure in SYSTEMIC},
            "systemic": [cell.as_data() for cell in self.systemic],
            "private": [cell.as_data() for cell in self.private],
            "margins": [margin.as_data() for margin in self.margins],
            "critical": [found.as_data() for found in self.critical],
            "diversity": [found.as_data() for found in self.diversity],
            "footprint_ranking": self.footprint_ranking.as_data(),
            "private_ranking": self.private_ranking.as_data(),
            "mispricing_order": {"appears": self.ordered, "pairs": [pair.as_data() for pair in self.ordering]},
        }


def compare(study: Study, level: float = 0.95, order: tuple[str, ...] = ()) -> Comparison:
    """Compare the rules of a sweep.

    level: of intervals, and one less the probability of a false difference in each ranking. order: rules whose order of
    mispricing at the lowest share is tested; `ORDER` as far as the sweep has it if none is given.

    Raises ConfigError if the sweep has no axes of rules and adoption, or no rule of that order.
    """
    arena = Arena(study)
    for rule in order:
        if rule not in arena.rules:
            raise ConfigError(f'--order: no rule "{rule}" in this sweep{suggestion(rule, list(arena.rules))}')
    if study.finished.empty:
        raise ConfigError("no run of this sweep has finished; there is nothing to compare")
    arena.populations  # noqa: B018  # says now what is missing
    return Comparison(arena, level, order or tuple(rule for rule in ORDER if rule in arena.rules))
