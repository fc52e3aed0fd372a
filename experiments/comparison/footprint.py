"""Footprints, private results, margins and critical shares, each with an interval over seeds."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.analysis import bootstrap
from experiments.analysis.bootstrap import Interval
from experiments.comparison.arena import ADOPTERS, CROWD, HOLDERS, Arena, Array
from experiments.comparison.measures import HEADLINE, PRIVATE, SYSTEMIC, Measure, certainty_equivalent
from sim.errors import ConfigError

WORST = 0.1
"""Share of seeds behind an expected shortfall: forty seeds have four of them."""
ALL = "all"
"""The mean over all markets of the sweep."""


@dataclass(frozen=True)
class Cell:
    """One number of one rule at one adoption share in one market, or in all of them."""

    rule: str
    share: float
    market: str
    measure: str
    interval: Interval

    def as_data(self) -> dict[str, Any]:
        """As plain data."""
        row = {"rule": self.rule, "share": self.share, "market": self.market, "measure": self.measure}
        return row | self.interval.as_data()


def cells(arena: Arena, measure: str, values: Array, level: float) -> list[Cell]:
    """Intervals of (rules, shares, markets, seeds) paired differences, for every market and their mean."""
    found = []
    for r, rule in enumerate(arena.rules):
        for a, share in enumerate(arena.shares):
            here = values[r, a]
            if np.isnan(here).all():
                continue
            if len(arena.markets) > 1:
                found.append(Cell(rule, share, ALL, measure, bootstrap.mean(here.mean(axis=0), level)))
            for market, row in zip(arena.markets, here, strict=True):
                found.append(Cell(rule, share, market, measure, bootstrap.mean(row, level)))
    return found


def systemic(arena: Arena, level: float) -> list[Cell]:
    """Every footprint; at share 0 the change itself, which is zero, under the name of the measure."""
    found = []
    for measure in SYSTEMIC:
        values = measure.footprint(arena)
        values[:, 0] = measure.change(arena)[:, 0]
        found += cells(arena, measure.name, values, level)
    return found + shortfall(arena, level)


def shortfall(arena: Arena, level: float) -> list[Cell]:
    """Change of the expected shortfall of everybody else's loss over seeds, per adopting USD, as es_loss."""
    found = []
    for r, rule in enumerate(arena.rules):
        for a, dollars in enumerate(arena.dollars):
            for m, market in enumerate(arena.markets):
                rows = np.stack([arena.loss[r, a, m], arena.loss[r, 0, m]], axis=1)
                rows = rows[np.isfinite(rows).all(axis=1)]
                if a == 0 or len(rows) < 2:
                    continue

                def change(drawn: Array, dollars: float = dollars) -> Array:
                    worst = max(1, round(WORST * len(drawn)))
                    top = np.sort(drawn, axis=0)[-worst:].mean(axis=0)
                    return np.array((top[0] - top[1]) / dollars)

                found.append(Cell(rule, arena.shares[a], market, "es_loss", _drawn_again(rows, change, level)))
    return found


def private(arena: Arena, level: float) -> list[Cell]:
    """What followers have over the same dollars in the benchmark, and the same as certainty equivalent."""
    found = []
    for measure in PRIVATE:
        found += cells(arena, measure.name, measure.change(arena), level)
    mine, base = arena.returns(ADOPTERS), arena.returns(HOLDERS)[:, 0]
    for r, rule in enumerate(arena.rules):
        for a, share in enumerate(arena.shares[1:], 1):
            chosen = [(ALL, slice(None))] if len(arena.markets) > 1 else []
            chosen += [(market, slice(m, m + 1)) for m, market in enumerate(arena.markets)]
            for market, which in chosen:
                rows = np.stack([mine[r, a, which], base[r, which]], axis=-1).swapaxes(0, 1)
                rows = rows[np.isfinite(rows).all(axis=(1, 2))]
                if len(rows) > 1:
                    found.append(Cell(rule, share, market, "certainty_equivalent", _drawn_again(rows, _gain, level)))
    return found


def _drawn_again(rows: Array, statistic: Callable[[Array], Array], level: float) -> Interval:
    """A statistic of seeds with its percentile interval; open where there are too few seeds to draw from."""
    low, high = -np.inf, np.inf
    if len(rows) >= bootstrap.FEW:
        low, high = bootstrap.percentile(rows, statistic, level, draws=1000)
    return Interval(float(statistic(rows)), float(low), float(high), len(rows))


def _gain(rows: Array) -> Array:
    """rows: (seeds, markets, 2) returns of followers and of the benchmark."""
    both = certainty_equivalent(rows.reshape(-1, 2))
    return np.array(both[0] - both[1])


@dataclass(frozen=True)
class Margin:
    """What the first and the last dollars that adopt a rule do to others, per dollar, as the mean over markets."""

    rule: str
    first: Interval
    last: Interval
    difference: Interval

    def as_data(self) -> dict[str, Any]:
        """As plain data."""
        ends = {"first": self.first, "last": self.last, "last_less_first": self.difference}
        return {"rule": self.rule} | {name: interval.as_data() for name, interval in ends.items()}


def margins(arena: Arena, level: float) -> list[Margin]:
    """From nobody to the lowest share, and from the last but one share to the highest; none with a single share."""
    if len(arena.shares) < 3:
        return []
    change, usd = headline().change(arena).mean(axis=2), arena.dollars
    first, last = change[:, 1] / usd[1], (change[:, -1] - change[:, -2]) / (usd[-1] - usd[-2])
    rows = zip(arena.rules, first, last, strict=True)
    return [
        Margin(rule, *(bootstrap.mean(values, level) for values in (early, late, late - early)))
        for rule, early, late in rows
    ]


@dataclass(frozen=True)
class Diversity:
    """What it changes that followers of a rule differ: footprint if they do, less that if they do not."""

    rule: str
    share: float
    alike: Interval
    mixed: Interval
    effect: Interval

    def as_data(self) -> dict[str, Any]:
        """As plain data."""
        parts = {"alike": self.alike, "mixed": self.mixed, "effect": self.effect}
        return {"rule": self.rule, "share": self.share} | {name: part.as_data() for name, part in parts.items()}


def diversity(arena: Arena, level: float) -> list[Diversity]:
    """At the highest share, the headline footprint along the axis `crowd`; its first value is that of equals."""
    crowd = next((axis for axis in arena.others if axis.name == CROWD), None)
    if crowd is None:
        return []
    if len(crowd.values) != 2:
        raise ConfigError(f"axis {CROWD}: found {len(crowd.values)} values; a comparison needs two, equals first")
    values = headline().footprint(arena)[:, -1]
    same, mixed = (values[:, arena.market_of(CROWD, value)].mean(axis=1) for value in crowd.values)
    found = []
    for rule, equals, others in zip(arena.rules, same, mixed, strict=True):
        parts = (bootstrap.mean(row, level) for row in (equals, others, others - equals))
        found.append(Diversity(rule, arena.shares[-1], *parts))
    return found


def headline() -> Measure:
    """The measure that rankings and pictures show."""
    return next(measure for measure in SYSTEMIC if measure.name == HEADLINE)
