"""Benchmarks bring components of their own; they are registered only while these tests run."""

from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

from sim import registry

_BROUGHT: dict[str, dict[str, type]] = {}
"""Components that importing the benchmarks has registered, by family and kind."""


@pytest.fixture(autouse=True, scope="module")
def bench_components() -> Iterator[None]:
    shared = {family: dict(kinds) for family, kinds in registry._components.items()}
    for family, kinds in _BROUGHT.items():
        registry._components[family] |= kinds
    for name in ("benchmarks.margin_desk", "benchmarks.creation"):
        import_module(name)
    for family, kinds in registry._components.items():
        added = {kind: cls for kind, cls in kinds.items() if cls.__module__.startswith("benchmarks.")}
        _BROUGHT.setdefault(family, {}).update(added)
    yield
    registry._components = shared


@pytest.fixture
def bench() -> Any:
    """A benchmark's module, by its name on the command line."""

    def find(name: str) -> ModuleType:
        from benchmarks.run import BENCHES

        return import_module(BENCHES[name])

    return find
