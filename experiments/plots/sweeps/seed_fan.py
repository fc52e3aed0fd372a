"""How one point of a sweep spreads over seeds, in time."""

from typing import TYPE_CHECKING

import numpy as np

from experiments.plots import style
from experiments.plots.base import Caption
from experiments.plots.run_view import FEW, MANY
from experiments.plots.sweeps.base import SweepPlot
from experiments.plots.sweeps.view import SweepView, form, label, title, value_axis
from sim.registry import component

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@component("plot", "seed_fan")
class SeedFanPlot(SweepPlot):
    """A series of steps over the replications of two points: median and bands.

    Settings
    --------
    column: of the table steps; money so far, so USD per tick is added up. points: which; by default the two whose means
        of the first outcome are lowest and highest.
    """

    margins = (1.0, 0.35, 0.72)
    column: str = "liquidated_usd"
    points: tuple[int, ...] = ()

    def missing(self, view: SweepView) -> str:
        """Why this sweep cannot be drawn."""
        if view.folder is None or "steps" not in view.study.sweep.get("keep", ()):
            return 'the sweep kept no steps; keep = ["steps"] in [sweep] keeps them'
        runs = np.isfinite(view.study.values(view.first.outcome)).sum(axis=1).max()
        return "" if runs >= FEW else f"{runs} replications are too few for bands; it takes {FEW}"

    def draw(self, view: SweepView, figure: "Figure") -> Caption:
        """One fan for each point."""
        chosen = self.points or _extremes(view)
        world = view.folder.manifest["world"]
        axes = figure.subplots()
        ends, colours = [], (style.BLUE, style.VERMILLION, style.GREEN, style.ORANGE)
        runs = 0
        for point, colour in zip(chosen, colours, strict=False):
            here = view.folder.steps(["tick", self.column], point)
            table = here.pivot(index="replication", columns="tick", values=self.column)
            x = style.hours(table.columns.to_numpy(), float(world["dt"]))
            series = table.to_numpy(dtype=float)
            series = np.cumsum(series, axis=1) if self.column.endswith("_usd") else series
            runs = len(series)
            outer = (0.05, 0.95) if runs >= MANY else (0.0, 1.0)
            bands = np.nanquantile(series, [outer[0], 0.25, 0.5, 0.75, outer[1]], axis=0)
            axes.fill_between(x, bands[0], bands[4], color=colour, alpha=0.16, linewidth=0)
            axes.fill_between(x, bands[1], bands[3], color=colour, alpha=0.30, linewidth=0)
            axes.plot(x, bands[2], color=colour, linewidth=1.8, label=f"point {point}: {view.study.label(point)}")
            ends.append(float(bands[2, -1]))
        name = f"{label(self.column)}{' so far' if self.column.endswith('_usd') else ''}"
        axes.set_ylabel(name)
        value_axis(axes.yaxis, self.column)
        style.time_axis(axes, f"{world['start'][:16].replace('T', ' ')} UTC")
        style.headroom(axes, 0.09 * len(chosen))
        axes.legend(loc="upper left")
        write = form(self.column)
        medians = " or ".join(write(end) for end in ends)
        said = f"{title(self.column)} ends at a median of {medians}, depending on the point"
        what = "5 to 95%" if runs >= MANY else "lowest to highest"
        note = f"Line: median over {runs} seeds, the same at both points. Bands: 25 to 75% and {what} at each moment."
        return Caption(
            said, note, "; ".join(f"point {p}: {write(e)}" for p, e in zip(chosen, ends, strict=False)) + "."
        )


def _extremes(view: SweepView) -> tuple[int, ...]:
    means = view.study.means(view.first.outcome)
    return tuple(dict.fromkeys([int(np.nanargmin(means)), int(np.nanargmax(means))]))
