"""Whether there are enough runs: how a tail measure settles as runs are added."""

from typing import TYPE_CHECKING

import numpy as np

from experiments.analysis.tails import clustered, convergence
from experiments.plots import style
from experiments.plots.base import Caption
from experiments.plots.sweeps.base import SweepPlot
from experiments.plots.sweeps.view import SweepView, form, label, title, value_axis
from sim.registry import component

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@component("plot", "tail_convergence")
class TailConvergencePlot(SweepPlot):
    """Value at risk of an outcome after the first n runs, with its interval.

    Settings
    --------
    outcome: which column; the one that is looked at first if none is named. share: of runs below the value at risk.
    """

    margins = (1.0, 0.9, 0.72)
    outcome: str | None = None
    share: float = 0.95

    def missing(self, view: SweepView) -> str:
        """Why this sweep cannot be drawn."""
        runs = int(view.study.finished[view.finding(self.outcome).outcome].notna().sum())
        return "" if runs >= 20 else f"{runs} finished runs are too few for a tail; it takes 20"

    def draw(self, view: SweepView, figure: "Figure") -> Caption:
        """A line with its band over the number of runs; where the band is open, it is not drawn."""
        from matplotlib.ticker import NullFormatter

        name = view.finding(self.outcome).outcome
        table = view.study.values(name)
        steps = convergence(table, self.share, view.findings.level)
        n = np.array([count for count, _ in steps])
        value, low, high = (np.array([getattr(found, end) for _, found in steps]) for end in ("value", "low", "high"))
        low, high = (np.where(np.isfinite(end), end, np.nan) for end in (low, high))
        axes = figure.subplots()
        axes.fill_between(n, low, high, color=style.BLUE, alpha=0.22, linewidth=0)
        axes.plot(n, value, color=style.BLUE, linewidth=1.8)
        axes.axhline(value[-1], color=style.MUTED, linewidth=0.8, linestyle=(0, (4, 2)))
        if not clustered(table):
            axes.set_xscale("log")
            axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("number of runs" + ("" if clustered(table) else ", log"))
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.set_ylabel(f"{100 * self.share:.0f}% quantile of {label(name)}")
        value_axis(axes.yaxis, name)
        write, last = form(name), steps[-1][1]
        style.end_labels(axes, [(float(value[-1]), "estimate", style.BLUE)])
        short = "LaR" if "liquidated" in name else "VaR"
        ends = f"{_end(last.low, write)} to {_end(last.high, write)}"
        said = (
            f"{short}{100 * self.share:.0f} of {title(name)} is {write(last.value)} after {last.count:,} runs: {ends}"
        )
        how = "whole replications, whose luck all points share" if clustered(table) else "runs taken as independent"
        note = f"Band: {view.interval} from {how}; not drawn where they are too few. Runs of all points."
        return Caption(said, note, f"{write(last.value)}, interval {ends}.")


def _end(value: float, write: object) -> str:
    return write(value) if np.isfinite(value) and callable(write) else "open"
