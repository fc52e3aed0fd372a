"""The pictures of a steward report: loss against usage, and what the proposal changes run by run."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from experiments.plots import style
from experiments.plots.base import Caption, Drawing
from experiments.steward.document import Estimate, FrontierPoint, Report
from experiments.steward.limits import LIMITS
from experiments.steward.measures import Assessment
from experiments.steward.proposal import Study
from experiments.wording import percent, usd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NOW, PROPOSED, OTHER = style.BLUE, style.VERMILLION, style.GREY


@dataclass(frozen=True)
class StewardView:
    """What the pictures are drawn from."""

    report: Report
    study: Study
    assessment: Assessment

    empty: ClassVar[str] = ""

    @property
    def footer(self) -> str:
        """Where the numbers come from."""
        runs = self.report.runs
        return f"Spillover · {self.report.market} · seed {runs.seed} · {runs.finished:,} runs, {runs.failed} failed"


class FrontierPicture(Drawing):
    """Value at risk and liquidations at risk against usage, one mark per value of the parameter."""

    kind: ClassVar[str] = "steward-frontier"
    size = (8.6, 4.7)
    margins = (0.95, 0.25, 0.72)

    def draw(self, source: Any, figure: "Figure") -> Caption:
        """Two panels over the same usage, both as differences to now, with whiskers in both directions."""
        report: Report = source.report
        panels = figure.subplots(1, 2)
        figure.subplots_adjust(wspace=0.34)
        for axes, name, label in zip(panels, ("var95", "lar95"), ("VaR95, bad debt", "LaR95, liquidated"), strict=True):
            axes.axhline(0.0, color=style.MUTED, linewidth=0.8)
            axes.axvline(0.0, color=style.MUTED, linewidth=0.8)
            for point in report.frontier:
                _mark(axes, report, point, getattr(point.from_now, name))
            axes.grid(True, axis="both")
            axes.margins(0.16, 0.12)
            axes.set_ylabel(f"{label}: value − now (USD)")
            axes.set_xlabel("usage: value − now (percentage points)")
            axes.xaxis.set_major_locator(_few())
            style.usd_axis(axes.yaxis)
        return self._caption(report)

    def _caption(self, report: Report) -> Caption:
        show = LIMITS[report.change.parameter].show
        ends = [min(report.frontier, key=lambda p: p.value), max(report.frontier, key=lambda p: p.value)]
        losses = [
            f"{name} from {usd(_number(getattr(ends[0], key)))} to {usd(_number(getattr(ends[1], key)))}"
            for name, key in (("VaR95", "var95"), ("LaR95", "lar95"))
        ]
        used = [percent(_number(end.usage), 2) for end in ends]
        title = (
            f"From {show(ends[0].value)} to {show(ends[1].value)}, usage goes from {used[0]} to {used[1]}, "
            f"{' and '.join(losses)}"
        )
        reach = f"{report.limits.changes} change{'s' if report.limits.changes > 1 else ''}"
        note = (
            f"Usage: {report.usage}. Blue: now; vermillion: proposed; grey: other values that {reach} can reach. "
            f"Whiskers: {percent(report.level, 0)} intervals of the difference on the same random numbers."
        )
        return Caption(title, note, f"{len(report.frontier)} values of the parameter.")


class DifferencePicture(Drawing):
    """What the proposal changes in each pair of runs, from the lowest to the highest."""

    kind: ClassVar[str] = "steward-differences"
    size = (8.6, 4.4)
    margins = (0.95, 0.25, 0.72)

    def draw(self, source: Any, figure: "Figure") -> Caption:
        """Two panels of sorted differences, coloured by volatility."""
        study, outcomes = source.study, source.assessment.outcomes
        names = [study.values.index(value) for value in (study.proposal.now, study.proposal.proposed)]
        panels = figure.subplots(1, 2)
        figure.subplots_adjust(wspace=0.34)
        shares = []
        colours = [style.SKY, style.BLUE, style.ORANGE, style.VERMILLION, style.PURPLE]
        for axes, key, label in zip(panels, ("liquidated", "profit"), ("Liquidated", "Liquidator profit"), strict=True):
            gaps = getattr(outcomes, key)[names[1]] - getattr(outcomes, key)[names[0]]
            order = np.argsort(gaps.ravel())
            order = order[np.isfinite(gaps.ravel()[order])]
            rank = (np.arange(order.size) + 0.5) / max(order.size, 1)
            factor = order // gaps.shape[1]
            for number, size in enumerate(study.factors):
                mine = factor == number
                axes.plot(
                    gaps.ravel()[order][mine],
                    100 * rank[mine],
                    "o",
                    markersize=3.6,
                    alpha=0.85,
                    color=colours[number % len(colours)],
                    label=f"volatility x {size:g}",
                )
            axes.axvline(0.0, color=style.MUTED, linewidth=0.9)
            axes.set_xlabel(f"{label}: proposed − now (USD)")
            axes.set_ylabel("runs below (%)")
            axes.xaxis.set_major_locator(_few())
            style.usd_axis(axes.xaxis)
            shares.append(float((gaps[np.isfinite(gaps)] > 0).mean()) if order.size else float("nan"))
        if len(study.factors) > 1:
            panels[0].legend(loc="lower right", handletextpad=0.2)
        title = (
            f"The proposal liquidates more in {percent(shares[0], 0)} of pairs of runs, and liquidators earn more in "
            f"{percent(shares[1], 0)}"
        )
        note = "Each dot is a pair of runs on the same random numbers, one as it is and one as proposed."
        return Caption(title, note, f"{order.size} pairs.")


def _few() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(4)


def _number(estimate: Estimate) -> float:
    return float("nan") if estimate.value is None else estimate.value


def _mark(axes: Any, report: Report, point: FrontierPoint, loss: Estimate) -> None:
    """One value of the parameter against now: its differences, their intervals, its name."""
    used = point.from_now.usage
    if used.value is None or loss.value is None:
        return
    mine = {report.change.now: NOW, report.change.proposed: PROPOSED}.get(point.value, OTHER)
    ends = [[[scale * _apart(e, e.low)], [scale * _apart(e, e.high)]] for e, scale in ((used, 100.0), (loss, 1.0))]
    place = (100.0 * used.value, loss.value)
    axes.errorbar(*place, xerr=ends[0], yerr=ends[1], fmt="o", color=mine, ecolor=mine, elinewidth=1.0, alpha=0.9)
    named = mine != OTHER
    axes.annotate(
        LIMITS[report.change.parameter].show(point.value),
        place,
        xytext=(5, 6),
        textcoords="offset points",
        size=8,
        color=style.INK if named else style.MUTED,
        weight="bold" if named else "normal",
    )


def _apart(estimate: Estimate, end: float | None) -> float:
    return 0.0 if end is None or estimate.value is None else abs(end - estimate.value)
