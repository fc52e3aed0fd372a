"""The contracts between packages, and that nothing lives outside them."""

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOMS = {"sim", "agents", "protocols", "experiments"}
DRAWERS = {"util", "utils", "helper", "helpers", "misc", "common", "tools"}
"""Names that say nothing about what is inside."""


def lint(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", command, "--no-cache", *arguments], cwd=folder, capture_output=True, text=True
    )


def test_contracts_hold():
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


def test_a_breach_is_found(tmp_path):
    for room in ROOMS:
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").write_text("import agents\n" if room == "protocols" else "")
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    result = lint(tmp_path)
    assert result.returncode == 1
    assert "agents is not allowed to import protocols" in result.stdout or "protocols is not allowed" in result.stdout


def test_every_package_is_in_a_layer():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(project["tool"]["importlinter"]["root_packages"]) == ROOMS
    assert set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == ROOMS
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages - {"benchmarks"} == ROOMS


def test_every_folder_of_modules_is_a_package():
    """A folder without __init__.py is invisible to the contracts and to the type checker."""
    folders = {path.parent for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_no_drawers():
    modules = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    assert [str(path) for path in modules if DRAWERS & {path.stem, path.parent.name}] == []
