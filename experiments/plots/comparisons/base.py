"""The contract of a picture of a comparison; like all extension points it has three parts."""

from typing import TYPE_CHECKING, ClassVar

from experiments.compare import Comparison
from experiments.plots.base import Caption, Drawing
from experiments.wording import percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class ComparisonView:
    """A comparison as pictures see it."""

    def __init__(self, found: Comparison) -> None:
        self.found, self.arena = found, found.arena

    @property
    def empty(self) -> str:
        """Why nothing can be drawn at all; empty if something can."""
        return "no run of this sweep has finished" if self.arena.study.finished.empty else ""

    @property
    def footer(self) -> str:
        """Where a picture comes from."""
        return self.arena.study.footer

    @property
    def interval(self) -> str:
        """The level of intervals in words."""
        return f"{percent(self.found.level, 0)} interval"

    @property
    def seeds(self) -> str:
        """How many seeds are behind an interval, in words."""
        counts = [place.value.count for place in self.found.footprint_ranking.places]
        low, high = min(counts), max(counts)
        return f"{high} paired seeds" if low == high else f"{low} to {high} paired seeds"

    @property
    def ranked(self) -> list[str]:
        """Rules from the least to the largest footprint."""
        return [place.rule for place in self.found.footprint_ranking.places]

    @property
    def top(self) -> str:
        """The highest share in words."""
        return percent(self.arena.shares[-1], 0)


class ComparisonPlot(Drawing):
    """A picture of rules side by side that says one thing. FREE: `picture`, as for pictures of runs."""

    scope: ClassVar[str] = "comparison"

    # IMPLEMENT
    def draw(self, view: ComparisonView, figure: "Figure") -> Caption:
        """Make axes on an empty figure, with a unit on every axis, and say what they show."""
        return super().draw(view, figure)

    # OPTIONAL
    def missing(self, view: ComparisonView) -> str:
        """Why this comparison cannot be drawn, as a sentence; empty if it can."""
        return ""


def named(rule: str) -> str:
    """A rule as pictures call it."""
    return rule.replace("_", " ")
