"""A parsed config in which every value remembers where it was written, and how its parts are addressed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.config.positions import Path as KeyPath
from experiments.config.positions import Spot
from experiments.config.problems import Origin, Problem

IDENTITIES = ("name", "asset", "label", "between")
"""What tells the items of a list apart: the first of these that an item has."""


class Text(str):
    """A text that knows the folder of the file that wrote it."""

    __slots__ = ("folder",)
    folder: Path


class Written(dict[str, Any]):
    """A plain table that knows the node it was written in."""

    __slots__ = ("node",)
    node: "Node"


@dataclass(slots=True)
class Node:
    """A value: dict of nodes, list of nodes, or a scalar. key, at: where its key and the value itself begin."""

    value: Any
    key: Origin
    at: Origin

    def copy(self) -> "Node":
        """A copy whose tables and lists can be changed."""
        if isinstance(self.value, dict):
            return Node({key: node.copy() for key, node in self.value.items()}, self.key, self.at)
        if isinstance(self.value, list):
            return Node([node.copy() for node in self.value], self.key, self.at)
        return Node(self.value, self.key, self.at)


def located(value: Any, spots: dict[KeyPath, Spot], file: Origin, path: KeyPath = ()) -> Node:
    """A node tree of a parsed document and its positions; without positions everything is at `file`."""
    key = at = file
    if path in spots:
        spot = spots[path]
        key, at = (Origin(file.source, file.folder, *place) for place in (spot.key, spot.value))
    if isinstance(value, dict):
        value = {part: located(inner, spots, file, (*path, part)) for part, inner in value.items()}
    elif isinstance(value, list):
        value = [located(inner, spots, file, (*path, i)) for i, inner in enumerate(value)]
    return Node(value, key, at)


def plain(node: Node) -> Any:
    """The tree as plain dicts (`Written`), lists and scalars; texts are `Text`."""
    if isinstance(node.value, dict):
        table = Written({key: plain(inner) for key, inner in node.value.items()})
        table.node = node
        return table
    if isinstance(node.value, list):
        return [plain(inner) for inner in node.value]
    if isinstance(node.value, str):
        text = Text(node.value)
        text.folder = node.at.folder
        return text
    return node.value


def identity(item: Node) -> str | None:
    """The name by which a list item is addressed: its name, asset or label, or the two ends of a correlation."""
    if not isinstance(item.value, dict):
        return None
    found = next((item.value[key].value for key in IDENTITIES if key in item.value), None)
    if isinstance(found, list):
        return "-".join(sorted(str(end.value) for end in found))
    return found if isinstance(found, str) else None


def identities(node: Node) -> list[str] | None:
    """Names of a list's items; None unless it is a list of tables that all have one."""
    if not isinstance(node.value, list):
        return None
    names = [identity(item) for item in node.value]
    return None if None in names else [name for name in names if name is not None]


def child(node: Node, part: str | int) -> tuple[Node, str] | None:
    """The part of a node under a key, an item's name or its number, and how to write the step; None if there is none.

    A step is written ".name", or "[2]" for an item without a name.
    """
    if isinstance(node.value, dict):
        return (node.value[part], f".{part}") if part in node.value else None
    if not isinstance(node.value, list):
        return None
    for index, item in enumerate(node.value):
        if part in (index, str(index), identity(item)):
            name = identity(item)
            return item, f"[{index}]" if name is None else f".{name}"
    return None


def walk(node: Node, path: tuple[str | int, ...]) -> tuple[Node, str, tuple[str | int, ...]]:
    """Follow a path as far as it exists: the last node, how to write the way to it, and what is left of the path."""
    shown = ""
    for depth, part in enumerate(path):
        step = child(node, part)
        if step is None:
            return node, shown.lstrip("."), path[depth:]
        node, written = step
        shown += written
    return node, shown.lstrip("."), ()


def duplicates(node: Node, shown: str = "") -> Iterator[Problem]:
    """Items of a list that carry the same name."""
    if isinstance(node.value, dict):
        for key, inner in node.value.items():
            yield from duplicates(inner, f"{shown}.{key}".lstrip("."))
    if not isinstance(node.value, list):
        return
    first: dict[str, Node] = {}
    for index, item in enumerate(node.value):
        name = identity(item)
        if name is not None and first.setdefault(name, item) is not item:
            text = f'duplicate name "{name}"; the first one is at {first[name].key}. Names in a list must differ'
            yield Problem(item.key, f"{shown}.{name}", text)
        yield from duplicates(item, f"{shown}[{index}]" if name is None else f"{shown}.{name}")
