"""Sensitivity from any sample of inputs and outputs: no design is needed, so missing runs do no harm.

Each input is cut into slices of about equally many points. An input matters as far as the distribution of the output
inside its slices differs from the distribution over all points. Small samples make every input look as if it mattered;
compare with the value of an idle (shuffled) input.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SLICES = 10
GRID = 100
"""Points at which densities are compared."""


def pawn(x: Array, y: Array, slices: int = SLICES) -> Array:
    """(axes,) medians over slices of the Kolmogorov-Smirnov distance to the distribution of all outputs.

    Pianosi and Wagener (2018), "Distribution-based sensitivity analysis from a generic input-output sample".
    x: (points, axes). y: (points,).
    """
    order = np.sort(y)

    def distance(part: Array) -> float:
        inside = np.searchsorted(np.sort(part), order, side="right") / part.size
        outside = np.searchsorted(order, order, side="right") / order.size
        return float(np.abs(inside - outside).max(initial=0.0))

    return np.array([np.median([distance(y[cut]) for cut in _slices(column, slices)]) for column in x.T])


def delta(x: Array, y: Array, slices: int = SLICES) -> Array:
    """(axes,) moment-independent indices: half the mean area between the output's density in a slice and over all.

    Plischke, Borgonovo and Smith (2013), "Global sensitivity measures from given data", section 3, with Gaussian
    kernels; 0 of an input without effect, 1 of one that fixes the output.
    """
    from scipy.integrate import trapezoid

    grid = _grid(y)
    if grid is None:
        return np.zeros(x.shape[1])
    whole = _density(y, grid, y.std())
    found = []
    for column in x.T:
        areas = [
            cut.size * trapezoid(np.abs(whole - _density(y[cut], grid, y.std())), grid)
            for cut in _slices(column, slices)
        ]
        found.append(0.5 * sum(areas) / y.size)
    return np.array(found)


def slice_variance(x: Array, y: Array) -> Array:
    """(axes,) first-order indices: variance of slice means over the variance of the output, less what chance gives.

    Slices hold 40 points, so that the output hardly changes along them, but there are 10 of them at least and 50 at
    most. The correlation ratio in the form of omega squared (Hays, 1963), which is unbiased to first order.
    """
    total = ((y - y.mean()) ** 2).sum()
    if total <= 0:
        return np.full(x.shape[1], np.nan)
    found, slices = [], min(max(y.size // 40, SLICES), 50)
    for column in x.T:
        cuts = _slices(column, slices)
        between = sum(cut.size * (y[cut].mean() - y.mean()) ** 2 for cut in cuts)
        within = (total - between) / max(y.size - len(cuts), 1)
        found.append((between - (len(cuts) - 1) * within) / (total + within))
    return np.array(found)


def _slices(column: Array, slices: int) -> list[NDArray[np.int64]]:
    """Point numbers of each slice: of each value where there are few, else of equally many points in order."""
    values = np.unique(column)
    if values.size <= 2 * slices:
        return [np.flatnonzero(column == value) for value in values]
    return np.array_split(np.argsort(column, kind="stable"), slices)


def _grid(y: Array) -> Array | None:
    spread = float(y.std()) if y.size else 0.0
    if spread <= 1e-12 * max(float(np.abs(y).max(initial=0.0)), 1e-300):
        return None
    return np.linspace(y.min() - 0.5 * spread, y.max() + 0.5 * spread, GRID)


def _density(values: Array, grid: Array, scale: Any) -> Array:
    """Gaussian kernel density with Silverman's width, at least a hundredth of the whole spread."""
    width = max(1.06 * float(values.std()) * values.size**-0.2, 0.01 * float(scale))
    scores = (grid[:, None] - values[None, :]) / width
    return np.exp(-0.5 * scores**2).sum(axis=1) / (values.size * width * np.sqrt(2 * np.pi))
