"""From pydantic's errors to lines that say where, what was found and what is allowed."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from experiments.config.nodes import Node, walk
from experiments.config.problems import Problem, found
from experiments.config.resolve_fields import PROBLEM, UNDECIDED, Context
from experiments.config.tables import FAULTS, Table, model_of
from sim.errors import suggestion

KeyPath = tuple[str | int, ...]

_TYPES = {
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "a text",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a table",
}
_LIMITS = {
    "greater_than": "above {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "below {lt}",
    "less_than_equal": "at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "finite_number": "a finite number",
}
_MISSING = "missing; this setting has no default"


def attempt(
    call: Callable[[], Table], tree: Node, path: KeyPath, context: Context
) -> tuple[Table | None, list[Problem]]:
    """Run a validation of the table at `path`: its result, or what is wrong with it.

    tree: the whole config. context: the one the validation uses; it knows which class read which table.
    """
    try:
        return call(), []
    except ValidationError as error:
        return None, list(_problems(error.errors(include_url=False), tree, path, context))
    except PydanticCustomError as error:
        single = {"type": error.type, "loc": (), "ctx": error.context}
        return None, list(_problems([single], tree, path, context))


def problem_at(tree: Node, path: KeyPath, text: str) -> Problem:
    """A problem with the value at a path, or with the nearest table above it if it is not there."""
    node, way, rest = walk(tree, path)
    here = way + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in rest)
    return Problem(node.key if rest else node.at, here.lstrip("."), text)


def _problems(errors: list[Any], tree: Node, path: KeyPath, context: Context) -> Iterator[Problem]:
    by_place: dict[KeyPath, list[Any]] = {}
    for error in errors:
        by_place.setdefault(_existing(tree, path, error), []).append(error)
    for place, group in by_place.items():
        kinds_of_error = {error["type"] for error in group}
        if FAULTS in kinds_of_error:
            faults = [fault for error in group for fault in error.get("ctx", {}).get("faults", [])]
            yield from (problem_at(tree, (*place, *_steps(name)), text) for name, text in faults)
        elif "extra_forbidden" in kinds_of_error:
            yield _unknown(tree, place, context)
        elif kinds_of_error != {UNDECIDED}:
            problem = problem_at(tree, place, _described(group))
            is_key = group[0]["loc"][-1:] == ("[key]",)
            yield replace(problem, origin=walk(tree, place)[0].key) if is_key else problem


def _existing(tree: Node, path: KeyPath, error: Any) -> KeyPath:
    """Where an error is, without the labels that pydantic adds to a location for the members of a union."""
    place = path
    for part in error["loc"]:
        if not walk(tree, (*place, part))[2]:
            place = (*place, part)
    return (*place, error["loc"][-1]) if error["type"] == "missing" else place


def _steps(name: str) -> KeyPath:
    return tuple(name.split(".")) if name else ()


def _unknown(tree: Node, place: KeyPath, context: Context) -> Problem:
    node, way, _ = walk(tree, place)
    table, _, _ = walk(tree, place[:-1])
    name = str(place[-1])
    allowed = allowed_settings(table, context)
    return Problem(node.key, way, f"unknown setting{suggestion(name, allowed)}")


def allowed_settings(table: Node, context: Context) -> list[str]:
    """Names of the settings that the table's class takes; name and kind, which all have, come last."""
    reader = context.readers.get(id(table))
    names = list(model_of(reader).model_fields) if reader else []
    return sorted(names, key=lambda name: ("name", "kind").index(name) if name in ("name", "kind") else -1)


def _described(group: list[Any]) -> str:
    """One sentence for the errors at one place; several come from the members of a union."""
    telling = [error for error in group if error["type"] not in _TYPES]
    if not telling:
        wanted = " or ".join(dict.fromkeys(_TYPES[error["type"]] for error in group))
        return f"{found(group[0]['input'])}; must be {wanted}"
    return "; or ".join(dict.fromkeys(_sentence(error) for error in telling))


def _sentence(error: Any) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == PROBLEM:
        return str(context["text"])
    if kind == "missing":
        return "missing; this list needs more items" if isinstance(error["loc"][-1], int) else _MISSING
    value = error["input"]
    if kind == "int_from_float":
        return f"{found(value)}; must be a whole number"
    if kind in _LIMITS:
        return f"{found(value)}; must be {_LIMITS[kind].format_map(context)}"
    if kind in ("too_short", "too_long"):
        bound = f"at least {context['min_length']}" if kind == "too_short" else f"at most {context['max_length']}"
        return f"{found(value)} of {context['actual_length']} items; must have {bound}"
    return f"{found(value)}; {error['msg'].removeprefix('Input should be').strip()}"
