"""The contract of a picture of a sweep; like all extension points it has three parts."""

from typing import TYPE_CHECKING, ClassVar

from experiments.plots.base import Caption, Drawing
from experiments.plots.sweeps.view import SweepView

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class SweepPlot(Drawing):
    """A picture of a sweep that says one thing, with its uncertainty. FREE: `picture`, as for pictures of runs."""

    scope: ClassVar[str] = "sweep"

    # IMPLEMENT
    def draw(self, view: SweepView, figure: "Figure") -> Caption:
        """Make axes on an empty figure, with a unit on every axis, and say what they show."""
        return super().draw(view, figure)

    # OPTIONAL
    def missing(self, view: SweepView) -> str:
        """Why this sweep cannot be drawn, as a sentence; empty if it can."""
        return ""
