"""Correlated standard normals from one named stream for each asset.

The Cholesky factor is computed and applied in a fixed order of additions, never by BLAS or LAPACK, so the draws of an
asset depend on the assets listed before it alone: another asset at the end of the list changes no bit of theirs.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import ConfigError

_ZERO_PIVOT = 1e-10
"""A pivot this small is a perfect correlation with earlier assets, blurred by rounding."""
_ZERO_ENTRY = 1e-5
"""Square root of `_ZERO_PIVOT`: the largest entry that a semidefinite matrix allows beside such a pivot."""


def correlation_factor(correlation: ArrayLike, names: Sequence[str]) -> NDArray[np.float64]:
    """Lower triangular L with L L' = correlation; perfectly correlated assets (a singular matrix) are allowed.

    Parameters
    ----------
    correlation: (n, n) symmetric, ones on the diagonal, entries in [-1, 1].
    names: one name for each row, for error messages.

    Raises
    ------
    ConfigError: not a correlation matrix, or not positive semidefinite; the message says which asset breaks it and
        by how much all correlations must shrink.
    """
    matrix = np.asarray(correlation, dtype=np.float64)
    _check_entries(matrix, names)
    size = len(names)
    factor = np.zeros((size, size))
    for row in range(size):
        for column in range(row):
            rest = matrix[row, column] - _dot(factor[row], factor[column], column)
            if factor[column, column] > 0.0:
                factor[row, column] = rest / factor[column, column]
            elif abs(rest) > _ZERO_ENTRY:
                raise _contradiction(matrix, names, row)
        pivot = matrix[row, row] - _dot(factor[row], factor[row], row)
        if pivot < -_ZERO_PIVOT:
            raise _contradiction(matrix, names, row)
        factor[row, row] = np.sqrt(pivot) if pivot > _ZERO_PIVOT else 0.0
    return factor


def correlated_normals(
    rng_by_asset: Mapping[str, np.random.Generator], correlation: ArrayLike | None, ticks: int
) -> NDArray[np.float64]:
    """Standard normals, independent in time and correlated across assets.

    Parameters
    ----------
    rng_by_asset: the generator of each asset, in the order of the rows of `correlation`.
    correlation: (n, n), or None for independent assets.
    ticks: number of rows.

    Returns
    -------
    (ticks, n); column i is a combination of the streams of assets 0..i.

    Raises
    ------
    ConfigError: see `correlation_factor`.
    """
    names = list(rng_by_asset)
    factor = correlation_factor(np.eye(len(names)) if correlation is None else correlation, names)
    own = [rng.standard_normal(ticks) for rng in rng_by_asset.values()]
    mixed = np.zeros((ticks, len(names)))
    for row in range(len(names)):
        for column in range(row + 1):
            mixed[:, row] += factor[row, column] * own[column]
    return mixed


def _dot(left: NDArray[np.float64], right: NDArray[np.float64], count: int) -> float:
    total = 0.0
    for i in range(count):
        total += float(left[i] * right[i])
    return total


def _check_entries(matrix: NDArray[np.float64], names: Sequence[str]) -> None:
    size = len(names)
    if matrix.shape != (size, size):
        raise ConfigError(
            f"correlation has shape {matrix.shape}; {size} assets ({', '.join(names)}) need ({size}, {size})"
        )
    for row in range(size):
        if abs(matrix[row, row] - 1.0) > 1e-12:
            raise ConfigError(f"correlation of {names[row]} with itself is {matrix[row, row]:g}; it must be 1")
        for column in range(row):
            here, there = matrix[row, column], matrix[column, row]
            pair = f"correlation of {names[column]} and {names[row]}"
            if not abs(here) <= 1.0:
                raise ConfigError(f"{pair} is {here:g}; allowed: -1 to 1")
            if not abs(here - there) <= 1e-12:
                raise ConfigError(f"{pair} is given as both {there:g} and {here:g}; the matrix must be symmetric")


def _contradiction(matrix: NDArray[np.float64], names: Sequence[str], row: int) -> ConfigError:
    lowest = float(np.linalg.eigvalsh(matrix)[0])
    before = ", ".join(f"{name} {value:g}" for name, value in zip(names[:row], matrix[row], strict=False))
    return ConfigError(
        f"correlations are not positive semidefinite (smallest eigenvalue {lowest:.3g}): those of {names[row]} "
        f"({before}) contradict the ones among {', '.join(names[:row])}. "
        f"Multiply all off-diagonal entries by {np.floor(1000.0 / (1.0 - lowest)) / 1000.0:g} or less, "
        f"or change those of {names[row]}"
    )
