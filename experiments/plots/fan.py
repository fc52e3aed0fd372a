"""Fan chart: how the price and liquidations spread over replications."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from experiments.plots import style
from experiments.plots.base import Caption, Plot
from experiments.plots.run_view import FEW, MANY, RunView, spread
from experiments.wording import price, signed
from sim.fields import AssetName
from sim.registry import component

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_POINTS = 300


@component("plot", "fan")
class FanPlot(Plot):
    """Price and liquidated value over replications: median, bands, one run.

    Settings
    --------
    asset: which asset; the one that fell most if none is named.
    """

    size = (7.6, 5.6)
    margins = (1.0, 0.85, 0.72)
    asset: AssetName | None = None

    def missing(self, run: RunView) -> str:
        """Why this folder cannot be drawn."""
        return "" if run.assets else "no asset has a price: the metric that writes price.ASSET did not run"

    def draw(self, run: RunView, figure: "Figure") -> Caption:
        """Price above, liquidated value so far below."""
        asset = run.asset(self.asset)
        ticks, prices = paths(run, f"price.{asset}")
        _, liquidated = paths(run, "liquidated_usd")
        x = style.hours(ticks, run.dt)
        kept = np.unique(np.linspace(0, x.size - 1, min(x.size, MOST_POINTS)).astype(int))
        panels = figure.subplots(2, 1, sharex=True, height_ratios=[1.5, 1], gridspec_kw={"hspace": 0.16})
        shown = int(np.flatnonzero(run.finished["replication"].to_numpy() == run.replication)[0])
        for axes, series, colour, name, gap in (
            (panels[0], prices, style.BLUE, f"{asset} price (USD)", 0.065),
            (panels[1], np.cumsum(liquidated, axis=1), style.VERMILLION, "liquidated so far\n(USD)", 0.1),
        ):
            _fan(axes, x[kept], series[:, kept], shown, colour, gap)
            axes.set_ylabel(name)
            style.usd_axis(axes.yaxis)
        panels[0].set_xlim(0, float(x[-1]))
        panels[1].set_ylim(bottom=0)
        style.time_axis(panels[1], run.start)
        return Caption(headline(asset, prices[:, -1], prices[:, 0]), _note(len(prices)), _alt(asset, prices[:, -1]))


def paths(run: RunView, column: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(samples,) ticks and (runs, samples) values of a column of steps, over finished runs in order of replication."""
    steps = run.folder.steps()
    steps = steps[steps["replication"].isin(run.finished["replication"])]
    if column not in steps:
        steps = steps.assign(**{column: 0.0})
    table = steps.pivot(index="replication", columns="tick", values=column)
    return table.columns.to_numpy(dtype=np.int64), table.to_numpy(dtype=float)


def headline(asset: str, ends: NDArray[np.float64], starts: NDArray[np.float64]) -> str:
    """The title: where the price ended, over all runs."""
    change = ends / starts - 1.0
    if ends.size == 1:
        return f"One run, so no spread: {asset} ended at {price(float(ends[0]))} ({signed(100 * change[0])}%)"
    if ends.size < FEW:
        low, high = price(float(ends.min())), price(float(ends.max()))
        return f"{asset} ended between {low} and {high}: {ends.size} runs, too few for bands"
    words = spread(change, lambda value: f"{signed(100 * value, 0)}%")
    return f"Change of {asset} in {ends.size} runs: {words}"


def _note(runs: int) -> str:
    if runs == 1:
        return "Bands need replications, for example --set run.replications=30."
    if runs < FEW:
        return f"Each line is a run; bands are drawn from {FEW} runs on."
    outer = "5 to 95%" if runs >= MANY else f"lowest to highest (quantiles from {MANY} runs on)"
    return f"Dark line: median. Bands: 25 to 75% and {outer} of runs at each moment. Thin line: one run."


def _alt(asset: str, ends: NDArray[np.float64]) -> str:
    if ends.size == 1:
        return "A single path of the price and of the liquidated value."
    return f"Final prices of {asset}: {spread(ends, price)}."


def _fan(
    axes: "Axes", x: NDArray[np.float64], series: NDArray[np.float64], shown: int, colour: str, gap: float
) -> None:
    if len(series) < FEW:
        for path in series:
            axes.plot(x, path, color=colour, linewidth=1.3, alpha=1.0 if len(series) == 1 else 0.75)
        return
    low, high = (0.05, 0.95) if len(series) >= MANY else (0.0, 1.0)
    bands = np.quantile(series, [low, 0.25, 0.5, 0.75, high], axis=0)
    axes.fill_between(x, bands[0], bands[4], color=colour, alpha=0.18, linewidth=0)
    axes.fill_between(x, bands[1], bands[3], color=colour, alpha=0.30, linewidth=0)
    axes.plot(x, series[shown], color=style.MUTED, linewidth=0.9)
    axes.plot(x, bands[2], color=colour, linewidth=1.8)
    style.end_labels(axes, _names(bands[:, -1], series[shown, -1], colour, len(series)), gap)


def _names(ends: NDArray[np.float64], one: float, colour: str, runs: int) -> list[tuple[float, str, str]]:
    outer = ("highest", "lowest") if runs < MANY else ("95%", "5%")
    labels = [(ends[4], outer[0]), (ends[3], "75%"), (ends[2], "median"), (ends[1], "25%"), (ends[0], outer[1])]
    return [*((y, text, colour) for y, text in labels), (one, "one run", style.MUTED)]
