"""Liquidated value and bad debt over time."""

from typing import TYPE_CHECKING

from experiments.plots import style
from experiments.plots.base import Caption, Plot
from experiments.plots.run_view import RunView
from experiments.plots.timeline import bin_sums, time_bins
from experiments.wording import count, duration, percent, usd
from sim.registry import component

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@component("plot", "liquidations")
class LiquidationsPlot(Plot):
    """Debt repaid in liquidations and debt left without backing, over time."""

    size = (7.6, 4.9)

    def missing(self, run: RunView) -> str:
        """Why this folder cannot be drawn."""
        if "liquidated_usd" not in run.steps:
            return "liquidations were not measured: the metric that writes liquidated_usd did not run"
        if not run.series("liquidated_usd").any() and not run.series("bad_debt_usd").any():
            return "nothing was liquidated and no bad debt arose in this run"
        return ""

    def draw(self, run: RunView, figure: "Figure") -> Caption:
        """Two panels with their own scales, since bad debt is far smaller than what is seized."""
        bins = time_bins(run.ticks, run.dt)
        panels = figure.subplots(2, 1, sharex=True, height_ratios=[1.7, 1], gridspec_kw={"hspace": 0.22})
        rows = [("liquidated_usd", "debt repaid in liquidations", style.VERMILLION)]
        rows.append(("bad_debt_usd", "bad debt", style.PURPLE))
        for axes, (column, name, colour) in zip(panels, rows, strict=True):
            heights = bin_sums(run, column, bins)
            style.bars(axes, bins.edges, heights, colour)
            _label(axes, name, bins.seconds, bool(heights.any()))
        panels[0].set_xlim(0, float(bins.edges[-1]))
        style.time_axis(panels[1], run.start)
        return Caption(headline(run), _note(run), _alt(run))


def headline(run: RunView) -> str:
    """The title: how much was liquidated, in how many calls, and what stayed unpaid."""
    calls, bad = run.outcome("liquidations"), run.outcome("bad_debt_usd")
    seized = f"{usd(run.outcome('liquidated_usd'))} was liquidated in {count(calls, 'call')}"
    if bad >= 0.5:
        return f"{seized}, leaving {usd(bad)} of bad debt"
    passed_on = sum(run.outcome(name) for name in run.finished.columns if name.startswith("loss."))
    if passed_on >= 0.5:
        return f"{seized}; others carried {usd(passed_on)} of losses"
    return f"{seized} and no debt was left unpaid"


def _note(run: RunView) -> str:
    liquidated = run.across("liquidated", run.outcomes("liquidated_usd"), usd)
    bad = run.across("bad debt", run.outcomes("bad_debt_usd"), usd)
    return " ".join(part for part in (_busiest(run), liquidated, bad) if part)


def _alt(run: RunView) -> str:
    return f"Liquidated in all {usd(run.outcome('liquidated_usd'))}, bad debt {usd(run.outcome('bad_debt_usd'))}."


def _busiest(run: RunView) -> str:
    if run.ticks * run.dt <= 2 * 3600:
        return ""
    begins = run.folder.time(round(run.outcome("busiest_hour") * 3600 / run.dt))
    share = percent(run.outcome("busiest_hour_share"), 0)
    return f"The busiest hour, from {begins:%H:%M} UTC, saw {share} of all calls."


def _label(axes: "Axes", name: str, seconds: float, anything: bool) -> None:
    axes.set_title(f"{name} per {duration(seconds)}", loc="left", size=style.TEXT_SIZE, color=style.INK, pad=4)
    axes.set_ylabel("USD")
    style.usd_axis(axes.yaxis)
    if not anything:
        axes.text(0.5, 0.5, f"no {name}", transform=axes.transAxes, ha="center", va="center", color=style.MUTED)
        axes.set_yticks([])
