"""Which inputs move an outcome."""

from typing import TYPE_CHECKING

import numpy as np

from experiments.analysis.sensitivity import Indices
from experiments.analysis.study import short
from experiments.plots import style
from experiments.plots.base import Caption
from experiments.plots.sweeps.base import SweepPlot
from experiments.plots.sweeps.view import SweepView, label, title
from experiments.wording import percent
from sim.registry import component

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAIN = ("ST", "mu_star", "delta")
"""Estimates that order the bars, the first that is there."""
INNER = {"ST": "S1"}
"""What is drawn inside a bar: another measure on the same scale."""
NAMES = {
    "ST": "ST, with all interactions",
    "S1": "S1, alone",
    "mu_star": "mean size of the effect of crossing the axis",
    "delta": "delta, change of distribution",
}
MOST = 15
INSIDE = 0.7
"""Part of the axis that bars fill; the legend stands beside the shorter ones."""


@component("plot", "tornado")
class TornadoPlot(SweepPlot):
    """Sensitivity of an outcome to each axis, largest on top, with intervals and the noise of replications.

    Settings
    --------
    outcome: which column; the one that is looked at first if none is named.
    """

    size = (7.6, 4.2)
    margins = (2.3, 0.35, 0.72)
    outcome: str | None = None

    def missing(self, view: SweepView) -> str:
        """Why this sweep cannot be drawn."""
        return "" if view.finding(self.outcome).indices else "sensitivity needs an axis and at least three points"

    def draw(self, view: SweepView, figure: "Figure") -> Caption:
        """Two bars for each axis: the main estimate, and inside it what the axis does alone."""
        finding = view.finding(self.outcome)
        found = finding.indices
        assert found is not None
        main = next(name for name in MAIN if name in found.columns)
        order = np.argsort(-np.nan_to_num(found.columns[main]))[:MOST]
        axes = figure.subplots()
        places = np.arange(order.size)[::-1]
        _bars(axes, found, main, order, places, 0.66, style.SKY)
        inner = INNER.get(main)
        if inner in found.columns:
            _bars(axes, found, inner, order, places - 0.12, 0.24, style.BLUE)
        idle = found.columns.get(f"{main}_idle")
        if idle is not None:
            axes.axvline(
                float(idle[0]), color=style.VERMILLION, linestyle=(0, (4, 2)), linewidth=1.2, label="idle input"
            )
        elif main == "ST" and np.isfinite(found.noise):
            axes.axvline(
                found.noise, color=style.VERMILLION, linestyle=(0, (4, 2)), linewidth=1.2, label="replicate noise"
            )
        axes.set_yticks(places, [short(found.axes[number]) for number in order])
        axes.tick_params(axis="y", length=0)
        axes.grid(False, axis="y")
        axes.grid(True, axis="x")
        axes.set_ylabel("setting")
        axes.set_xlabel(_unit(main, finding.outcome))
        axes.set_xlim(right=axes.get_xlim()[1] / INSIDE)
        axes.legend(loc="lower right")
        return Caption(headline(found, main, finding.outcome), _note(found, view), _alt(found, main))


def headline(found: Indices, main: str, outcome: str) -> str:
    """The title: the axis that matters most."""
    values = found.columns[main]
    top = int(np.nanargmax(values)) if np.isfinite(values).any() else 0
    name = short(found.axes[top])
    if main == "ST":
        part = percent(float(values[top]), 0)
        return f"{name[0].upper()}{name[1:]} takes part in {part} of the variance of {title(outcome)}"
    what = "mean effect" if main == "mu_star" else "delta"
    return f"{name[0].upper()}{name[1:]} moves {title(outcome)} most: {what} {values[top]:,.3g}"


def _unit(main: str, outcome: str) -> str:
    if main == "ST":
        return "share of the variance of point means"
    return f"change of {label(outcome)}" if main == "mu_star" else "distance of distributions (0 to 1)"


def _note(found: Indices, view: SweepView) -> str:
    bars = f"Whiskers: {view.interval}. " if found.low else ""
    noise = "" if np.isnan(found.noise) else f" Replicate noise: {percent(found.noise)} of the variance between points."
    # A list of failed runs is for the table; the picture says how many.
    lost = f" {len(found.failed)} runs are missing." if found.failed else ""
    return f"{bars}{found.estimator[0].upper()}{found.estimator[1:]}.{noise}{lost}"


def _alt(found: Indices, main: str) -> str:
    rows = zip(found.axes, found.columns[main], strict=True)
    return "; ".join(f"{axis}: {main} {value:.3g}" for axis, value in rows) + "."


def _bars(
    axes: "Axes", found: Indices, name: str, order: "np.ndarray", places: "np.ndarray", height: float, colour: str
) -> None:
    values = found.columns[name][order]
    axes.barh(places, values, height=height, color=colour, label=NAMES[name])
    if name in found.low:
        low, high = found.low[name][order], found.high[name][order]
        ends = np.clip([values - low, high - values], 0.0, None)
        axes.errorbar(values, places, xerr=ends, fmt="none", ecolor=style.INK, elinewidth=1.0, capsize=2.5)
