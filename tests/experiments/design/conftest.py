"""A toy market in a file, and sweeps of it."""

import pytest

from experiments.catalogue import load_components
from experiments.config import load
from experiments.design import plan
from tests.experiments.conftest import TOY

LINES = TOY.count("\n")


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    """Write the toy market with a [sweep] after it, and plan it; the section starts at line `LINES + 1`."""
    load_components()
    monkeypatch.chdir(tmp_path)

    def planned(section, sets=()):
        (tmp_path / "toy.toml").write_text(TOY + section)
        return plan(load("toy.toml", sets))

    return planned
