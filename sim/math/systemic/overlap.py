"""Who holds the same things as whom, and how concentrated holdings are."""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def liquidity_weighted_overlap(holdings: Floats, impact: Floats) -> Floats:
    """(n, n) USD that j loses when i sells everything, X D^-1 X' (Cont and Schaanning, J. Banking & Finance 100, 2019).

    holdings: (n, k) USD. impact: (k,) relative price change per USD traded, one over market depth.
    """
    return np.asarray(np.einsum("nk,k,mk->nm", holdings, impact, holdings))


def top_eigenvalue(symmetric: Floats) -> float:
    """Largest eigenvalue of a symmetric matrix, 0 if it is empty; NaN if an entry is not finite."""
    if not np.isfinite(symmetric).all():
        return math.nan
    return float(np.linalg.eigvalsh(symmetric)[-1]) if symmetric.size else 0.0


def cosine_overlap(holdings: Floats) -> Floats:
    """(n, n) cosine between rows of holdings: 1 for the same portfolio at any size, NaN for empty ones."""
    length = np.sqrt((holdings * holdings).sum(axis=1))
    unit = holdings / np.where(length > 0.0, length, np.nan)[:, None]
    return np.asarray(np.einsum("nk,mk->nm", unit, unit))


def mean_overlap(matrix: Floats) -> float:
    """Mean of a symmetric matrix above its diagonal, NaN entries left out; NaN if nothing is left."""
    pairs = matrix[np.triu_indices(len(matrix), 1)]
    known = pairs[~np.isnan(pairs)]
    return float(known.mean()) if known.size else math.nan


def herfindahl(holdings: Floats) -> Floats:
    """(n,) sum of squared shares of each row: 1 for one holding, 1 / k for k equal ones; NaN for an empty row."""
    total = holdings.sum(axis=1)
    shares = holdings / np.where(total > 0.0, total, np.nan)[:, None]
    return np.asarray((shares * shares).sum(axis=1))
