"""Pictures of a run folder, one file each, in one house style: `draw(open_run(path), "price", "price.svg")`."""

import importlib
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.plots.base import Caption, Picture, Plot
from experiments.plots.run_view import RunView
from sim.registry import kinds, lookup

if TYPE_CHECKING:
    from experiments.store import Folder

ORDER = ("price", "attribution", "liquidations", "health", "network", "fan")
"""How a report tells the story; plots from elsewhere follow by name."""

__all__ = ["Caption", "Picture", "Plot", "RunView", "draw", "names", "picture"]


def names() -> list[str]:
    """Names of all plots, in the order in which a report shows them."""
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        importlib.import_module(module.name)
    known = [kind for kind in kinds("plot") if lookup("plot", kind).scope == "run"]  # type: ignore[attr-defined]
    return [name for name in ORDER if name in known] + [name for name in known if name not in ORDER]


def picture(run: RunView, name: str, framed: bool = True, **settings: Any) -> Picture:
    """A picture, not yet written; its reason is not empty if the folder cannot be drawn.

    framed: with title, note and footer. settings: fields of the plot, such as asset="ETH". Raises UnknownKind for a
    name that no plot carries.
    """
    names()
    plot: Plot = lookup("plot", name)(**settings)
    return plot.picture(run, framed)


def draw(folder: "Folder | RunView", name: str, path: str | Path, **settings: Any) -> Picture:
    """Draw one picture of a folder and write it to path (.svg or .png; without either, both).

    Returns the picture with its title. If the folder cannot be drawn, nothing is written and its `reason` says why.
    """
    run = folder if isinstance(folder, RunView) else RunView(folder)
    drawn = picture(run, name, **settings)
    drawn.save(path)
    return drawn
