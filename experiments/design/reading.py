"""From the nodes of [sweep] to axes, with every mistake in them.

A key of [sweep.axes] is the path of a setting. Quoted it stands as one key; unquoted, TOML makes nested tables of it,
and these are followed down to the list or the range at their end.
"""

from collections.abc import Iterator
from typing import Any

from experiments.config.nodes import Node
from experiments.config.problems import Problem, found
from experiments.design.axes import Axis, Level, Settings, ordered, value_of
from sim.errors import suggestion

RANGE = ("low", "high", "steps", "scale", "whole")
"""Settings of an axis that is a range."""
NOT_AXES = ("sweep", "run.name", "run.replications", "extends")
"""Paths that no point can change: they do not change what a run is."""
_HOW = "write [1, 2, 3], or { low = 1, high = 3, steps = 3 }"


class AxesReader:
    """Turns nodes into axes; `problems` receives what is wrong.

    method: of the sweep; a grid and a zip need the number of steps of a range, samplers do not.
    """

    def __init__(self, method: str, problems: list[Problem]) -> None:
        self.method, self.problems = method, problems

    def axes(self, table: Node) -> tuple[Axis, ...]:
        """All axes of [sweep.axes]."""
        axes: dict[str, Axis] = {}
        for name, node in self._leaves(table, ()):
            axis = self._axis(name, node)
            if axis is None:
                continue
            if name in axes:
                self.say(node, name, f"written twice; the first one is at {axes[name].at}")
            axes.setdefault(name, axis)
        self._collisions(tuple(axes.values()))
        return tuple(axes.values())

    def rows(self, points: Node) -> tuple[Axis, ...]:
        """The axes of method "list": as many levels each as there are points, in their order."""
        if not isinstance(points.value, list) or not points.value:
            self.problems.append(Problem(points.key, "sweep.points", f"empty; {_POINTS}"))
            return ()
        names = [set(row.value) if isinstance(row.value, dict) else set() for row in points.value]
        for index, row in enumerate(points.value):
            if names[index] != names[0] or not names[index]:
                missing = sorted(names[0] - names[index]) or sorted(names[index] - names[0])
                text = f"differs from the first point in {', '.join(missing) or 'everything'}; all points set the same"
                self.problems.append(Problem(row.at, f"sweep.points[{index}]", text))
                return ()
        return tuple(self._column(name, points) for name in points.value[0].value)

    def say(self, node: Node, name: str, text: str) -> None:
        """Note a mistake of an axis."""
        self.problems.append(Problem(node.key, f"sweep.axes.{name}" if name else "sweep.axes", text))

    def _column(self, name: str, points: Node) -> Axis:
        nodes = [row.value[name] for row in points.value]
        levels = [level for node in nodes if (level := self._level(name, node)) is not None]
        return Axis(name=name, at=nodes[0].key, levels=tuple(levels))

    def _leaves(self, table: Node, way: tuple[str, ...]) -> Iterator[tuple[str, Node]]:
        """The axes below a table, with their paths."""
        for key, node in table.value.items():
            path = (*way, key)
            inner = isinstance(node.value, dict) and node.value and not _is_range(node)
            if inner and not (node.value.keys() & {"values"}):
                yield from self._leaves(node, path)
            else:
                yield ".".join(path), node

    def _axis(self, name: str, node: Node) -> Axis | None:
        if any(name == path or name.startswith(f"{path}.") for path in NOT_AXES):
            text = "no axis: it says which runs are made, not what a run is"
            self.say(node, name, f"{text}; use [sweep] replications for more runs of each point")
            return None
        if isinstance(node.value, list):
            return self._list(name, node)
        if isinstance(node.value, dict) and node.value:
            return self._range(name, node)
        what = "found an empty table" if isinstance(node.value, dict) else found(node.value)
        self.say(node, name, f"{what}; an axis is a list of values or a range: {_HOW}")
        return None

    def _list(self, name: str, node: Node) -> Axis | None:
        if not node.value:
            self.say(node, name, f"empty; an axis needs at least one value: {_HOW}")
            return None
        before = len(self.problems)
        levels = [level for item in node.value if (level := self._level(name, item)) is not None]
        if len(self.problems) > before:
            return None
        sets = [_is_set(item) for item in node.value]
        if any(sets) and not all(sets):
            text = 'some levels have "set", others a value of their own; give all of them "set", or none'
            self.say(node.value[sets.index(not sets[0])], name, text)
            return None
        return Axis(name=name, at=node.key, levels=_uniform(levels))

    def _level(self, name: str, node: Node) -> Level | None:
        """One level: a plain value, or a labelled table of one value or several settings."""
        if isinstance(node.value, dict) and "label" in node.value and len(node.value) == 2:
            label = value_of(node.value["label"])
            if isinstance(label, str) and "value" in node.value:
                return Level(label, ((name, node.value["value"]),), node.at)
            if isinstance(label, str) and isinstance(getattr(node.value.get("set"), "value", None), dict):
                return Level(label, self._settings(name, node.value["set"]), node.at)
        if isinstance(node.value, dict | list):
            how = '{ label = "...", value = ... }, or { label = "...", set = { "path" = value, ... } }'
            self.problems.append(Problem(node.at, f"sweep.axes.{name}", f"{found(node.value)}; write it as {how}"))
            return None
        value = value_of(node)
        return Level(value.isoformat() if hasattr(value, "isoformat") else value, ((name, node),), node.at)

    def _settings(self, name: str, table: Node) -> Settings:
        """The settings of a level that sets several. A key with dots is a whole path, so its value may be a table."""
        settings: list[tuple[str, Node]] = []
        for key, node in table.value.items():
            if any(key == path or key.startswith(f"{path}.") for path in NOT_AXES):
                self.problems.append(Problem(node.key, f"sweep.axes.{name}.set", f'no point can set "{key}"'))
            settings.extend([(key, node)] if "." in key else _flat(key, node))
        return ordered(iter(settings))

    def _range(self, name: str, node: Node) -> Axis | None:
        unknown = [key for key in node.value if key not in RANGE]
        if unknown:
            self.say(
                node.value[unknown[0]], f"{name}.{unknown[0]}", f"unknown setting{suggestion(unknown[0], list(RANGE))}"
            )
            return None
        given: dict[str, Any] = {key: value_of(inner) for key, inner in node.value.items()}
        faults = list(_faults(given, self.method))
        for key, text in faults:
            self.say(node.value.get(key, node), f"{name}.{key}", text)
        return None if faults else Axis(name=name, at=node.key, **given)

    def _collisions(self, axes: tuple[Axis, ...]) -> None:
        """Two axes that write the same setting."""
        seen: dict[str, Axis] = {}
        for axis in axes:
            for path in sorted(axis.paths):
                other = seen.setdefault(path, axis)
                if other is not axis:
                    text = f"sets {path}, as axis {other.name} ({other.at}) does; each setting belongs to one axis"
                    self.problems.append(Problem(axis.at, f"sweep.axes.{axis.name}", text))


