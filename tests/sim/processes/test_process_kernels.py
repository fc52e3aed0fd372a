"""Compiled loops of the price processes and their twins agree bit for bit."""

import numpy as np
import pytest

from sim.jit import KERNELS

pytestmark = pytest.mark.jit

PAIRS = {name.rpartition(".")[2]: pair for name, pair in KERNELS.items() if name.startswith("sim.processes.kernels.")}


@pytest.mark.parametrize("size", [(1, 1), (40, 3), (2000, 2)])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("dt", [1 / 52_560, 1 / 12, 1.0])
@pytest.mark.parametrize("xi", [0.3, 1.5, 5.0])
def test_variance_paths_are_identical(size, seed, dt, xi):
    kappa, theta = 2.0, 0.5
    decay = float(np.exp(-kappa * dt))
    spread = xi * xi * (1.0 - decay) / kappa
    normals = np.random.default_rng(seed).standard_normal(size)
    settings = (0.6, decay, theta, spread * decay, 0.5 * spread * (1.0 - decay) * theta, normals)
    pair = PAIRS["quadratic_exponential"]
    assert np.array_equal(pair.compiled(*settings), pair.twin(*settings))


@pytest.mark.parametrize("ticks", [1, 2, 5000])
@pytest.mark.parametrize("states", [2, 3, 6])
@pytest.mark.parametrize("seed", range(3))
def test_regime_chains_are_identical(ticks, states, seed):
    rng = np.random.default_rng(seed)
    rows = rng.dirichlet(np.ones(states), size=states)
    thresholds = np.ascontiguousarray(np.cumsum(rows, axis=1)[:, :-1])
    pair = PAIRS["switching_states"]
    settings = (int(rng.integers(states)), thresholds, rng.random(ticks - 1))
    assert np.array_equal(pair.compiled(*settings), pair.twin(*settings))


def test_every_kernel_is_compared():
    assert sorted(PAIRS) == ["quadratic_exponential", "switching_states"]
