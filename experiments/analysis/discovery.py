"""Scenario discovery: which box of inputs holds most of the runs in which an event happened.

The patient rule induction method (Friedman and Fisher, 1999, "Bump hunting in high-dimensional data"; Bryant and
Lempert, 2010, for scenarios): from the whole space, the thin slice whose loss raises the share of events most is peeled
off again and again.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.analysis.study import Event, Study

Array = NDArray[np.float64]
PEEL = 0.05
"""Share of the points in the box that one step removes."""
SMALLEST = 0.05
"""Share of all points below which peeling ends."""


@dataclass(frozen=True)
class Limit:
    """A bound on one axis of a box.

    low, high: of a numeric axis. values: those that remain, of another. chance: probability that a limit which means
    nothing leaves as many events (binomial test against the box without it); small means that it matters.
    """

    axis: str
    low: float
    high: float
    values: tuple[Any, ...]
    chance: float

    def as_data(self) -> dict[str, Any]:
        """As plain data."""
        bounds = {"values": list(self.values)} if self.values else {"low": self.low, "high": self.high}
        return {"axis": self.axis, "chance": self.chance} | bounds


@dataclass(frozen=True)
class Box:
    """A region of inputs.

    limits: of the axes it restricts. coverage: share of all events inside. density: share of runs inside with the
    event. mass: share of all runs inside. base: density of the whole space.
    """

    event: str
    limits: tuple[Limit, ...]
    coverage: float
    density: float
    mass: float
    base: float
    runs: int

    def as_data(self) -> dict[str, Any]:
        """As plain data."""
        numbers = {"coverage": self.coverage, "density": self.density, "mass": self.mass, "base": self.base}
        return {"event": self.event, "runs": self.runs, "limits": [limit.as_data() for limit in self.limits]} | numbers


def discover(study: Study, event: Event) -> Box | None:
    """The box that explains an event best; None if the event always or never happened, or nothing was swept.

    Of all boxes on the way down, the one with the largest harmonic mean of coverage and density is taken, so that
    neither a box that holds everything nor one that holds three runs wins; then limits that change nothing are dropped.
    """
    study.outcome(event.outcome)
    index, places = study.unit()
    values = event.happened(study.values(event.outcome))[index]
    known = np.isfinite(values)
    x = np.repeat(places, values.shape[1], axis=0)[known.ravel()]
    hit = values[known] > 0.5
    if not x.shape[1] or hit.all() or not hit.any():
        return None
    ordered = [axis.numeric for axis in study.axes]
    inside = best_box(x, hit, ordered)
    limits = [_limit(study, number, x, hit, inside) for number in range(x.shape[1]) if not inside[:, number].all()]
    kept = inside.all(axis=1)
    return Box(
        event=str(event),
        limits=tuple(limits),
        coverage=float(hit[kept].sum() / hit.sum()),
        density=float(hit[kept].mean()),
        mass=float(kept.mean()),
        base=float(hit.mean()),
        runs=len(hit),
    )


def best_box(x: Array, hit: NDArray[np.bool_], ordered: list[bool]) -> NDArray[np.bool_]:
    """(runs, axes) whether each run is within the box's limits on each axis.

    x: (runs, axes) places. hit: (runs,) whether the event happened. ordered: (axes) whether an axis is peeled from its
    ends, or value by value.
    """
    inside = np.ones(x.shape, dtype=bool)
    best, score = inside.copy(), _score(hit, inside.all(axis=1))
    while True:
        peeled = _peel(x, hit, inside, ordered)
        if peeled is None:
            return _pasted(hit, best)
        inside = peeled
        now = _score(hit, inside.all(axis=1))
        if now > score:
            best, score = inside.copy(), now


def _peel(x: Array, hit: Any, inside: Any, ordered: list[bool]) -> Any:
    """The box without its worst slice; None if what would be left is too small."""
    kept = inside.all(axis=1)
    chosen, density = None, -1.0
    for number, numeric in enumerate(ordered):
        for keep in _cuts(x[:, number], kept, numeric):
            left = kept & keep
            size = int(left.sum())
            if size < max(SMALLEST * len(x), 2) or size == kept.sum():
                continue
            found = float(hit[left].mean())
            if found > density or (found == density and chosen is not None and size > chosen[2]):
                chosen, density = (number, keep, size), found
    if chosen is None:
        return None
    peeled = inside.copy()
    peeled[:, chosen[0]] &= chosen[1]
    return peeled


def _cuts(column: Array, kept: Any, numeric: bool) -> list[Any]:
    """What may stay on one axis after one peel: all but a thin slice at either end, or all but one value."""
    within = column[kept]
    if not numeric:
        return [column != value for value in np.unique(within)]
    low, high = np.quantile(within, PEEL), np.quantile(within, 1 - PEEL)
    bottom, top = within.min(), within.max()
    # Where many runs share the lowest value, the quantile is that value: then the whole value goes.
    return [column >= low if low > bottom else column > bottom, column <= high if high < top else column < top]


def _pasted(hit: Any, inside: Any) -> Any:
    """The box without the limits that do not raise its score."""
    for number in range(inside.shape[1]):
        freed = inside.copy()
        freed[:, number] = True
        if _score(hit, freed.all(axis=1)) >= _score(hit, inside.all(axis=1)):
            inside = freed
    return inside


def _score(hit: Any, kept: Any) -> float:
    """Harmonic mean of coverage and density."""
    events = hit[kept].sum()
    return float(2 * events / (hit.sum() + kept.sum())) if kept.any() else 0.0


def _limit(study: Study, number: int, x: Array, hit: Any, inside: Any) -> Limit:
    from scipy.stats import binomtest

    axis, kept = study.axes[number], inside.all(axis=1)
    others = np.delete(inside, number, axis=1).all(axis=1)
    chance = binomtest(int(hit[kept].sum()), int(kept.sum()), float(hit[others].mean()), alternative="greater").pvalue
    column = study.params[axis.name].tolist()
    places = axis.places(column)
    within = np.isin(places, np.unique(x[kept, number]))
    values = [value for value, inner in zip(column, within, strict=True) if inner]
    if not axis.numeric:
        remaining = tuple(value for value in axis.values if value in values)
        return Limit(axis.name, np.nan, np.nan, remaining, float(chance))
    return Limit(axis.name, float(min(values)), float(max(values)), (), float(chance))
