"""Expected returns from returns (n, k), one column for each asset: plain, discounted, and shrunk.

A sample mean is so noisy that pulling all of them towards one number loses less than it saves.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class ShrunkMean(NamedTuple):
    """A mean (k,) = intensity x target + (1 - intensity) x sample, intensity in [0, 1]; target: one number for all."""

    mean: Floats
    intensity: float
    target: float


def ewma_mean(returns: Floats, decay: float = 0.94) -> Floats:
    """(k,) with weights that fall by `decay` per tick into the past and sum to one; zero without returns."""
    weights = decay ** np.arange(len(returns) - 1, -1, -1.0)
    return np.asarray(np.einsum("t,ti->i", weights, returns) / max(weights.sum(), 1e-300))


def james_stein_mean(mean: Floats, covariance: Floats, count: int) -> ShrunkMean:
    """Towards the grand mean (Lindley; Efron and Morris, J. American Statistical Association 70, 1975).

    mean: (k,) of `count` returns, whose covariance is (k, k); errors of the means count with their average variance.
    """
    target, error = float(mean.mean()), float(np.trace(covariance)) / (mean.size * max(count, 1))
    spread = float(((mean - target) ** 2).sum())
    return _pulled(mean, (mean.size - 3) * error / spread if spread > 0.0 else 1.0, target)


def bayes_stein_mean(mean: Floats, covariance: Floats, count: int) -> ShrunkMean:
    """Towards the mean of the minimum-variance portfolio (Jorion, J. Financial and Quantitative Analysis 21, 1986).

    mean: (k,) of `count` returns, whose covariance is (k, k), positive definite.
    """
    safest = np.linalg.solve(covariance, np.ones(mean.size))
    target = float((safest * mean).sum() / safest.sum())
    off = mean - target
    distance = float((off * np.linalg.solve(covariance, off)).sum())
    return _pulled(mean, (mean.size + 2) / (mean.size + 2 + count * distance), target)


def _pulled(mean: Floats, intensity: float, target: float) -> ShrunkMean:
    kept = min(1.0, max(0.0, intensity))
    return ShrunkMean(kept * target + (1.0 - kept) * mean, kept, target)
