"""Names beside marks, moved until none covers another."""

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from experiments.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WAYS = ((1, 1), (1, -1), (-1, 1), (-1, -1), (1, 0), (-1, 0), (0, 1), (0, -1))
_REACHES = (5, 12, 21, 31, 43)
"""Distances from the mark, in points."""
_LETTER, _HEIGHT = 0.56, 1.25
"""Width of a letter and height of a line over the font size."""

Box = tuple[float, float, float, float]


def name_marks(axes: "Axes", x: NDArray[np.float64], y: NDArray[np.float64], names: list[str], size: float) -> None:
    """Write a name at each mark at the first place that is free, with a thin line to the mark if that is far.

    Limits of the axes have to be final.
    """
    from matplotlib.patheffects import withStroke

    points = axes.transData.transform(np.column_stack([x, y])) * 72.0 / axes.figure.dpi
    frame = axes.get_window_extent()
    edge = tuple(side * 72.0 / axes.figure.dpi for side in (frame.x0, frame.y0, frame.x1, frame.y1))
    taken: list[Box] = [(px - 4, py - 4, px + 4, py + 4) for px, py in points]
    for (px, py), place, name in zip(points, zip(x, y, strict=True), names, strict=True):
        box, (dx, dy), reach = _free(px, py, len(name) * _LETTER * size, _HEIGHT * size, taken, edge)
        taken.append(box)
        axes.annotate(
            name,
            place,
            xytext=(dx * reach, dy * reach),
            textcoords="offset points",
            ha={1: "left", 0: "center", -1: "right"}[dx],
            va={1: "bottom", 0: "center", -1: "top"}[dy],
            size=size,
            color=style.INK,
            arrowprops={"arrowstyle": "-", "color": style.GREY, "linewidth": 0.5} if reach > _REACHES[1] else None,
            path_effects=[withStroke(linewidth=2.5, foreground=style.PAPER)],
            zorder=8,
        )


def _free(
    px: float, py: float, width: float, height: float, taken: list[Box], edge: tuple[float, ...]
) -> tuple[Box, tuple[int, int], int]:
    """The nearest place that covers nothing, or else as little as possible."""

    def placed(reach: int, dx: int, dy: int) -> Box:
        left = px + dx * reach - {1: 0.0, 0: width / 2, -1: width}[dx]
        below = py + dy * reach - {1: 0.0, 0: height / 2, -1: height}[dy]
        return (left, below, left + width, below + height)

    def cost(box: Box) -> float:
        outside = max(edge[0] - box[0], edge[1] - box[1], box[2] - edge[2], box[3] - edge[3], 0.0)
        return sum(_shared(box, other) for other in taken) + 1000.0 * outside

    tried = [(placed(reach, dx, dy), (dx, dy), reach) for reach, (dx, dy) in product(_REACHES, _WAYS)]
    return min(tried, key=lambda found: cost(found[0]))


def _shared(a: Box, b: Box) -> float:
    """Area that two boxes share."""
    return max(min(a[2], b[2]) - max(a[0], b[0]), 0.0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0.0)
