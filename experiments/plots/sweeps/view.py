"""A sweep as pictures see it: what was found, where from, and how outcomes are written."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from experiments.analysis.findings import Finding, Findings
from experiments.analysis.study import AxisView, Event, Study
from experiments.report_tables import OUTCOMES
from experiments.wording import percent, usd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHARES = ("share", "drawdown", "probability", "utilisation")


class SweepView:
    """Findings of a sweep, and its folder for pictures that need tables beside the runs.

    place: the folder; None if there is none.
    """

    def __init__(self, findings: Findings, place: Path | None = None) -> None:
        self.findings, self.place = findings, place

    @property
    def study(self) -> Study:
        """The runs."""
        return self.findings.study

    @property
    def empty(self) -> str:
        """Why nothing can be drawn at all; empty if something can."""
        return "no run of this sweep has finished" if self.study.finished.empty else ""

    @property
    def footer(self) -> str:
        """Where a picture comes from."""
        return self.study.footer

    @property
    def first(self) -> Finding:
        """What was found about the outcome that is looked at first."""
        return self.findings.outcomes[0]

    def finding(self, outcome: str | None) -> Finding:
        """What was found about an outcome; the first if none is named or known."""
        return next((found for found in self.findings.outcomes if found.outcome == outcome), self.first)

    @cached_property
    def folder(self) -> Any:
        """The output folder, opened; None if there is none."""
        from experiments.store import open_folder

        return open_folder(self.place) if self.place else None

    @property
    def interval(self) -> str:
        """The level of intervals in words."""
        return f"{percent(self.findings.level, 0)} interval"


def label(outcome: str) -> str:
    """An outcome as axes call it, with its unit."""
    name = OUTCOMES[outcome][0] if outcome in OUTCOMES else outcome
    return f"{name} (USD)" if outcome.endswith("_usd") else f"{name} (%)" if _is_share(outcome) else name


def title(outcome: str) -> str:
    """An outcome as sentences call it, without its unit."""
    return OUTCOMES[outcome][0] if outcome in OUTCOMES else outcome


def event_text(event: Event) -> str:
    """An event in words: Bad debt > $10M."""
    return f"{title(event.outcome)} {event.sign} {form(event.outcome)(event.bound)}"


def form(outcome: str) -> Callable[[float], str]:
    """How a value of an outcome is written."""
    return usd if outcome.endswith("_usd") else percent if _is_share(outcome) else "{:,.3g}".format


def value_axis(axis: Any, outcome: str) -> None:
    """Tick labels in the unit of an outcome."""
    from matplotlib.ticker import FuncFormatter

    if outcome.endswith("_usd") or _is_share(outcome):
        write = form(outcome)
        axis.set_major_formatter(FuncFormatter(lambda value, _: write(value)))
        if axis.get_scale() == "log":
            _minor_labels(axis, write)


def _minor_labels(axis: Any, write: Callable[[float], str]) -> None:
    """Between the powers of ten of a logarithmic axis: labels at 2 and 5 if it spans less than two of them, or none."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = axis.get_view_interval()
    if high < 100 * low:
        axis.set_minor_locator(LogLocator(subs=(2, 5)))
        axis.set_minor_formatter(FuncFormatter(lambda value, _: write(value)))
    else:
        axis.set_minor_formatter(NullFormatter())


def edges(axis: AxisView) -> NDArray[np.float64]:
    """Cell borders of a listed axis: halfway between values, on their own scale; whole numbers where there is none."""
    spots = np.arange(len(axis.values), dtype=float)
    if axis.numeric:
        values = np.asarray(axis.values, dtype=float)
        spots = np.log(values) if axis.log else values
    order = np.sort(spots)
    middle = (order[1:] + order[:-1]) / 2
    ends = np.concatenate([[2 * order[0] - middle[0]], middle, [2 * order[-1] - middle[-1]]])
    return np.exp(ends) if axis.numeric and axis.log else ends


def scale_axis(axes: "Axes", axis: AxisView, across: bool) -> None:
    """Label one direction of a map with an axis of the sweep."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    which = axes.xaxis if across else axes.yaxis
    if not axis.numeric:
        which.set_ticks(range(len(axis.values)), [str(value) for value in axis.values])
    elif axis.log:
        (axes.set_xscale if across else axes.set_yscale)("log")
        which.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        which.set_minor_formatter(NullFormatter())
    (axes.set_xlabel if across else axes.set_ylabel)(axis.name + (" (log)" if axis.log else ""))


def _is_share(outcome: str) -> bool:
    return any(word in outcome for word in _SHARES) or outcome.endswith((".return", ".var95", ".es95"))
