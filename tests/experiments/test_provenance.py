import importlib.metadata
import re
import subprocess
import sys
import types

import numpy as np
import pytest

from experiments import provenance
from sim.errors import ConfigError


@pytest.fixture
def tree(tmp_path):
    """A root folder with one file in each of our packages and one elsewhere."""
    for package in (*provenance.PACKAGES, "tests"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "part.py").write_bytes(b"x = 1\ny = 2\n")
    return tmp_path


def digest(root):
    provenance.source_digest.cache_clear()
    return provenance.source_digest(root)


@pytest.fixture
def foreign_agents(tmp_path, monkeypatch):
    """Another package of the name `agents` comes first on the path."""
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "__init__.py").write_text("class Agent: ...\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "agents", raising=False)
    yield tmp_path / "agents"
    sys.modules.pop("agents", None)


def test_versions_are_those_in_use():
    found = provenance.versions()
    assert found["numpy"] == np.__version__
    assert found["python"].split(".")[:2] == [str(part) for part in sys.version_info[:2]]
    assert set(found) == {"python", *provenance.LIBRARIES}


def test_missing_library_is_said_to_be_missing(monkeypatch):
    monkeypatch.setattr(provenance, "LIBRARIES", ("no-such-distribution",))
    assert provenance.versions()["no-such-distribution"] == "not installed"


def test_machine_is_plain_data():
    found = provenance.machine()
    assert found["cores"] >= 1
    assert all(isinstance(value, str | int) and value != "" for value in found.values())


def test_digest_of_the_project_is_stable():
    assert re.fullmatch("[0-9a-f]{64}", provenance.source_digest())
    assert digest(provenance.ROOT) == digest(provenance.ROOT)


@pytest.mark.parametrize("package", provenance.PACKAGES)
def test_digest_follows_every_package(tree, package):
    before = digest(tree)
    (tree / package / "part.py").write_bytes(b"x = 1\ny = 3\n")
    assert digest(tree) != before


def test_digest_follows_names_and_borders(tree):
    before = digest(tree)
    (tree / "sim" / "part.py").rename(tree / "sim" / "other.py")
    assert digest(tree) != before


def test_digest_ignores_line_ends_other_files_and_place(tree, tmp_path_factory):
    before = digest(tree)
    (tree / "sim" / "part.py").write_bytes(b"x = 1\r\ny = 2\r\n")
    (tree / "tests" / "part.py").write_bytes(b"z = 1\n")
    (tree / "agents" / "notes.md").write_text("text")
    moved = tmp_path_factory.mktemp("elsewhere") / "copy"
    tree.rename(moved)
    assert digest(moved) == before


def test_our_packages_pass():
    provenance.check_packages()


def test_foreign_agents_is_refused(foreign_agents):
    with pytest.raises(ConfigError, match=r"is not Spillover's.*\.venv.*uninstall") as caught:
        provenance.check_packages()
    assert str(foreign_agents) in str(caught.value)


def test_the_owner_of_a_foreign_package_is_named(foreign_agents, monkeypatch):
    claims = {"agents": ["spillover", "openai-agents"]}
    monkeypatch.setattr(importlib.metadata, "packages_distributions", lambda: claims)
    with pytest.raises(ConfigError, match=r"not Spillover's but belongs to openai-agents\. Spillover needs"):
        provenance.check_packages()


def test_broken_foreign_agents_is_refused(foreign_agents):
    (foreign_agents / "__init__.py").write_text("import no_such_module_anywhere\n")
    with pytest.raises(ConfigError, match=r'"agents" cannot be loaded \(No module named'):
        provenance.check_packages()


def test_a_truthy_stranger_is_not_enough(monkeypatch):
    monkeypatch.setitem(sys.modules, "agents", types.SimpleNamespace(SPILLOVER="yes", __file__=None))
    with pytest.raises(ConfigError, match="found at an unknown place"):
        provenance.check_packages()


def test_importing_provenance_is_light():
    heavy = {"numpy", "numba", "pandas", "mesa", "pydantic", "importlib.metadata"}
    code = f"import sys, experiments.provenance; print(sorted({heavy!r} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(provenance.ROOT)!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "[]"
