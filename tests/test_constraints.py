"""constraints.txt pins what pyproject.toml asks for, on every Python we support."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
SAME_EVERYWHERE = {"numpy", "numba", "llvmlite", "scipy", "pandas", "pyarrow"}


def pins() -> list[Requirement]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def wanted() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [text for group in project["optional-dependencies"].values() for text in group]
    return [Requirement(text) for text in [*project["dependencies"], *extras] if not text.startswith("spillover[")]


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_every_dependency_is_pinned_once_within_its_bounds(python):
    chosen: dict[str, list[str]] = {}
    for pin in pins():
        if pin.marker is None or pin.marker.evaluate({"python_version": python}):
            (only,) = pin.specifier
            assert only.operator == "=="
            chosen.setdefault(pin.name, []).append(only.version)
    assert {name: versions for name, versions in chosen.items() if len(versions) > 1} == {}
    outside = [str(need) for need in wanted() if not need.specifier.contains(chosen.get(need.name, ["0"])[0])]
    assert outside == []


def test_numbers_come_from_the_same_libraries_on_every_python():
    assert {pin.name for pin in pins() if pin.marker is None} >= SAME_EVERYWHERE
