"""The plan of a sweep: its axes, its points, and the config of each point."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from experiments.config import Config, ConfigProblems, Problem
from experiments.config.nodes import Node
from experiments.config.sweep_section import LISTED, SENSITIVITY, SweepTable
from experiments.design.axes import Axis
from experiments.design.points import Point, Points, count, point, settings
from experiments.design.reading import AxesReader
from experiments.design.samplers import draw, rows_of
from experiments.design.stopping import enough
from sim.errors import ConfigError

__all__ = ["Plan", "Point", "plan", "point"]

MOST = 10_000_000
"""Points that a sweep may have, and a hundredth of its runs."""
_EXAMPLE = '[sweep.axes] with "run.dt" = [60, 300], for example'


@dataclass(frozen=True, eq=False)
class Plan:
    """What a sweep runs.

    base: the config whose settings the points change. table: its [sweep]. axes: in the order of the file. points: all
    different. rows: of samplers whose draws fell together, the point of each draw; else None.
    """

    base: Config
    table: SweepTable
    axes: tuple[Axis, ...]
    points: Points
    rows: tuple[int, ...] | None = None

    @property
    def method(self) -> str:
        """How points were chosen."""
        return self.table.method

    @property
    def replications(self) -> int:
        """Runs of each point; with [sweep.stop], the most of them."""
        stop = self.table.stop
        return self.table.replications if stop is None or stop.most is None else stop.most

    @property
    def size(self) -> int:
        """Number of runs."""
        return len(self.points) * self.replications

    def config(self, point: Point) -> Config:
        """The validated config of a point, without [sweep]. Raises ConfigProblems, which name the axis at fault."""
        return self.base.with_values(settings(self.points.levels(point.index)))

    def runs(self) -> Iterator[tuple[Point, int]]:
        """Every (point, replication), point by point; replication k draws the same random numbers at all points."""
        for index in range(len(self.points)):
            current = self.points[index]
            for replication in range(self.replications):
                yield current, replication

    def enough(self, outcomes: Any) -> bool:
        """Whether a point is done after these values of the watched outcome, one per finished replication."""
        stop = self.table.stop
        return len(outcomes) >= self.replications or (stop is not None and enough(outcomes, stop))

    def describe(self) -> dict[str, Any]:
        """The plan as JSON-able data for the manifest: enough to analyse the runs."""
        table = self.table
        described: dict[str, Any] = {
            "method": table.method,
            "axes": [axis.describe() for axis in self.axes],
            "replications": self.replications,
            "points": len(self.points),
            "samples": table.samples,
            "seed": table.seed,
            "outcomes": list(table.outcomes),
            "event": table.event,
            "keep": list(table.keep),
            "time_limit": table.time_limit,
            "memory_limit": table.memory_limit,
            "stop": asdict(table.stop) if table.stop else None,
        }
        if table.method == "morris":
            described["levels"] = table.levels
        return described if self.rows is None else described | {"rows": list(self.rows)}


def plan(config: Config) -> Plan:
    """The plan in the [sweep] section of a config.

    Raises ConfigError if it has none, and ConfigProblems with file, line and column of everything that is wrong in it:
    the axes themselves, and what their values make of the config.
    """
    from experiments.design.probing import probe

    if config.sweep is None:
        raise ConfigError(f'config "{config.run.name}" has no [sweep] section; add one: {_EXAMPLE}')
    problems: list[Problem] = []
    section, table = config.document.value["sweep"], config.sweep
    axes = _read(table, section, problems)
    _refuse(problems)
    _count(axes, table, section, problems)
    _refuse(problems)
    drawn = _lay_out(config, table, axes, section, problems)
    _refuse(problems)
    probe(drawn)
    return drawn


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise ConfigProblems(problems)


def _read(table: SweepTable, section: Node, problems: list[Problem]) -> tuple[Axis, ...]:
    """The axes as written, with what cannot be with the method."""
    reader = AxesReader(table.method, problems)
    empty = Node({}, section.key, section.at)
    if table.method == "list":
        if table.axes:
            reader.say(section.value["axes"], "", 'found axes, but method "list" takes points; write method = "grid"')
        return reader.rows(section.value.get("points", Node([], section.key, section.at)))
    if table.points:
        text = f'found points, but method "{table.method}" takes axes; write method = "list"'
        problems.append(Problem(section.value["points"].key, "sweep.points", text))
    axes = reader.axes(section.value.get("axes", empty))
    if not axes and table.method != "grid":
        problems.append(Problem(section.key, "sweep.axes", f'none; method "{table.method}" needs axes: {_EXAMPLE}'))
    if table.method == "morris":
        for axis in axes:
            if not axis.ranged:
                text = "found a list; the elementary effects of morris need distances: give { low = ..., high = ... }"
                problems.append(Problem(axis.at, f"sweep.axes.{axis.name}", text))
    if table.method == "zip" and len({axis.size for axis in axes}) > 1:
        sizes = ", ".join(f"{axis.name} {axis.size}" for axis in axes)
        text = f'found axes of unequal length ({sizes}); method "zip" takes one value of each axis per point'
        problems.append(Problem(section.value["axes"].key, "sweep.axes", text))
    return axes


def _count(axes: tuple[Axis, ...], table: SweepTable, section: Node, problems: list[Problem]) -> None:
    """Refuse what would never end, before anything is laid out."""
    shape = " x ".join(f"{axis.size:,}" for axis in axes)
    if table.method == "grid":
        points, hint = count(axes), f' ({shape}); take fewer values, or a sampler such as method = "sobol"'
    elif table.method in LISTED:
        points, hint = axes[0].size if axes else 0, "; take fewer"
    else:
        points, hint = rows_of(table.method, len(axes), table.samples or 0), "; take fewer samples"
    place, path = section.value.get("axes", section).key, "sweep.axes"
    if points > MOST:
        problems.append(Problem(place, path, f"found {points:,} points; allowed: at most {MOST:,}{hint}"))
    elif points * table.replications > 100 * MOST:
        text = f"found {points:,} points x {table.replications:,} replications; allowed: at most {100 * MOST:,} runs"
        problems.append(Problem(section.value["replications"].key, "sweep.replications", text))


def _lay_out(config: Config, table: SweepTable, axes: tuple[Axis, ...], section: Node, problems: list[Problem]) -> Plan:
    if table.method in LISTED:
        axes = tuple(axis.listed() for axis in axes)
        if table.method == "grid":
            for axis in axes:
                problems.extend(_repeated(axis))
            return Plan(config, table, axes, Points(axes))
        size = axes[0].size
        coordinates = np.repeat(np.arange(size, dtype=float)[:, None], len(axes), axis=1)
        problems.extend(_coinciding(axes, section))
        return Plan(config, table, axes, Points(axes, coordinates))
    places = draw(table.method, len(axes), table.samples or 0, table.seed, table.levels)
    coordinates = np.column_stack([axis.coordinates(places[:, number]) for number, axis in enumerate(axes)])
    distinct, rows = _distinct(coordinates)
    if table.method not in SENSITIVITY and 2 * len(distinct) < len(coordinates):
        text = f"found {len(coordinates):,} draws of only {len(distinct):,} different points; "
        text += 'list them with method = "grid", or lower samples'
        problems.append(Problem(section.value["samples"].key, "sweep.samples", text))
    together = len(distinct) < len(coordinates)
    return Plan(config, table, axes, Points(axes, distinct), tuple(rows) if together else None)


def _distinct(coordinates: Any) -> tuple[Any, list[int]]:
    """The different rows in the order of their first appearance, and which of them each row is."""
    _, first, inverse = np.unique(coordinates, axis=0, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    return coordinates[np.sort(first)], rank[inverse.ravel()].tolist()


def _repeated(axis: Axis) -> Iterator[Problem]:
    """Levels of an axis that say the same."""
    seen: dict[str, int] = {}
    for number, level in enumerate(axis.levels):
        text = str(point(0, (axis,), (level,)).sets)
        if text in seen:
            said = f"duplicate points: {level.shown} is value {seen[text] + 1} and {number + 1}; write each value once"
            yield Problem(level.at, f"sweep.axes.{axis.name}", said)
        seen.setdefault(text, number)


def _coinciding(axes: tuple[Axis, ...], section: Node) -> Iterator[Problem]:
    """Points of a zip or a list that say the same."""
    seen: dict[str, int] = {}
    for number in range(axes[0].size):
        levels = tuple(axis.levels[number] for axis in axes)
        text = str(point(number, axes, levels).sets)
        if text in seen:
            said = f"duplicate points: {seen[text] + 1} and {number + 1} are the same; write each point once"
            yield Problem(levels[0].at, "sweep.points" if "points" in section.value else "sweep.axes", said)
        seen.setdefault(text, number)
