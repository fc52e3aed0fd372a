"""What a loss buys: points of a sweep by how much a protocol is used and how much is lost."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from experiments.analysis import bootstrap
from experiments.plots import style
from experiments.plots.base import Caption
from experiments.plots.sweeps.base import SweepPlot
from experiments.plots.sweeps.view import SweepView, form, label, value_axis
from sim.registry import component

if TYPE_CHECKING:
    from matplotlib.figure import Figure

USAGE = ("utilisation", "borrowed", "volume")
"""Words by which an outcome that measures usage is found."""
MOST = 400


@component("plot", "frontier")
class FrontierPlot(SweepPlot):
    """Mean loss against mean usage, one mark for each point, with the points that no other beats in both.

    Settings
    --------
    loss: column to have little of; bad debt if none is named. usage: column to have much of; the first outcome whose
        name speaks of utilisation, borrowing or volume if none is named.
    """

    margins = (1.0, 0.35, 0.72)
    loss: str = "bad_debt_usd"
    usage: str | None = None

    def missing(self, view: SweepView) -> str:
        """Why this sweep cannot be drawn."""
        usage = self._usage(view)
        unknown = [name for name in (self.loss, usage) if name and name not in view.study.outcomes]
        if unknown:
            return f"no run has an outcome {unknown[0]}"
        if usage is None:
            return f"no outcome measures usage ({', '.join(USAGE)}); name one with usage=..."
        return "" if view.study.points > 1 else "one point has no frontier"

    def draw(self, view: SweepView, figure: "Figure") -> Caption:
        """Crosses with intervals in both directions, and the frontier as steps."""
        usage = self._usage(view) or ""
        study, level = view.study, view.findings.level
        points = [point for point in study.params.index if np.isfinite(study.values(usage)[point]).any()][:MOST]
        used, lost = (
            [bootstrap.mean(study.values(name)[point], level) for point in points] for name in (usage, self.loss)
        )
        x, y = (np.array([interval.value for interval in found]) for found in (used, lost))
        axes = figure.subplots()
        for found, ways in ((used, "xerr"), (lost, "yerr")):
            ends = np.array([[i.value - i.low, i.high - i.value] for i in found]).T
            ends = np.where(np.isfinite(ends), np.clip(ends, 0, None), 0.0)
            axes.errorbar(x, y, **{ways: ends}, fmt="none", ecolor=style.GREY, elinewidth=0.7, alpha=0.7)  # type: ignore[arg-type]
        best = unbeaten(x, y)
        axes.plot(x, y, "o", color=style.SKY, markersize=4.5, label="point of the sweep")
        axes.plot(
            x[best],
            y[best],
            "o-",
            color=style.VERMILLION,
            markersize=5.5,
            label="frontier: no point has more usage and less loss",
        )
        axes.grid(True, axis="both")
        axes.margins(x=0.05)
        axes.set_xlabel(f"mean of {label(usage)}")
        axes.set_ylabel(f"mean of {label(self.loss)}")
        value_axis(axes.xaxis, usage)
        value_axis(axes.yaxis, self.loss)
        style.headroom(axes, 0.14)
        axes.legend(loc="upper left")
        low, high = best[0], best[-1]
        write, loss = form(usage), form(self.loss)
        title = (
            f"From {write(float(x[low]))} to {write(float(x[high]))} of {usage}, the least loss rises from "
            f"{loss(float(y[low]))} to {loss(float(y[high]))}"
        )
        span = f"from {study.label(points[low])} to {study.label(points[high])}"
        note = f"{len(points)} points, means over their runs; whiskers: {view.interval}. Frontier: {span}."
        return Caption(title, note, f"{best.size} of {len(points)} points are on the frontier.")

    def _usage(self, view: SweepView) -> str | None:
        named = [name for name in view.study.outcomes if any(word in name for word in USAGE)]
        return self.usage or next(iter(named), None)


def unbeaten(gain: NDArray[np.float64], loss: NDArray[np.float64]) -> NDArray[np.int64]:
    """Numbers of points that no other beats, by rising gain: none has at least the gain for less loss."""
    found: list[int] = []
    for number in np.lexsort((loss, -gain)):
        if not found or loss[number] < loss[found[-1]]:
            found.append(int(number))
    return np.array(found[::-1], dtype=np.int64)
