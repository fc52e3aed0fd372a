"""Coloured cells over two axes of a sweep, as phase diagrams and heat maps share them."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from experiments.analysis.study import AxisView
from experiments.plots import style
from experiments.plots.sweeps.view import edges, scale_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = "cividis_r"
"""Made to look the same to readers with and without red-green blindness, and to print in grey."""
MOST_NUMBERS = 12
"""Cells per direction up to which numbers are written into them."""


def cells(axes: "Axes", x: AxisView, y: AxisView, table: NDArray[np.float64], **colours: Any) -> Any:
    """Draw a (y, x) table as cells; unknown ones stay empty and crossed. Returns what a colour bar needs."""
    rows, columns = order(y), order(x)
    shown = np.ma.masked_invalid(table[np.ix_(rows, columns)])
    axes.set_facecolor(style.GRID)
    mesh = axes.pcolormesh(edges(x), edges(y), shown, cmap=COLOURS, edgecolors=style.PAPER, linewidth=0.6, **colours)
    scale_axis(axes, x, across=True)
    scale_axis(axes, y, across=False)
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xlim(*edges(x)[[0, -1]].tolist())
    axes.set_ylim(*edges(y)[[0, -1]].tolist())
    return mesh


def order(axis: AxisView) -> NDArray[np.int64]:
    """Numbers of the values of an axis in rising order; as listed where there is no number line."""
    return np.argsort(np.asarray(axis.values, dtype=float)) if axis.numeric else np.arange(len(axis.values))


def spots(axis: AxisView) -> NDArray[np.float64]:
    """Where the values of an axis stand on a map, in their order."""
    return np.asarray(axis.values, dtype=float) if axis.numeric else np.arange(len(axis.values), dtype=float)


def write_numbers(axes: "Axes", x: AxisView, y: AxisView, texts: list[list[str]], mesh: Any) -> None:
    """A number in each cell, dark on light cells and light on dark ones; nothing on large maps."""
    if max(len(x.values), len(y.values)) > MOST_NUMBERS:
        return
    values = mesh.get_array()
    rows, columns = order(y), order(x)
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            red, green, blue, _ = mesh.cmap(mesh.norm(values[i, j])) if values[i, j] is not np.ma.masked else (1,) * 4
            dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.55
            axes.text(
                spots(x)[column], spots(y)[row], texts[row][column], ha="center", va="center", size=7.0, zorder=6,
                color=style.PAPER if dark else style.INK,
            )  # fmt: skip


def colour_bar(figure: Any, axes: "Axes", mesh: Any, name: str) -> Any:
    """The colour bar to the right of a map; returns its axes."""
    bar = figure.colorbar(mesh, ax=axes, fraction=0.045, pad=0.025)
    bar.outline.set_visible(False)
    bar.ax.set_ylabel(name)
    bar.ax.grid(False)
    return bar.ax
