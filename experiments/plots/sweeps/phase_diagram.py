"""Where in the space of two settings an event becomes likely."""

from typing import TYPE_CHECKING

import numpy as np

from experiments.analysis.study import short, shown
from experiments.analysis.surface import Phase
from experiments.plots import style
from experiments.plots.base import Caption
from experiments.plots.sweeps.base import SweepPlot
from experiments.plots.sweeps.maps import cells, colour_bar, spots, write_numbers
from experiments.plots.sweeps.view import SweepView, event_text
from experiments.wording import percent
from sim.registry import component

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@component("plot", "phase_diagram")
class PhaseDiagramPlot(SweepPlot):
    """Probability of an event over two axes of a sweep, with the line where it is one half."""

    size = (7.6, 5.4)
    margins = (1.15, 0.8, 0.72)

    def missing(self, view: SweepView) -> str:
        """Why this sweep cannot be drawn."""
        return "" if view.findings.phase else view.findings.skipped.get("phase", "no phase diagram was computed")

    def draw(self, view: SweepView, figure: "Figure") -> Caption:
        """Cells coloured by probability, the 50% line with its interval on top."""
        phase = view.findings.phase
        assert phase is not None
        axes = figure.subplots()
        share = phase.probability
        mesh = cells(axes, phase.x, phase.y, share, vmin=0.0, vmax=1.0)
        texts = [[f"{100 * value:.0f}" if np.isfinite(value) else "×" for value in row] for row in share]
        write_numbers(axes, phase.x, phase.y, texts, mesh)
        _line(axes, phase)
        bar = colour_bar(figure, axes, mesh, f"runs with {event_text(phase.event)} (%)")
        bar.set_yticks([0, 0.25, 0.5, 0.75, 1.0], ["0", "25", "50", "75", "100"])
        return Caption(headline(phase), _note(phase, view), _alt(phase))


def headline(phase: Phase) -> str:
    """The title: where the line runs."""
    known = np.isfinite(phase.line)
    total = phase.hits.sum() / phase.runs.sum()
    if not known.any():
        return f"{event_text(phase.event)} in {percent(total, 0)} of all runs; nowhere does its probability cross 50%"
    first, last = np.flatnonzero(known)[[0, -1]]
    text = f"{event_text(phase.event)}: even odds at {short(phase.x.name)} = {shown(float(phase.line[first]))}"
    if first == last:
        return f"{text}, {short(phase.y.name)} = {shown(phase.y_values[first])}"
    here, there = shown(phase.y_values[first]), shown(phase.y_values[last])
    return f"{text} with {short(phase.y.name)} = {here}, at {shown(float(phase.line[last]))} with {there}"


def _note(phase: Phase, view: SweepView) -> str:
    counts = np.unique(phase.runs)
    each = f"{counts[0]:.0f}" if counts.size == 1 else f"{counts[0]:.0f} to {counts[-1]:.0f}"
    line = f"line: 50%, band: {view.interval} over common seeds" if np.isfinite(phase.line).any() else "no 50% line"
    lost = f" {phase.failed.sum():.0f} runs failed and are left out." if phase.failed.sum() else ""
    return f"Numbers: % of runs; {each} runs per cell; {line}.{lost}"


def _alt(phase: Phase) -> str:
    rows = zip(phase.y_values, phase.line, strict=True)
    said = [f"{shown(y)}: {shown(float(x))}" for y, x in rows if np.isfinite(x)]
    return f"Probability {percent(phase.hits.sum() / phase.runs.sum())} over all; 50% line ({phase.y.name}: " + (
        f"{phase.x.name}) {'; '.join(said)}." if said else "none)."
    )


def _line(axes: "Axes", phase: Phase) -> None:
    """The 50% line where it is known on neighbouring rows, and its interval."""
    height = spots(phase.y)
    rows = np.argsort(height)
    line, low, high, height = phase.line[rows], phase.low[rows], phase.high[rows], height[rows]
    axes.fill_betweenx(height, low, high, color=style.PAPER, alpha=0.16, linewidth=0, zorder=3)
    for end in (low, high):
        axes.plot(end, height, color=style.PAPER, linewidth=1.0, linestyle=(0, (2, 2)), zorder=3)
    axes.plot(line, height, color=style.PAPER, linewidth=4.0, zorder=4)
    axes.plot(line, height, color=style.VERMILLION, linewidth=2.0, marker="o", markersize=3, zorder=5)
