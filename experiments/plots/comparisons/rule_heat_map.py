"""Footprints of all rules in all markets, at all shares."""

from typing import TYPE_CHECKING

import numpy as np

from experiments.analysis.bootstrap import Interval
from experiments.comparison.measures import SYSTEMIC
from experiments.plots import style
from experiments.plots.base import Caption
from experiments.plots.comparisons.base import ComparisonPlot, ComparisonView, named
from experiments.plots.sweeps.maps import colour_bar
from experiments.wording import percent
from sim.registry import component

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = "PuOr_r"
"""From purple over white to orange: told apart by readers with any kind of colour blindness."""


@component("plot", "rule_heat_map")
class RuleHeatMapPlot(ComparisonPlot):
    """Footprint of every rule (rows) by market and share (columns), with half the width of its interval.

    Settings
    --------
    measure: loss, liquidated, bad_debt, drawdown, excess_volatility or mispricing.
    """

    size = (9.6, 8.0)
    margins = (1.7, 0.95, 0.95)
    measure: str = "loss"

    def missing(self, view: ComparisonView) -> str:
        """Why this comparison cannot be drawn."""
        known = [measure.name for measure in SYSTEMIC]
        return "" if self.measure in known else f"no measure {self.measure}; known: {', '.join(known)}"

    def draw(self, view: ComparisonView, figure: "Figure") -> Caption:
        """Cells with numbers; a ring marks those that cannot be told from zero."""
        arena, rules = view.arena, view.ranked
        measure = next(one for one in SYSTEMIC if one.name == self.measure)
        scale, unit = (100.0, "cents per adopting dollar") if measure.scale == 1.0 else (1.0, measure.unit)
        columns = [(market, share) for market in arena.markets for share in arena.shares[1:]]
        cells = [cell for cell in view.found.systemic if cell.measure == self.measure and cell.share > 0.0]
        found = {(cell.rule, cell.market, cell.share): cell.interval for cell in cells}
        unknown = Interval(np.nan, np.nan, np.nan, 0)
        table = [[found.get((rule, *place), unknown) for place in columns] for rule in rules]
        values = scale * np.array([[interval.value for interval in row] for row in table])
        most = float(np.nanmax(np.abs(values))) or 1.0
        axes = figure.subplots()
        shown = np.ma.masked_invalid(values)
        mesh = axes.pcolormesh(shown, cmap=COLOURS, vmin=-most, vmax=most, edgecolors=style.PAPER)
        axes.set_facecolor(style.GRID)
        axes.grid(False)
        axes.set_yticks(np.arange(len(rules)) + 0.5, [named(rule) for rule in rules])
        texts = [f"{market}\n{percent(share, 0)}".strip() for market, share in columns]
        axes.set_xticks(np.arange(len(columns)) + 0.5, texts)
        axes.set_xlabel("market, and share of the dollars that follow the rule")
        axes.set_ylabel("rule, the largest footprint of all dollars on top")
        for i, j in np.ndindex(values.shape):
            colour = style.PAPER if abs(values[i, j]) > 0.7 * most else style.INK
            axes.text(j + 0.5, i + 0.5, _text(table[i][j], scale), ha="center", va="center", size=7.0, color=colour)
        colour_bar(figure, axes, mesh, f"{measure.title} ({unit})")
        i, j = (int(place) for place in np.unravel_index(int(np.nanargmax(values)), values.shape))
        place = f"{named(rules[i])} at {texts[j].splitlines()[-1]}" + (f", {columns[j][0]}" if columns[j][0] else "")
        title = f"Largest footprint on {measure.title}: {values[i, j]:,.3g} {unit}, {place}"
        vague = sum(not _told(interval) for row in table for interval in row)
        note = (
            f"Change against the same dollars in the benchmark, ± half of the {view.interval} over {view.seeds}. "
            f"○: not distinguishable from zero by itself ({vague} of {values.size} cells)."
        )
        return Caption(title, note, f"Rules from the largest footprint down: {', '.join(map(named, rules[::-1]))}.")


def _told(interval: Interval) -> bool:
    return interval.low > 0 or interval.high < 0


def _text(interval: Interval, scale: float) -> str:
    if not np.isfinite(interval.value):
        return "×"
    digits = 1 if scale > 1.0 else 3
    half = scale * (interval.high - interval.low) / 2
    text = f"{scale * interval.value:,.{digits}f} ± " + (f"{half:,.{digits}f}" if half < 1e4 else "?")
    return text if _told(interval) else f"{text} ○"
