"""The headline: good for those who follow a rule against bad for everybody else."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from experiments.analysis.bootstrap import Interval
from experiments.comparison.measures import HEADLINE
from experiments.plots import style
from experiments.plots.base import Caption
from experiments.plots.comparisons.base import ComparisonPlot, ComparisonView, named
from experiments.plots.comparisons.labels import name_marks
from experiments.wording import percent
from sim.registry import component

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
HARM, HELP, OPEN = style.VERMILLION, style.BLUE, style.GREY
"""Footprint above zero, below zero, and not distinguishable from it."""
_MARKS = {HARM: "^", HELP: "v", OPEN: "o"}
ROOM = 0.06
"""Space around the marks, as a share of their spread."""


@component("plot", "rule_plane")
class RulePlanePlot(ComparisonPlot):
    """Private result across, systemic footprint up; one mark per rule at the highest share, arrows from the lowest.

    Settings
    --------
    private: return, volatility, max_drawdown or certainty_equivalent.
    """

    size = (9.6, 7.4)
    margins = (0.85, 0.3, 0.72)
    private: str = "return"

    def missing(self, view: ComparisonView) -> str:
        """Why this comparison cannot be drawn."""
        arena = view.arena
        if any(view.found.cell(rule, arena.shares[-1], self.private) for rule in arena.rules):
            return ""
        return f"no private result {self.private} is known"

    def draw(self, view: ComparisonView, figure: "Figure") -> Caption:
        """Marks with both intervals, arrows as adoption grows."""
        arena, axes = view.arena, figure.subplots()
        last = {rule: self._place(view, rule, arena.shares[-1]) for rule in arena.rules}
        first = {rule: self._place(view, rule, arena.shares[1]) for rule in arena.rules}
        last = {rule: ends for rule, ends in last.items() if all(np.isfinite(end.value) for end in ends)}
        x, y = (np.array([100 * ends[side].value for ends in last.values()]) for side in (0, 1))
        earlier = np.array([[100 * end.value for end in first[rule]] for rule in last])
        _limits(axes.set_xlim, [own for own, _ in last.values()])
        _limits(axes.set_ylim, [footprint for _, footprint in last.values()])
        axes.axhline(0.0, color=style.INK, linewidth=0.9)
        axes.axvline(0.0, color=style.INK, linewidth=0.9)
        for (own, footprint), start in zip(last.values(), earlier, strict=True):
            _mark(axes, own, footprint, start if len(arena.shares) > 2 else None)
        names = [named(rule) for rule in last]
        figure.subplots_adjust(left=0.09, right=0.97, bottom=0.1, top=0.82)
        name_marks(axes, x, y, names, 7.6)
        _say(axes, self.private)
        worst = max(last, key=lambda rule: last[rule][1].value)
        return Caption(*self._words(view, worst, last[worst][1], len(arena.shares) > 2))

    def _place(self, view: ComparisonView, rule: str, share: float) -> tuple[Interval, Interval]:
        unknown = Interval(np.nan, np.nan, np.nan, 0)
        own, footprint = (view.found.cell(rule, share, name) for name in (self.private, HEADLINE))
        return (own.interval if own else unknown, footprint.interval if footprint else unknown)

    def _words(self, view: ComparisonView, worst: str, footprint: Interval, arrows: bool) -> tuple[str, str, str]:
        low, high = 100 * footprint.low, 100 * footprint.high
        cents = f"{100 * footprint.value:.1f} cents ({low:.1f} to {high:.1f})"
        title = (
            f"{named(worst).capitalize()} at {view.top} adoption: {cents} "
            f"lost by everybody else per dollar, the largest of {len(view.ranked)} estimates"
        )
        shares = view.arena.shares
        tails = f" Arrows: from {percent(shares[1], 0)} adoption to {view.top}." if arrows else ""
        many = f"mean of {len(view.arena.markets)} falls" if len(view.arena.markets) > 1 else "one fall"
        note = (
            f"Against the same dollars in the benchmark, same seeds. Whiskers: {view.interval} over {view.seeds}, "
            f"{many}.{tails} Both are cut at the frame."
        )
        listed = "; ".join(
            f"{named(place.rule)} {100 * place.value.value:.2f}" for place in view.found.footprint_ranking.places
        )
        return title, note, f"Cents lost by others per dollar, by rule: {listed}."


def _limits(ends: Any, intervals: list[Interval]) -> None:
    """Room for marks, zero, and whiskers as far as these are no longer than the marks are apart."""
    values = 100 * np.array([interval.value for interval in intervals] + [0.0])
    low, high = float(values.min()), float(values.max())
    reach = (high - low) or 1.0
    edges = 100 * np.array([[interval.low, interval.high] for interval in intervals])
    edges = edges[np.abs(edges - values[:-1, None]) < reach]
    ends(min([low, *edges]) - ROOM * reach, max([high, *edges]) + ROOM * reach)


def _entry(axes: "Axes", start: Floats, end: Floats) -> Floats:
    """Where a line that ends inside the frame enters it: its start, if that is inside."""
    bounds = np.array([axes.get_xlim(), axes.get_ylim()])
    outside = np.where(start < bounds[:, 0], bounds[:, 0], np.where(start > bounds[:, 1], bounds[:, 1], start))
    way = np.divide(outside - start, end - start, out=np.zeros(2), where=end != start)
    return np.asarray(start + way.max() * (end - start))


def _mark(axes: "Axes", own: Interval, footprint: Interval, start: Floats | None) -> None:
    colour = HARM if footprint.low > 0 else HELP if footprint.high < 0 else OPEN
    x, y = 100 * own.value, 100 * footprint.value
    axes.plot(100 * np.array([own.low, own.high]).clip(-1e3, 1e3), [y, y], color=colour, linewidth=0.9, alpha=0.55)
    axes.plot(
        [x, x], 100 * np.array([footprint.low, footprint.high]).clip(-1e3, 1e3), color=colour, linewidth=0.9, alpha=0.55
    )
    if start is not None and np.isfinite(start).all():
        look = {
            "arrowstyle": "-|>",
            "color": style.GREY,
            "linewidth": 0.8,
            "alpha": 0.7,
            "shrinkA": 0,
            "shrinkB": 4,
            "mutation_scale": 7,
        }
        axes.annotate("", (x, y), xytext=tuple(_entry(axes, start, np.array([x, y]))), arrowprops=look, zorder=3)
    axes.plot([x], [y], _MARKS[colour], color=colour, markersize=7, zorder=6)


def _say(axes: "Axes", private: str) -> None:
    from matplotlib.lines import Line2D

    unit = "per year, points" if private == "volatility" else "percentage points"
    axes.set_xlabel(f"{named(private)} of those who follow the rule, less that of the benchmark ({unit})")
    axes.set_ylabel("losses of everybody else (cents per adopting dollar)")
    axes.grid(True, axis="both")
    texts = ((HARM, "others lose"), (HELP, "others gain"), (OPEN, "not distinguishable from 0"))
    handles = [Line2D([], [], marker=_MARKS[colour], color=colour, linestyle="", label=text) for colour, text in texts]
    axes.legend(handles=handles, loc="lower left", title="effect on others", title_fontsize=8.5)