_POINTS = 'method "list" needs points: points = [{ "run.dt" = 60, "agents.noise.count" = 0 }, ...]'


def _faults(given: dict[str, Any], method: str) -> Iterator[tuple[str, str]]:
    """What is wrong with a range, as (setting, message)."""
    for key in ("low", "high"):
        value = given.get(key)
        if value is None:
            yield key, "missing; a range has low and high"
        elif isinstance(value, bool) or not isinstance(value, int | float):
            yield key, f"{found(value)}; must be a number; values of another kind can be listed: [...]"
    steps, scale = given.get("steps", 2), given.get("scale", "linear")
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 2:
        yield "steps", f"{found(steps)}; must be a whole number from 2"
    if scale not in ("linear", "log"):
        yield "scale", f'{found(scale)}; must be "linear" or "log"'
    if not isinstance(given.get("whole", False), bool):
        yield "whole", f"{found(given['whole'])}; must be true or false"
    if "steps" not in given and method in ("grid", "zip"):
        yield "steps", f'missing; method "{method}" needs the number of values from low to high'
    if all(isinstance(given.get(key), int | float) for key in ("low", "high")):
        yield from _bounds(given)


def _bounds(given: dict[str, Any]) -> Iterator[tuple[str, str]]:
    low, high = given["low"], given["high"]
    if not low < high or not abs(high - low) < float("inf"):
        yield "low", f"found low = {low:g}, high = {high:g}; low must be below high, and both finite"
    elif given.get("scale") == "log" and low <= 0:
        yield "low", f"found {low:g}; a logarithmic range needs positive bounds; raise low, or list the values"
    if given.get("whole") is True and (low != int(low) or high != int(high)):
        yield "whole", f"found low = {low:g}, high = {high:g}; the bounds of a range of whole numbers are whole"


def _uniform(levels: list[Level]) -> tuple[Level, ...]:
    """Levels shown as numbers only if all of them are numbers."""
    if len({isinstance(level.shown, str) for level in levels}) == 1:
        return tuple(levels)
    return tuple(Level(str(level.shown), level.settings, level.at) for level in levels)


def _is_range(node: Node) -> bool:
    """Whether a table says a range, rather than leading on to settings that have these names."""
    return any(key in node.value and not isinstance(node.value[key].value, dict | list) for key in RANGE)


def _is_set(node: Node) -> bool:
    return isinstance(node.value, dict) and "set" in node.value


def _flat(path: str, node: Node) -> Iterator[tuple[str, Node]]:
    if not isinstance(node.value, dict):
        yield path, node
        return
    for key, inner in node.value.items():
        yield from _flat(f"{path}.{key}", inner)
