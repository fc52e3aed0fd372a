"""What the fall of prices was made of, rule by rule."""

from typing import TYPE_CHECKING

import numpy as np

from experiments.analysis import bootstrap
from experiments.comparison.arena import Arena, Array
from experiments.plots import style
from experiments.plots.base import Caption
from experiments.plots.comparisons.base import ComparisonPlot, ComparisonView, named
from experiments.wording import signed
from sim.flows import Motive
from sim.registry import component

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SLIVER = 0.002
"""A motive whose part stays below this share of the price under all rules is drawn as "other"."""
_PREFIX = "fall."


@component("plot", "fall_by_rule")
class FallByRulePlot(ComparisonPlot):
    """Mean fall of all assets at the highest share in the last market, by rule and by motive of orders."""

    size = (9.6, 8.0)
    margins = (1.85, 1.45, 0.72)

    def missing(self, view: ComparisonView) -> str:
        """Why this comparison cannot be drawn."""
        return "" if motives(view.arena) else "no run has outcomes fall.ASSET.MOTIVE"

    def draw(self, view: ComparisonView, figure: "Figure") -> Caption:
        """Stacked bars; the whisker is the interval of the whole fall."""
        arena = view.arena
        parts = {motive: 100 * parts_of(arena, motive)[:, :, -1] for motive in motives(arena)}
        rows = [*((rule, -1) for rule in view.ranked), (view.ranked[0], 0)]
        places = [(arena.rules.index(rule), share) for rule, share in rows]
        bars = {motive: np.array([np.nanmean(table[place]) for place in places]) for motive, table in parts.items()}
        axes = figure.subplots()
        y = np.arange(len(rows))
        _stack(axes, y, bars)
        whole = [bootstrap.mean(sum(table[place] for table in parts.values()), view.found.level) for place in places]
        for row, fall in zip(y, whole, strict=True):
            axes.plot([fall.low, fall.high], [row, row], color=style.INK, linewidth=1.4)
            axes.plot([fall.value], [row], "|", color=style.INK, markersize=8)
        axes.set_yticks(y, [*(named(rule) for rule in view.ranked), "nobody: benchmark only"])
        axes.axvline(0.0, color=style.INK, linewidth=0.9)
        axes.set_xlim(right=1.04 * max(min(fall.high, 2 * fall.value) for fall in whole))
        axes.set_xlabel("mean largest fall of all assets (% of the high)")
        axes.set_ylabel("rule, by footprint; nobody on top")
        axes.grid(True, axis="x")
        axes.grid(False, axis="y")
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), title="part of the fall", handlelength=1.1)
        return self._caption(view, whole, bars)

    def _caption(self, view: ComparisonView, whole: list[bootstrap.Interval], bars: dict[str, Array]) -> Caption:
        deepest = max(range(len(whole) - 1), key=lambda row: whole[row].value)
        added = max(bars, key=lambda motive: float(bars[motive][deepest] - bars[motive][-1]))
        market = f" in {view.arena.markets[-1]}" if view.arena.markets[-1] else ""
        rule = named(view.ranked[deepest]).capitalize()
        title = (
            f"{rule} at {view.top} deepens the mean fall from {whole[-1].value:.1f}% to "
            f"{whole[deepest].value:.1f}%{market}, most of it through {named(added)}"
        )
        note = "Parts sum to the fall; left of zero they held prices up. "
        note += f"Black: {view.interval} of the whole over {view.seeds}."
        rows = zip([*view.ranked, "nobody"], bars.get("rebalancing", np.zeros(len(whole))), strict=True)
        listed = "; ".join(f"{named(rule)} {signed(float(part))}" for rule, part in rows)
        return Caption(title, note, f"Points of the fall that rebalancing added: {listed}.")


def motives(arena: Arena) -> list[str]:
    """Motives behind falls, in the order of the palette."""
    known = {str(name).split(".")[2] for name in arena.study.outcomes if str(name).startswith(_PREFIX)}
    return [motive.name.lower() for motive in style.MOTIVES if motive.name.lower() in known]


def parts_of(arena: Arena, motive: str) -> Array:
    """(rules, shares, markets, seeds) part of the fall, mean over all assets that have a fall."""
    names = {str(name).split(".")[1] for name in arena.study.outcomes if str(name).startswith(_PREFIX)}
    every = np.array([arena.of(f"{_PREFIX}{asset}.{motive}") for asset in sorted(names)])
    there = np.array([arena.of(f"drawdown.{asset}") for asset in sorted(names)])
    return np.where(np.isfinite(there).any(axis=0), np.nan_to_num(every).sum(axis=0) / len(names), np.nan)


def _stack(axes: "Axes", y: np.ndarray, bars: dict[str, Array]) -> None:
    right, left, other = np.zeros(y.size), np.zeros(y.size), np.zeros(y.size)
    for motive, part in bars.items():
        if np.abs(part).max() < 100 * SLIVER:
            other += part
            continue
        right, left = _bar(axes, y, part, right, left, named(motive), style.MOTIVES[Motive[motive.upper()]])
    if other.any():
        _bar(axes, y, other, right, left, "other", style.GRID)


def _bar(
    axes: "Axes", y: np.ndarray, part: Array, right: Array, left: Array, name: str, colour: str
) -> tuple[Array, Array]:
    start = np.where(part >= 0, right, left)
    axes.barh(y, part, left=start, height=0.74, color=colour, label=name, linewidth=0)
    return right + np.maximum(part, 0.0), left + np.minimum(part, 0.0)
