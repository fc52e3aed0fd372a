"""What the whole suite shares: the Hypothesis profile and which tests need the compiler."""

import os

import pytest
from hypothesis import settings

from sim.jit import JIT

settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without the compiler a kernel is its own twin, so comparing the two would say nothing."""
    if JIT:
        return
    config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("jit")])
    items[:] = [item for item in items if not item.get_closest_marker("jit")]
