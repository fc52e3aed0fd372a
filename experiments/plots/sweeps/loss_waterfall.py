"""Who carries losses that accounts cannot pay, channel by channel, on average over runs."""

from typing import TYPE_CHECKING

import numpy as np

from experiments.analysis import bootstrap
from experiments.analysis.tails import clustered
from experiments.plots import style
from experiments.plots.base import Caption
from experiments.plots.losses import CARRIERS, PREFIX
from experiments.plots.sweeps.base import SweepPlot
from experiments.plots.sweeps.view import SweepView
from experiments.wording import percent, usd
from sim.registry import component

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 9
LEAST = 1e-4
"""Share of all losses below which a channel is not drawn."""


@component("plot", "loss_waterfall")
class LossWaterfallPlot(SweepPlot):
    """Mean loss by protocol and carrier, adding up to all losses that were passed on."""

    size = (7.6, 4.6)
    margins = (1.0, 0.3, 1.15)

    def missing(self, view: SweepView) -> str:
        """Why this sweep cannot be drawn."""
        return "" if _channels(view) else "every account paid its own losses in every run: nothing was passed on"

    def draw(self, view: SweepView, figure: "Figure") -> Caption:
        """Bars that start where the one before ends; the last is the sum."""
        rows = _channels(view)
        level = view.findings.level
        found = [bootstrap.mean(values, level) for _, values in rows]
        total = bootstrap.mean(np.sum([values for _, values in rows], axis=0), level)
        tops = np.cumsum([interval.value for interval in found])
        starts = np.concatenate([[0.0], tops[:-1]])
        axes = figure.subplots()
        names = [*(name for name, _ in rows), "all losses"]
        bars = [*zip(starts, found, [style.VERMILLION] * len(rows), strict=True), (0.0, total, style.GREY)]
        for place, (start, interval, colour) in enumerate(bars):
            axes.bar(place, interval.value, bottom=start, width=0.62, color=colour)
            ends = [[interval.value - interval.low], [interval.high - interval.value]]
            top = start + interval.value
            axes.errorbar(place, top, yerr=np.clip(ends, 0, None), color=style.INK, elinewidth=1.0, capsize=3)
            axes.annotate(
                usd(interval.value), (place, start + max(interval.high, interval.value)), xytext=(0, 4),
                textcoords="offset points", ha="center", size=style.TEXT_SIZE,
            )  # fmt: skip
        for place, top in enumerate(tops):
            axes.plot([place + 0.31, place + 0.69], [top, top], color=style.MUTED, linewidth=0.8)
        axes.set_xticks(range(len(names)), [name.replace(": ", "\n", 1) for name in names])
        axes.set_xlabel("protocol and carrier")
        axes.set_ylabel("mean loss per run (USD)")
        axes.set_ylim(bottom=0.0)
        style.headroom(axes, 0.08)
        style.usd_axis(axes.yaxis)
        name, first = rows[0][0], found[0].value
        title = (
            f"{name[0].upper()}{name[1:]} carried {percent(first / total.value, 0)} of {usd(total.value)} lost per run"
        )
        note = f"Means over {len(view.study.finished):,} finished runs of all points; whiskers: {view.interval}."
        return Caption(
            title, note, "; ".join(f"{n}: {usd(f.value)}" for (n, _), f in zip(rows, found, strict=True)) + "."
        )


def _channels(view: SweepView) -> "list[tuple[str, np.ndarray]]":
    """(channel, loss per run of each replication or, with few of them, of each run), the largest mean first.

    Points share the luck of a replication, so their mean over it is one independent value. Small channels are left out.
    """
    study, losses = view.study, []
    finished = study.finished_table  # a run without a loss has no column for it
    for name in (name for name in study.outcomes if name.startswith(PREFIX)):
        table = np.where(finished, np.nan_to_num(study.values(name)), np.nan)
        losses.append((_name(name), np.nanmean(table, axis=0) if clustered(table) else table[np.isfinite(table)]))
    total = sum(values.mean() for _, values in losses)
    losses = sorted((row for row in losses if row[1].mean() > LEAST * total), key=lambda row: -row[1].mean())
    if len(losses) > MOST:
        rest = np.sum([values for _, values in losses[MOST - 1 :]], axis=0)
        losses = [*losses[: MOST - 1], (f"{len(losses) - MOST + 1} others", rest)]
    return losses


def _name(column: str) -> str:
    protocol, _, carrier = column.removeprefix(PREFIX).rpartition(".")
    return f"{protocol}: {CARRIERS.get(carrier, carrier)}"
