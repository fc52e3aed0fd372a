"""Size and shape of the code: small files, short functions, shallow classes, no import cycles.

Budgets are guards, not goals. An exception is a line in `EXCEPTIONS` with the reason why splitting would read worse;
one that is no longer needed fails the test too.
"""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("sim", "agents", "protocols", "experiments")
FOLDERS = (*PACKAGES, "tests", "benchmarks")

FILE_LINES = 400
FUNCTION_LINES = 60
MEDIAN_FUNCTION_LINES = 15
CLASS_DEPTH = 2
"""Ancestors of our own that a class may have."""

EXCEPTIONS: dict[str, str] = {}
"""'path/to/file.py', 'path/to/file.py::Class.function' or 'module.Class' -> why it may exceed its budget."""


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def functions(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, int]]:
    """Qualified name and length in lines, docstring included, of every function below a node."""
    for child in ast.iter_child_nodes(node):
        name = prefix
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{prefix}{child.name}."
            if not isinstance(child, ast.ClassDef):
                yield name[:-1], (child.end_lineno or child.lineno) - child.lineno + 1
        yield from functions(child, name)


def oversize_files() -> dict[str, str]:
    lengths = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in sources(*FOLDERS)}
    return {name: f"{count} lines, budget {FILE_LINES}" for name, count in lengths.items() if count > FILE_LINES}


def oversize_functions() -> dict[str, str]:
    return {
        f"{relative(path)}::{name}": f"{count} lines, budget {FUNCTION_LINES}"
        for path in sources(*FOLDERS)
        for name, count in functions(tree(path))
        if count > FUNCTION_LINES
    }


def bindings(path: Path, known: set[str]) -> dict[str, str]:
    """Local name -> dotted origin, for imports from our packages (type-checking imports included)."""
    origin: dict[str, str] = {}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module in known:
            origin |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return origin


def class_parents() -> dict[str, list[str]]:
    """Dotted name of each of our classes -> dotted names of those of its bases that are ours."""
    paths = sources(*PACKAGES)
    known = {module_name(path) for path in paths}
    bases: dict[str, list[str]] = {}
    for path in paths:
        origin = bindings(path, known)
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef):
                names = [ast.unparse(base).split("[")[0] for base in node.bases]
                resolved = [resolve(name, origin, module_name(path)) for name in names]
                bases[f"{module_name(path)}.{node.name}"] = resolved
    return {name: [base for base in parents if base in bases] for name, parents in bases.items()}


def resolve(name: str, origin: dict[str, str], module: str) -> str:
    head, _, rest = name.partition(".")
    start = origin.get(head, f"{module}.{head}")
    return f"{start}.{rest}" if rest else start


def too_deep(parents: dict[str, list[str]]) -> dict[str, str]:
    def depth(name: str) -> int:
        return max((1 + depth(base) for base in parents[name]), default=0)

    return {name: f"{depth(name)} ancestors, budget {CLASS_DEPTH}" for name in parents if depth(name) > CLASS_DEPTH}


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def runtime_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Every node below, lazy imports inside functions included, blocks under TYPE_CHECKING left out."""
    for child in ast.iter_child_nodes(node):
        if not is_type_checking(child):
            yield child
            yield from runtime_nodes(child)


def imports(path: Path, known: set[str]) -> set[str]:
    found: set[str] = set()
    for node in runtime_nodes(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            candidates = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in known else node.module for name in candidates}
    return found & known - {module_name(path)}


def import_graph() -> dict[str, set[str]]:
    paths = sources(*PACKAGES)
    known = {module_name(path) for path in paths}
    return {module_name(path): imports(path, known) for path in paths}


def cycle(graph: dict[str, set[str]]) -> list[str]:
    """One cycle of a graph, or an empty list."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


@pytest.mark.parametrize(
    "offenders",
    [oversize_files, oversize_functions, lambda: too_deep(class_parents())],
    ids=["files", "functions", "class depth"],
)
def test_within_budget(offenders):
    over = {name: why for name, why in offenders().items() if name not in EXCEPTIONS}
    assert not over, "\n" + "\n".join(f"{name}: {why}" for name, why in over.items())


def test_exceptions_are_still_needed():
    needed = oversize_files() | oversize_functions() | too_deep(class_parents())
    assert sorted(EXCEPTIONS) == sorted(name for name in EXCEPTIONS if name in needed)


def test_most_functions_are_short():
    lengths = [count for path in sources(*PACKAGES) for _, count in functions(tree(path))]
    assert median(lengths) <= MEDIAN_FUNCTION_LINES


def test_no_import_cycles():
    found = cycle(import_graph())
    assert not found, " -> ".join(found)


def test_the_measures_find_what_they_look_for():
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}})
    assert too_deep({"a": [], "b": ["a"], "c": ["b"], "d": ["c"]}) == {"d": "3 ancestors, budget 2"}
    assert dict(functions(ast.parse("class A:\n    def f(self):\n        def g(): ...\n        return g"))) == {
        "A.f": 3,
        "A.f.g": 1,
    }
    assert "sim.errors" in import_graph()["sim.registry"]
    assert class_parents()["sim.errors.UnknownKind"] == ["sim.errors.ConfigError"]
