"""Points in the unit cube: space-filling designs, and designs whose rows belong together.

All are deterministic in (method, samples, axes, seed).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

Matrix = NDArray[np.float64]


def draw(method: str, axes: int, samples: int, seed: int, levels: int) -> Matrix:
    """(rows, axes) points of a method in [0, 1].

    samples: points; of saltelli base points (samples x (axes + 2) rows), of morris trajectories (samples x (axes + 1)
    rows). levels: of morris.
    """
    if method == "saltelli":
        return saltelli(axes, samples, seed)
    if method == "morris":
        return morris(axes, samples, seed, levels)
    return _spread(method, axes, samples, seed)


def rows_of(method: str, axes: int, samples: int) -> int:
    """Rows that `draw` returns."""
    return samples * {"saltelli": axes + 2, "morris": axes + 1}.get(method, 1)


def _spread(method: str, axes: int, samples: int, seed: int) -> Matrix:
    if method == "sobol":
        return qmc.Sobol(axes, scramble=True, rng=seed).random(samples)
    if method == "halton":
        return qmc.Halton(axes, scramble=True, rng=seed).random(samples)
    if method == "latin_hypercube":
        return qmc.LatinHypercube(axes, rng=seed).random(samples)
    return np.random.default_rng(seed).random((samples, axes))


def saltelli(axes: int, samples: int, seed: int) -> Matrix:
    """Blocks of axes + 2 rows: a point a, then a with axis 1, 2, ... taken from b, then b.

    a and b are the halves of a scrambled Sobol sequence in twice as many dimensions (Saltelli et al., 2010, "Variance
    based sensitivity analysis of model output", table 2, without the second-order rows).
    """
    both = qmc.Sobol(2 * axes, scramble=True, rng=seed).random(samples)
    a, b = both[:, :axes], both[:, axes:]
    blocks = np.repeat(a[:, None, :], axes + 2, axis=1)
    own = np.arange(axes)
    blocks[:, own + 1, own] = b
    blocks[:, -1, :] = b
    return blocks.reshape(-1, axes)


def morris(axes: int, samples: int, seed: int, levels: int) -> Matrix:
    """Trajectories of axes + 1 rows on a grid of `levels` per axis; each step moves one axis by levels/(2(levels-1)).

    Morris (1991), "Factorial sampling plans for preliminary computational experiments", section 3.
    """
    rng = np.random.default_rng(seed)
    half = levels // 2
    low = rng.integers(0, half, (samples, axes))
    up = rng.random((samples, axes)) < 0.5
    when = rng.permuted(np.tile(np.arange(axes), (samples, 1)), axis=1)
    moved = np.arange(axes + 1)[None, :, None] > when[:, None, :]
    high = moved == up[:, None, :]
    places = low[:, None, :] + half * high
    return (places / (levels - 1)).reshape(-1, axes)
