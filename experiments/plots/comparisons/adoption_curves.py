"""How a rule's effect on others grows with the share of dollars that follow it."""

import math
from typing import TYPE_CHECKING

import numpy as np

from experiments.analysis import bootstrap
from experiments.comparison.footprint import headline
from experiments.plots import style
from experiments.plots.base import Caption
from experiments.plots.comparisons.base import ComparisonPlot, ComparisonView, named
from sim.registry import component

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 5
_COLOURS = (style.SKY, style.VERMILLION, style.GREEN, style.PURPLE)
_LINES = ("-", "--", "-.", ":")


@component("plot", "adoption_curves")
class AdoptionCurvesPlot(ComparisonPlot):
    """Losses of everybody else against the adopting dollars, one panel per rule, one line per market."""

    size = (9.6, 8.2)
    margins = (0.85, 0.2, 0.78)

    def missing(self, view: ComparisonView) -> str:
        """Why this comparison cannot be drawn."""
        return "" if len(view.arena.shares) > 2 else "a curve needs two shares above 0%"

    def draw(self, view: ComparisonView, figure: "Figure") -> Caption:
        """Lines with bands; a straight line means that every dollar does the same."""
        arena, rules = view.arena, view.ranked
        rows = math.ceil(len(rules) / COLUMNS)
        figure.set_size_inches(self.size[0], 1.6 + 1.65 * rows)
        panels = figure.subplots(rows, COLUMNS, sharex=True, sharey=True, squeeze=False, gridspec_kw={"hspace": 0.32})
        change = headline().change(arena) / 1e6
        x, drawn = 100 * np.array(arena.shares), []
        for axes, rule in zip(panels.ravel(), rules, strict=False):
            for m, market in enumerate(arena.markets):
                found = [bootstrap.mean(row, view.found.level) for row in change[arena.rules.index(rule), :, m]]
                value, low, high = (np.array([getattr(one, end) for one in found]) for end in ("value", "low", "high"))
                drawn.append(value)
                colour = _COLOURS[m % len(_COLOURS)]
                axes.fill_between(x, low.clip(-1e6, 1e6), high.clip(-1e6, 1e6), color=colour, alpha=0.25, linewidth=0)
                axes.plot(
                    x, value, _LINES[m % len(_LINES)], marker="o", markersize=3, color=colour, label=market or "all"
                )
            axes.axhline(0.0, color=style.INK, linewidth=0.8)
            axes.set_title(named(rule), loc="left", size=8.5, color=style.INK, pad=3)
        low, high = np.nanmin(drawn), np.nanmax(drawn)
        spread = float(high - low) or 1.0
        panels[0, 0].set_ylim(float(low) - 0.25 * spread, float(high) + 0.25 * spread)
        for axes in panels.ravel()[len(rules) :]:
            axes.set_visible(False)
        figure.supylabel("losses of everybody else (million USD)", x=0.012, size=style.TEXT_SIZE, color=style.MUTED)
        figure.supxlabel(
            "share of the dollars that follow the rule (%)", y=0.045, size=style.TEXT_SIZE, color=style.MUTED
        )
        if len(arena.markets) > 1:
            panels[0, 0].legend(loc="upper left", fontsize=7, handlelength=1.8)
        return _caption(view)


def _caption(view: ComparisonView) -> Caption:
    rows = view.found.margins
    rising = [row.rule for row in rows if row.difference.low > 0]
    falling = [row.rule for row in rows if row.difference.high < 0]
    title = (
        f"The last dollars harm others more than the first under {len(rising)} of {len(rows)} rules, less under "
        f"{len(falling)}; the rest cannot be told"
    )
    note = f"Change against share 0, same seeds; bands: {view.interval} over {view.seeds}, each rule on its own."
    listed = "; ".join(f"{named(row.rule)} {100 * row.difference.value:.2f}" for row in rows)
    return Caption(title, note, f"Last less first, in cents per dollar: {listed}.")
