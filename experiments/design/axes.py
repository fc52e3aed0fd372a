"""What a sweep moves: an axis is a list of levels, or a range between two bounds."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from experiments.config.nodes import Node, located, plain
from experiments.config.problems import Origin

Settings = tuple[tuple[str, Node], ...]
"""Values by dotted path, each with the place where it was written."""


@dataclass(frozen=True)
class Level:
    """One value of an axis.

    shown: what tables and pictures call it, a number, a text, or true or false. settings: what it writes into the
    config. at: where it was written.
    """

    shown: Any
    settings: Settings
    at: Origin


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One direction of a sweep.

    name: the path of the setting; a free name if the levels set several. levels: of a listed axis, else empty.
    low, high, scale, whole, steps: of a range. at: where the axis was written.
    """

    name: str
    at: Origin
    levels: tuple[Level, ...] = ()
    low: float = math.nan
    high: float = math.nan
    scale: str = "linear"
    whole: bool = False
    steps: int = 0

    @property
    def ranged(self) -> bool:
        """Whether values lie between two bounds."""
        return not self.levels

    @property
    def size(self) -> int:
        """Number of levels; of a range, its steps in a grid."""
        return len(self.levels) or self.steps

    @property
    def discrete(self) -> bool:
        """Whether two points of a sampler can share a value of this axis."""
        return bool(self.levels) or self.whole

    @property
    def numeric(self) -> bool:
        """Whether the values can be put on a number line."""
        return self.ranged or all(_is_number(level.shown) for level in self.levels)

    @property
    def paths(self) -> set[str]:
        """Every path that the axis writes to."""
        return {path for level in self.levels for path, _ in level.settings} or {self.name}

    def level(self, coordinate: float) -> Level:
        """The level at a coordinate: the number of a listed level, or a place in [0, 1] of a range."""
        if self.levels:
            return self.levels[int(coordinate)]
        return self._valued(self._between(coordinate))

    def coordinates(self, places: Any) -> Any:
        """Places in [0, 1], an array, as coordinates of this axis; equal coordinates mean equal values."""
        if self.levels:
            return np.minimum(np.floor(places * len(self.levels)), len(self.levels) - 1)
        if not self.whole:
            return places
        values = np.array([self._between(place) for place in places])
        return (self.places(values) + self.places(values + 1)) / 2 if self.scale == "linear" else self.places(values)

    def places(self, values: Any) -> Any:
        """Inverse of a range: values of it, an array, as places in [0, 1]."""
        low, high, values = self.low, self.high + (self.whole and self.scale == "linear"), np.asarray(values, float)
        if self.scale == "log":
            return np.log(values / low) / math.log(high / low)
        return (values - low) / (high - low)

    def listed(self) -> "Axis":
        """The range as `steps` levels with both bounds among them."""
        if self.levels:
            return self
        space = np.geomspace if self.scale == "log" else np.linspace
        values = [round(value) if self.whole else value for value in space(self.low, self.high, self.steps).tolist()]
        levels = tuple(self._valued(value) for value in values)
        return replace(self, levels=levels)

    def describe(self) -> dict[str, Any]:
        """The axis as the manifest keeps it."""
        if self.levels:
            values = list(dict.fromkeys(level.shown for level in self.levels))
            return {"name": self.name, "values": values, "scale": self.scale, "numeric": self.numeric}
        return {
            "name": self.name,
            "low": self.low,
            "high": self.high,
            "scale": self.scale,
            "whole": self.whole,
            "numeric": True,
        }

    def _between(self, place: float) -> float:
        if self.scale == "log":
            value = self.low * math.exp(place * math.log(self.high / self.low))
            return round(value) if self.whole else min(max(value, self.low), self.high)
        if self.whole:
            return min(math.floor(self.low + place * (self.high - self.low + 1)), int(self.high))
        return self.low + place * (self.high - self.low)

    def _valued(self, value: Any) -> Level:
        return Level(value, ((self.name, located(value, {}, self.at)),), self.at)


def ordered(settings: Iterator[tuple[str, Node]]) -> Settings:
    """Settings in an order in which none undoes another.

    A whole table goes before what is inside it, and a kind before the other settings of its table, which it would drop.
    """
    return tuple(sorted(settings, key=lambda item: (item[0].count("."), not item[0].endswith(".kind"))))


def value_of(node: Node) -> Any:
    """The plain value of a node: no places left in it."""
    value = plain(node)
    return str(value) if isinstance(value, str) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
