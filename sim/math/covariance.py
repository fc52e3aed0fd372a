"""Covariance matrices from returns: plain, discounted, shrunk, and by a common factor.

Returns are (n, k), one column for each asset; covariances are per tick. Sums run through einsum, because BLAS does not
promise the same bits on every machine.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Shrunk(NamedTuple):
    """A covariance (k, k) = intensity x target + (1 - intensity) x sample, intensity in [0, 1]."""

    covariance: NDArray[np.float64]
    intensity: float


class FactorModel(NamedTuple):
    """Returns as loadings times a factor plus noise of their own.

    loadings: (k,). residual: (k,) variance of the noise. factor_variance: per tick.
    """

    loadings: NDArray[np.float64]
    residual: NDArray[np.float64]
    factor_variance: float

    @property
    def covariance(self) -> NDArray[np.float64]:
        """(k, k) implied by the model: positive definite unless an asset has no noise of its own."""
        return self.factor_variance * np.outer(self.loadings, self.loadings) + np.diag(self.residual)


def sample_covariance(returns: NDArray[np.float64]) -> NDArray[np.float64]:
    """(k, k) about the sample mean, divided by n - 1; zero with fewer than two returns."""
    centred = _centred(returns)
    return _second_moment(centred) * (len(returns) / max(len(returns) - 1, 1))


def ewma_covariance(returns: NDArray[np.float64], decay: float = 0.94) -> NDArray[np.float64]:
    """(k, k) about zero with weights that fall by `decay` per tick into the past and sum to one (RiskMetrics, 1996)."""
    weights = decay ** np.arange(len(returns) - 1, -1, -1.0)
    weighted = returns * (weights / max(weights.sum(), 1e-300))[:, None]
    return _symmetric(np.einsum("ti,tj->ij", weighted, returns))


def shrink_to_identity(returns: NDArray[np.float64]) -> Shrunk:
    """Ledoit and Wolf, J. Multivariate Analysis 88, 2004: towards the mean variance on a diagonal."""
    centred = _centred(returns)
    count = len(centred)
    sample = _second_moment(centred)
    target = np.eye(len(sample)) * (np.trace(sample) / len(sample))
    distance = float(((sample - target) ** 2).sum())
    fourth = float(((centred * centred).sum(axis=1) ** 2).sum()) / max(count, 1)
    error = max(0.0, fourth - float((sample * sample).sum())) / max(count, 1)
    return _mix(sample, target, error, distance)


def shrink_to_constant_correlation(returns: NDArray[np.float64]) -> Shrunk:
    """Ledoit and Wolf, J. Portfolio Management 30, 2004: towards own variances and one common correlation."""
    centred = _centred(returns)
    count, size = centred.shape
    sample = _second_moment(centred)
    variance = np.diag(sample)
    deviation = np.sqrt(variance)
    scale = np.outer(deviation, deviation)
    correlation = np.divide(sample, scale, out=np.zeros_like(sample), where=scale > 0.0)
    common = (correlation.sum() - np.trace(correlation)) / max(size * (size - 1), 1)
    target = common * scale
    np.fill_diagonal(target, variance)
    squares = centred * centred
    spread = np.einsum("ti,tj->ij", squares, squares) / max(count, 1) - sample * sample
    # Asymptotic covariance of each sample variance i with each sample covariance ij.
    with_own = np.einsum("ti,tj->ij", squares * centred, centred) / max(count, 1) - variance[:, None] * sample
    ratio = np.divide(deviation[None, :], deviation[:, None], out=np.zeros_like(sample), where=scale > 0.0)
    coupled = ratio * with_own
    np.fill_diagonal(coupled, 0.0)
    shared = float(np.trace(spread) + common * coupled.sum())
    return _mix(sample, target, (float(spread.sum()) - shared) / max(count, 1), float(((target - sample) ** 2).sum()))


def factor_model(returns: NDArray[np.float64], factor: NDArray[np.float64]) -> FactorModel:
    """Least-squares loadings of each asset on one observed factor (n,), n >= 3; a constant factor loads nothing."""
    centred, moved = _centred(returns), factor - factor.mean()
    power = float((moved * moved).sum())
    loadings = np.einsum("t,ti->i", moved, centred) / power if power > 0.0 else np.zeros(centred.shape[1])
    rest = centred - moved[:, None] * loadings
    residual = (rest * rest).sum(axis=0) / (len(returns) - 2)
    return FactorModel(loadings, residual, power / (len(returns) - 1))


def _mix(sample: NDArray[np.float64], target: NDArray[np.float64], error: float, distance: float) -> Shrunk:
    """The share of the target that minimises expected squared error: error of the sample over its distance from it."""
    intensity = min(1.0, max(0.0, error / distance)) if distance > 0.0 else 0.0
    return Shrunk(intensity * target + (1.0 - intensity) * sample, intensity)


def _centred(returns: NDArray[np.float64]) -> NDArray[np.float64]:
    return returns - returns.mean(axis=0) if len(returns) else returns


def _second_moment(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    return _symmetric(np.einsum("ti,tj->ij", centred, centred) / max(len(centred), 1))


def _symmetric(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    return 0.5 * (matrix + matrix.T)
