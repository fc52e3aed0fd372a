"""Who carried the losses that accounts could not pay."""

from typing import TYPE_CHECKING

import numpy as np

from experiments.plots import style
from experiments.plots.base import Caption, Plot
from experiments.plots.run_view import RunView
from experiments.wording import percent, usd
from sim.registry import component

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PREFIX = "loss."
CARRIERS = {
    "vault": "holders of the backstop vault",
    "deleveraged": "winners who were deleveraged",
    "insurance": "insurance fund",
    "everybody": "everybody, by socialisation",
    "treasury": "treasury",
    "suppliers": "suppliers",
}
"""What the carriers named in outcome columns are called in pictures."""
INSIDE = 0.62
"""Part of the axis that the longest bar fills, so that its number fits beside it."""


@component("plot", "losses")
class LossesPlot(Plot):
    """Losses that accounts could not pay, by protocol and by who carried them instead."""

    size = (7.6, 3.4)
    margins = (2.9, 0.3, 0.72)

    def missing(self, run: RunView) -> str:
        """Why this folder cannot be drawn."""
        return "" if carried(run) else "every account paid its own losses: nothing was passed on"

    def draw(self, run: RunView, figure: "Figure") -> Caption:
        """One bar for each protocol and carrier, the largest on top."""
        rows = carried(run)
        axes = figure.subplots()
        places = list(range(len(rows)))[::-1]
        axes.barh(places, [loss for _, loss in rows], height=0.62, color=style.VERMILLION)
        for place, (_, loss) in zip(places, rows, strict=True):
            axes.annotate(
                usd(loss), (loss, place), xytext=(5, 0), textcoords="offset points", va="center", color=style.INK,
                size=style.TEXT_SIZE,
            )  # fmt: skip
        axes.grid(False, axis="y")
        axes.grid(True, axis="x")
        axes.tick_params(axis="y", length=0)
        axes.set_yticks(places, [name for name, _ in rows])
        axes.set_xlim(0, rows[0][1] / INSIDE)
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.set_xlabel("loss carried (USD)")
        style.usd_axis(axes.xaxis)
        axes.set_ylabel("protocol: carried by")
        return Caption(headline(rows), _note(run), "; ".join(f"{name}: {usd(loss)}" for name, loss in rows) + ".")


def carried(run: RunView) -> list[tuple[str, float]]:
    """(who, USD) of the run that is shown, largest first."""
    columns = [name for name in run.finished.columns if name.startswith(PREFIX)]
    losses = [(_name(column), run.outcome(column)) for column in columns]
    return sorted(((name, loss) for name, loss in losses if loss > 0.5), key=lambda row: -row[1])


def _name(column: str) -> str:
    protocol, _, carrier = column.removeprefix(PREFIX).rpartition(".")
    return f"{protocol}: {CARRIERS.get(carrier, carrier)}"


def headline(rows: list[tuple[str, float]]) -> str:
    """The title: who carried most."""
    total = sum(loss for _, loss in rows)
    name, loss = rows[0]
    protocol, _, carrier = name.partition(": ")
    who = f"{carrier[0].upper()}{carrier[1:]} of {protocol}"
    return f"{who} carried {percent(loss / total, 0)} of {usd(total)} that others could not pay"


def _note(run: RunView) -> str:
    columns = [name for name in run.finished.columns if name.startswith(PREFIX)]
    about = "Losses beyond the margin or collateral of those who made them."
    spread = run.across("all such losses", np.nansum([run.outcomes(name) for name in columns], axis=0), usd)
    return f"{about} {spread}".strip()
