"""Pictures of a sweep, one file each, in the house style: `picture(SweepView(analyse(study)), name)`."""

import importlib
import pkgutil
from typing import Any

from experiments.plots.base import Picture
from experiments.plots.sweeps.base import SweepPlot
from experiments.plots.sweeps.view import SweepView
from sim.registry import kinds, lookup

ORDER = ("phase_diagram", "heat_map", "tornado", "cascade_sizes", "tail_convergence", "loss_waterfall", "frontier")
"""How a report tells the story; plots from elsewhere follow by name."""

__all__ = ["Picture", "SweepPlot", "SweepView", "names", "picture"]


def names() -> list[str]:
    """Names of all pictures of sweeps, in the order in which a report shows them."""
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        importlib.import_module(module.name)
    known = [kind for kind in kinds("plot") if issubclass(lookup("plot", kind), SweepPlot)]
    return [name for name in ORDER if name in known] + [name for name in known if name not in ORDER]


def picture(view: SweepView, name: str, framed: bool = True, **settings: Any) -> Picture:
    """A picture, not yet written; its reason is not empty if the sweep cannot be drawn. Raises UnknownKind.

    framed: with title, note and footer. settings: fields of the plot, such as outcome="bad_debt_usd".
    """
    names()
    plot: SweepPlot = lookup("plot", name)(**settings)
    return plot.picture(view, framed)
