"""Short versions of configs: the settings of the [quick] table, put in by `--set run.quick=true`."""

from collections.abc import Sequence
from typing import Any

from experiments.config.nodes import Node
from experiments.config.problems import Problem, found
from experiments.config.sets import apply_node, apply_set, dotted

QUICK = "quick"


def applied(document: Node, sets: Sequence[str], sections: dict[str, Any], problems: list[Problem]) -> Node:
    """A copy of a document with `path=value` items written into it and, if run.quick is true, its [quick] table.

    Items win over the table. Afterwards neither the table nor run.quick is left, so a quick run is the same run as one
    whose file says all that. document: a config tree. sections: as for `apply_set`. problems: receives mistakes.
    """
    tree, mistakes = _written(document.copy(), sets, sections)
    table, run = tree.value.pop(QUICK, None), tree.value.get("run")
    wish = run.value.get(QUICK) if run is not None and isinstance(run.value, dict) else None
    if wish is not None and isinstance(wish.value, bool):
        del tree.value["run"].value[QUICK]
    if wish is None or wish.value is not True:
        problems.extend(mistakes)
        return tree
    problems.extend(_unusable(table, wish))
    tree = document.copy()
    tree.value.pop(QUICK, None)
    for path, node in table.value.items() if table is not None and isinstance(table.value, dict) else ():
        problem = apply_node(tree, dotted(path), node.copy(), sections)
        problems.extend([problem] if problem else [])
    tree, mistakes = _written(tree, sets, sections)
    tree.value.pop(QUICK, None)
    tree.value["run"].value.pop(QUICK, None)
    problems.extend(mistakes)
    return tree


def _unusable(table: Node | None, wish: Node) -> list[Problem]:
    """Why there is nothing to put in."""
    if table is None:
        text = 'true, but this config has no [quick] table, such as [quick] with "sweep.replications" = 2'
        return [Problem(wish.key, "run.quick", text)]
    if not isinstance(table.value, dict):
        return [Problem(table.key, QUICK, f"{found(table.value)}; must be a table of paths and values")]
    return []


def _written(tree: Node, sets: Sequence[str], sections: dict[str, Any]) -> tuple[Node, list[Problem]]:
    return tree, [problem for item in sets if (problem := apply_set(tree, item, sections))]
