"""Every compiled kernel agrees with its NumPy twin bit for bit, over sizes and seeds; a kernel without cases fails."""

import copy
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from sim.jit import KERNELS
from tests.kernel_cases import CASES
from tests.worlds import load_components

load_components()
for _file in sorted((Path(__file__).parent / "cases").glob("*.py")):
    import_module(f"tests.cases.{_file.stem}")


def arrays(value):
    """All arrays in a tuple of arguments, however deep."""
    if isinstance(value, np.ndarray):
        return [value]
    return [found for item in value for found in arrays(item)] if isinstance(value, tuple) else []


def same(left, right):
    left, right = (np.asarray(0 if value is None else value, dtype=np.float64) for value in (left, right))
    return np.array_equal(left, right, equal_nan=True)


def test_every_kernel_has_cases():
    ours = {name for name in KERNELS if name.startswith(("sim.", "protocols.", "agents."))}
    assert ours - set(CASES) == set(), "write a case maker in tests/cases/"
    assert set(CASES) - ours == set(), "no such kernel any more"


@pytest.mark.jit
@pytest.mark.parametrize("size", [1, 2, 7, 300])
@pytest.mark.parametrize("name", sorted(CASES))
def test_compiled_and_plain_agree(name, size):
    pair = KERNELS[name]
    for seed in range(6 if size < 300 else 2):
        given = CASES[name](np.random.default_rng([seed, size]), size)
        plain = copy.deepcopy(given)
        with np.errstate(over="ignore"):
            expected = pair.twin(*plain)
        assert same(pair.compiled(*given), expected)
        if name == "protocols.lending.kernels.breaching":  # what lies beyond the count means nothing
            given[4][expected:] = plain[4][expected:] = 0
        for ours, theirs in zip(arrays(given), arrays(plain), strict=True):
            assert np.array_equal(ours, theirs, equal_nan=ours.dtype.kind == "f")


@pytest.mark.parametrize("name", sorted(name for name in CASES if "run_" in name or "post_many" in name))
def test_kernels_that_post_keep_every_row_at_zero(name):
    for seed in range(5):
        given = CASES[name](np.random.default_rng(seed), 200)
        book = given[0]
        KERNELS[name].compiled(*given)
        assert not book.balance.sum(axis=1).any()
        assert 0 < book.cursor[0] <= len(book.journal), "the caller did not make room for that many postings"
