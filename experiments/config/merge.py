"""How an extending file changes the file it extends.

Tables are merged key by key; lists of named tables item by item; everything else is replaced. A table whose `kind`
changes is replaced, because the settings of one kind mean nothing to another. An item with `remove = true` deletes
the inherited one.
"""

from experiments.config.nodes import Node, identities, identity
from experiments.config.problems import Problem, found
from sim.errors import suggestion

RIVALS: dict[tuple[str, ...], str] = {("run", "ticks"): "duration", ("run", "duration"): "ticks"}
"""Two ways to say one thing: writing the one drops the inherited other."""


def merge(base: Node, over: Node, problems: list[Problem], path: tuple[str, ...] = ()) -> Node:
    """The extended tree. base, over: trees of the inherited and the extending file; problems: receives mistakes."""
    if isinstance(base.value, dict) and isinstance(over.value, dict) and not changes_kind(base, over):
        return _merge_tables(base, over, problems, path)
    if over.value and identities(over) is not None and (base_names := identities(base)) is not None:
        return _merge_items(base, base_names, over, problems, path)
    return over


def changes_kind(base: Node, over: Node) -> bool:
    """Whether both tables name a kind and the kinds differ."""
    kinds = [table.value["kind"].value for table in (base, over) if "kind" in table.value]
    return len(kinds) == 2 and kinds[0] != kinds[1]


def drop_rivals(table: Node, path: tuple[str, ...]) -> None:
    """Remove the setting that says in another way what the one at `path` says."""
    table.value.pop(RIVALS.get(path, ""), None)


def _merge_tables(base: Node, over: Node, problems: list[Problem], path: tuple[str, ...]) -> Node:
    merged = Node(dict(base.value), over.key, over.at)
    for key, node in over.value.items():
        here = (*path, key)
        if here in RIVALS and RIVALS[here] not in over.value:
            drop_rivals(merged, here)
        old = merged.value.get(key)
        if old is None:
            old = Node([], node.key, node.at) if identities(node) else node
        merged.value[key] = merge(old, node, problems, here) if old is not node else node
    return merged


def _merge_items(base: Node, names: list[str], over: Node, problems: list[Problem], path: tuple[str, ...]) -> Node:
    items = dict(zip(names, base.value, strict=True))
    for item in over.value:
        name = identity(item) or ""
        if "remove" in item.value:
            problem = _remove(items, name, item, ".".join((*path, name)))
            problems.extend([problem] if problem else [])
        else:
            items[name] = merge(items[name], item, problems, (*path, name)) if name in items else item
    return Node(list(items.values()), over.key, over.at)


def _remove(items: dict[str, Node], name: str, item: Node, shown: str) -> Problem | None:
    wish = item.value["remove"]
    if wish.value is not True:
        return Problem(wish.at, f"{shown}.remove", f"{found(wish.value)}; only `remove = true` means something")
    if items.pop(name, None) is None:
        return Problem(item.key, shown, f'nothing to remove: no "{name}" is inherited{suggestion(name, list(items))}')
    return None
