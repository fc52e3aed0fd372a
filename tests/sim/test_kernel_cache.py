"""Compiled kernels are kept per state of what is compiled into them."""

import os

import pytest

from sim import kernel_cache
from sim.kernel_cache import cache_folder


@pytest.fixture
def rooms(tmp_path, monkeypatch):
    """A tree of three modules: a kernel imports a helper, which imports another; a fourth stands apart."""
    (tmp_path / "sim").mkdir()
    for name, text in {
        "kernels": "import numpy as np\nfrom sim.helpers import (\n    once,\n    twice,\n)\n",
        "helpers": "from sim import deep\n\ndef once():\n    from sim import apart\n",
        "deep": "X = 1\n",
        "apart": "Y = 1\n",
    }.items():
        (tmp_path / "sim" / f"{name}.py").write_text(text)
    monkeypatch.setattr(kernel_cache, "ROOT", tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "sim"


def folder(rooms):
    kernel_cache.cache_folder.cache_clear()
    kernel_cache._imports.cache_clear()
    kernel_cache._forget_old.cache_clear()
    return cache_folder("sim.kernels", str(rooms / "kernels.py"))


@pytest.mark.parametrize(("changed", "moves"), [("kernels", True), ("helpers", True), ("deep", True), ("apart", False)])
def test_a_change_of_anything_compiled_in_makes_a_new_folder(rooms, changed, moves):
    before = folder(rooms)
    assert folder(rooms) == before
    with (rooms / f"{changed}.py").open("a") as file:
        file.write("Z = 3\n")
    assert (folder(rooms) != before) == moves


def test_only_the_latest_states_are_kept(rooms):
    seen = []
    for state in range(kernel_cache.KEPT_STATES + 5):
        os.utime(rooms / "deep.py", (state, state))
        seen.append(folder(rooms))
        os.utime(seen[-1], (state, state))
    left = [place for place in seen if os.path.isdir(place)]
    assert len(left) <= kernel_cache.KEPT_STATES + 1
    assert seen[-1] in left
    assert seen[0] not in left
