"""Single settings from the command line: `--set agents.noise.count=0`.

The path is a dotted TOML key in which list items stand under their name; the value is TOML, and what is no TOML is
taken as text, so that `--set run.dt=10min` needs no quotes.
"""

import tomllib
from pathlib import Path
from typing import Any

from experiments.config.merge import changes_kind, drop_rivals
from experiments.config.nodes import IDENTITIES, Node, child, identity, located, walk
from experiments.config.problems import Origin, Problem, found
from sim.errors import suggestion


def apply_set(tree: Node, item: str, sections: dict[str, Any]) -> Problem | None:
    """Write one `path=value` into a tree, in place; the problem if that place cannot exist.

    sections: the top-level tables and lists a config may have, each with the empty value it starts from.
    """
    origin = Origin(f"--set {item}", Path.cwd())
    path, equals, text = item.partition("=")
    parts = dotted(path)
    if not equals or not parts:
        return Problem(origin, "", "write it as path=value, for example run.seed=3 or agents.noise.count=0")
    return apply_node(tree, parts, located(_value(text), {}, origin), sections)


def apply_node(tree: Node, parts: list[str], new: Node, sections: dict[str, Any]) -> Problem | None:
    """Write a value at a path into a tree, in place; the problem if that place cannot exist.

    parts: of the dotted path, as from `dotted`. new: the value; it says itself where it was written. sections: as for
    `apply_set`.
    """
    origin = new.key
    if parts[0] not in tree.value and parts[0] in sections:
        tree.value[parts[0]] = located(sections[parts[0]], {}, origin)
    node = tree
    for depth, part in enumerate(parts):
        step = child(node, part)
        if step is None and (node is tree or not isinstance(node.value, dict)):
            return _nowhere(tree, tuple(parts[:depth]), part, origin, sections)
        if depth == len(parts) - 1:
            break
        node = node.value.setdefault(part, Node({}, origin, origin)) if step is None else step[0]
    _assign(node, parts, new)
    return None


def dotted(path: str) -> list[str]:
    """Parts of a dotted key; quoted parts may hold dots."""
    try:
        table: Any = tomllib.loads(f"{path}=0")
    except tomllib.TOMLDecodeError:
        return [part.strip() for part in path.split(".")] if path.strip() else []
    parts = []
    while isinstance(table, dict):
        [(part, table)] = table.items()
        parts.append(part)
    return parts


def _value(text: str) -> Any:
    try:
        table = tomllib.loads(f"value={text}")
    except tomllib.TOMLDecodeError:
        return text.strip()
    return table["value"] if len(table) == 1 else text


def _assign(node: Node, parts: list[str], new: Node) -> None:
    final = parts[-1]
    if isinstance(node.value, list):
        index = next(i for i, item in enumerate(node.value) if final in (str(i), identity(item)))
        node.value[index] = new
        return
    if final == "kind" and changes_kind(node, Node({"kind": new}, new.key, new.at)):
        node.value = {key: inner for key, inner in node.value.items() if key in IDENTITIES}
    drop_rivals(node, tuple(parts))
    node.value[final] = new


def _nowhere(tree: Node, way: tuple[str, ...], part: str, origin: Origin, sections: dict[str, Any]) -> Problem:
    """What is wrong with a path that leads nowhere: the nearest name and what exists there."""
    node, shown, _ = walk(tree, way)
    path = ".".join((*way, part))
    if node is tree:
        return Problem(origin, path, f'no such section "{part}"{suggestion(part, list(sections))}')
    if isinstance(node.value, list):
        names = [identity(item) or str(index) for index, item in enumerate(node.value)]
        return Problem(origin, path, f'{shown} has no item "{part}"{suggestion(part, names)}')
    return Problem(origin, path, f"{found(node.value)} at {shown}, which is no table; nothing can be set inside it")
