"""The points of a sweep, made when asked for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from experiments.design.axes import Axis, Level, Settings, ordered, value_of
from experiments.design.toml_text import toml_text


@dataclass(frozen=True)
class Point:
    """One combination of settings.

    index: its number in the order of the plan. params: by axis, the value or the label of its level. sets: items for
    --set that make the same config.
    """

    index: int
    params: dict[str, Any]
    sets: tuple[str, ...] = ()


class Points(Sequence[Point]):
    """All points of a plan. coordinates: (points, axes), or None for the grid of all combinations."""

    def __init__(self, axes: tuple[Axis, ...], coordinates: NDArray[np.float64] | None = None) -> None:
        self.axes, self._coordinates = axes, coordinates
        self._shape = tuple(axis.size for axis in axes)
        self._count = count(axes) if coordinates is None else len(coordinates)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Point: ...
    @overload
    def __getitem__(self, index: slice) -> "list[Point]": ...
    def __getitem__(self, index: int | slice) -> "Point | list[Point]":
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(self._count))]
        number = range(self._count)[index]
        return point(number, self.axes, self.levels(number))

    def levels(self, index: int) -> tuple[Level, ...]:
        """The level of each axis at a point."""
        return tuple(axis.level(place) for axis, place in zip(self.axes, self.coordinates(index), strict=True))

    def coordinates(self, index: int) -> Sequence[float]:
        """Coordinates of a point, as `Axis.level` takes them."""
        if self._coordinates is not None:
            return [float(place) for place in self._coordinates[index]]
        return [int(place) for place in np.unravel_index(index, self._shape)] if self.axes else []


def count(axes: Iterable[Axis]) -> int:
    """Points of the grid of all combinations."""
    total = 1
    for axis in axes:
        total *= axis.size
    return total


def point(index: int, axes: tuple[Axis, ...], levels: tuple[Level, ...]) -> Point:
    """The point with a level on each axis."""
    params = {axis.name: level.shown for axis, level in zip(axes, levels, strict=True)}
    sets = tuple(f"{path}={toml_text(value_of(node))}" for path, node in settings(levels))
    return Point(index, params, sets)


def settings(levels: Iterable[Level]) -> Settings:
    """What levels write into the config, in an order in which none undoes another."""
    return ordered(pair for level in levels for pair in level.settings)
