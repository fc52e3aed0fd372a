"""The mean of an outcome over two settings."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from experiments.analysis.study import AxisView, Study, short, shown
from experiments.analysis.surface import axes_of
from experiments.plots.base import Caption
from experiments.plots.sweeps.base import SweepPlot
from experiments.plots.sweeps.maps import cells, colour_bar, write_numbers
from experiments.plots.sweeps.view import SweepView, form, label, title, value_axis
from sim.errors import ConfigError
from sim.registry import component

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@component("plot", "heat_map")
class HeatMapPlot(SweepPlot):
    """Mean of an outcome over two axes of a sweep, averaged over all others.

    Settings
    --------
    outcome: which column; the one that is looked at first if none is named. x, y: which axes; chosen as for the phase
        diagram if not named.
    """

    size = (7.6, 5.4)
    margins = (1.15, 0.95, 0.72)
    outcome: str | None = None
    x: str = ""
    y: str = ""

    def missing(self, view: SweepView) -> str:
        """Why this sweep cannot be drawn."""
        try:
            axes_of(view.study, self.x, self.y)
        except ConfigError as error:
            return str(error)
        return ""

    def draw(self, view: SweepView, figure: "Figure") -> Caption:
        """Cells coloured by the mean, with the mean and its standard error as numbers."""
        name, study = view.finding(self.outcome).outcome, view.study
        x, y = axes_of(study, self.x, self.y)
        mean, error = _means(study, name, x, y)
        axes = figure.subplots()
        write = form(name)
        mesh = cells(axes, x, y, mean)
        texts = [[write(float(value)) if np.isfinite(value) else "×" for value in row] for row in mean]
        write_numbers(axes, x, y, texts, mesh)
        bar = colour_bar(figure, axes, mesh, f"mean of {label(name)}")
        value_axis(bar.yaxis, name)
        i, j = (int(place) for place in np.unravel_index(np.nanargmax(mean), mean.shape))
        place = f"{short(x.name)} = {shown(x.values[j])}, {short(y.name)} = {shown(y.values[i])}"
        said = f"{title(name)} is highest, {write(float(mean[i, j]))} on average, at {place}"
        widest = float(np.nanmax(error)) if np.isfinite(error).any() else float("nan")
        note = f"Means over finished runs of each cell; standard errors are at most {write(widest)}."
        return Caption(
            said, note, f"Means run from {write(float(np.nanmin(mean)))} to {write(float(np.nanmax(mean)))}."
        )


def _means(study: Study, outcome: str, x: AxisView, y: AxisView) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(y, x) means over all runs of a cell, and their standard errors."""
    index, values = study.params.index.to_numpy(), study.values(outcome)
    mean, error = (np.full((len(y.values), len(x.values)), np.nan) for _ in range(2))
    for i, up in enumerate(y.values):
        for j, across in enumerate(x.values):
            here = (study.params[x.name] == across).to_numpy() & (study.params[y.name] == up).to_numpy()
            found = values[index[here]].ravel()
            found = found[np.isfinite(found)]
            if found.size:
                mean[i, j] = found.mean()
            if found.size > 1:
                error[i, j] = found.std(ddof=1) / np.sqrt(found.size)
    return mean, error
