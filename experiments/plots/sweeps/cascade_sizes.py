"""How large cascades get: the share of runs whose largest cascade is at least so large."""

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.analysis import bootstrap
from experiments.analysis.surface import wilson
from experiments.analysis.tails import clustered
from experiments.plots import style
from experiments.plots.base import Caption
from experiments.plots.sweeps.base import SweepPlot
from experiments.plots.sweeps.view import SweepView, form, label, title, value_axis
from experiments.wording import percent
from sim.registry import component

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 500
"""Sizes that are drawn."""


@component("plot", "cascade_sizes")
class CascadeSizesPlot(SweepPlot):
    """Complementary distribution of cascade sizes over all runs of a sweep, on logarithmic axes.

    Settings
    --------
    outcome: column of sizes, zero where nothing happened.
    """

    outcome: str = "cascade_max_usd"

    def missing(self, view: SweepView) -> str:
        """Why this sweep cannot be drawn."""
        if self.outcome not in view.study.outcomes:
            return f"no run has an outcome {self.outcome}"
        sizes = view.study.finished[self.outcome].to_numpy(dtype=float)
        return "" if np.unique(sizes[sizes > 0]).size > 1 else "there are not two cascades of different size"

    def draw(self, view: SweepView, figure: "Figure") -> Caption:
        """A step line with its interval."""
        table = view.study.values(self.outcome)
        sizes = np.sort(table[np.isfinite(table)])
        n, positive = sizes.size, _thinned(np.unique(sizes[sizes > 0]))
        least = n - np.searchsorted(sizes, positive, side="left")
        low, high = _band(table, positive, least, view.findings.level)
        axes = figure.subplots()
        axes.fill_between(positive, low, high, color=style.VERMILLION, alpha=0.22, linewidth=0, step="pre")
        axes.step(positive, least / n, where="pre", color=style.VERMILLION, linewidth=1.8)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_ylim(bottom=0.5 / n)
        axes.grid(True, axis="both")
        axes.set_xlabel(f"{label(self.outcome)}, log")
        axes.set_ylabel("share of runs at least as large, log")
        value_axis(axes.xaxis, self.outcome)
        value_axis(axes.yaxis, "share")
        write = form(self.outcome)
        median, tail = (float(np.quantile(sizes, share)) for share in (0.5, 0.95))
        what = title(self.outcome)
        said = f"{what}: above {write(tail)} in one run in twenty, at the median {write(median)}"
        quiet = f" {percent(float((sizes <= 0).mean()))} of runs have none." if sizes[0] <= 0 else ""
        how = ", drawn again by whole replications" if clustered(table) else ""
        note = f"Band: {view.interval} at each size, over {n:,} runs of all points{how}.{quiet}"
        return Caption(
            said, note, f"Largest {write(float(sizes[-1]))}, 95% quantile {write(tail)}, median {write(median)}."
        )


def _thinned(sizes: Any) -> Any:
    """At most `MOST` of the sizes, all of the largest among them: below these, neighbours fall on the same pixel."""
    back = np.unique(np.geomspace(1, sizes.size, MOST).round().astype(int))
    return sizes[sizes.size - back[::-1]]


def _band(table: Any, sizes: Any, least: Any, level: float) -> Any:
    """(2, sizes) interval of the share of runs at least so large."""
    if not clustered(table):
        return wilson(least, np.full(len(sizes), np.isfinite(table).sum()), level)
    known = np.isfinite(table).sum(axis=0)
    above = np.array([(column[:, None] >= sizes[None]).sum(axis=0) for column in table.T])

    def share(drawn: Any) -> Any:
        return drawn[:, 1:].sum(axis=0) / drawn[:, 0].sum()

    return bootstrap.percentile(np.column_stack([known, above]), share, level, draws=500)
