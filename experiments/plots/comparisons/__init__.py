"""Pictures of a comparison of rules, one file each, in the house style: `picture(compare(study), name)`."""

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

from experiments.plots.base import Picture
from experiments.plots.comparisons.base import ComparisonPlot, ComparisonView
from sim.registry import kinds, lookup

if TYPE_CHECKING:
    from experiments.compare import Comparison

ORDER = ("rule_plane", "adoption_curves", "rule_heat_map", "fall_by_rule", "holdings_overlap")
"""How a reader is led through them; plots from elsewhere follow by name."""

__all__ = ["ComparisonPlot", "ComparisonView", "Picture", "names", "picture"]


def names() -> list[str]:
    """Names of all pictures of comparisons, in the order in which they are read."""
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        importlib.import_module(module.name)
    known = [kind for kind in kinds("plot") if issubclass(lookup("plot", kind), ComparisonPlot)]
    return [name for name in ORDER if name in known] + [name for name in known if name not in ORDER]


def picture(found: "Comparison", name: str, framed: bool = True, **settings: Any) -> Picture:
    """A picture, not yet written; its reason is not empty if the sweep cannot be drawn. Raises UnknownKind.

    framed: with title, note and footer. settings: fields of the plot.
    """
    names()
    plot: ComparisonPlot = lookup("plot", name)(**settings)
    return plot.picture(ComparisonView(found), framed)
