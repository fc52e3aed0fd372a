"""Stacked attribution of the price move by motive."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from experiments.plots import style
from experiments.plots.base import Caption, Plot
from experiments.plots.run_view import RunView
from experiments.plots.sources import Attribution, attribution
from experiments.wording import percent, points, signed
from sim.causes import DECAYS, LASTS
from sim.fields import AssetName
from sim.flows import Motive
from sim.registry import component

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NOUNS = {
    Motive.LIQUIDITY: "Changes of depth",
    Motive.NOISE: "Noise traders",
    Motive.MOMENTUM: "Momentum traders",
    Motive.MARKET_MAKING: "Market makers",
    Motive.LIQUIDATION: "Liquidations",
    Motive.RUN: "Runs",
    Motive.ATTACK: "Attacks",
    Motive.FUNDAMENTAL: "Fundamentals",
    Motive.SHOCK: "Shocks",
}
"""How a title names a motive where its own name does not do."""
VISIBLE = 0.0005
"""A part of the fall below this share of the price is not worth a title."""
SLIVER = 0.01
"""Sources that never reach this share of the largest one are drawn together as "other"."""
MOST_POINTS = 300
MOST_RUNS = 100
"""Runs whose flows are read for the spread of the title's number."""


@component("plot", "attribution")
class AttributionPlot(Plot):
    """Where the price move came from: stacked parts by motive.

    Settings
    --------
    asset: which asset; the one that fell most if none is named.
    """

    size = (7.6, 6.6)
    margins = (1.0, 1.8, 0.72)
    asset: AssetName | None = None

    def missing(self, run: RunView) -> str:
        """Why this folder cannot be drawn."""
        if not run.assets:
            return "no asset has a price: the metric that writes price.ASSET did not run"
        asset = run.asset(self.asset)
        if asset not in run.world["reference"]:
            return f"{asset} trades on no venue of this run, so its price is exogenous"
        if not len(run.flows):
            return f"the price of {asset} never moved"
        return ""

    def draw(self, run: RunView, figure: "Figure") -> Caption:
        """What stands of each push above, what each pushed below; both stacks sum to the same line.

        Without recovery the two are the same, and only one is drawn.
        """
        asset = run.asset(self.asset)
        parts = attribution(run.flows, asset, run.world["reference"][asset], run.ticks)
        rows = [(parts.net, "Still in the price: each push fades as the market recovers")]
        if any(motive in DECAYS for motive in parts.motives):
            rows.append((parts.gross, "Pushed so far: in full, with recovery as a source of its own"))
        figure.set_size_inches(self.size[0], self.size[1] - 2.2 * (2 - len(rows)))
        panels = figure.subplots(len(rows), 1, sharex=True, squeeze=False, gridspec_kw={"hspace": 0.2})[:, 0]
        shown = np.union1d(style.thin(parts.move, MOST_POINTS), parts.window)
        for axes, (values, name) in zip(panels, rows, strict=True):
            _panel(axes, parts, values, shown, run.dt)
            if len(rows) > 1:
                axes.set_title(name, loc="left", size=style.TEXT_SIZE, color=style.INK, pad=4)
        style.time_axis(panels[-1], run.start)
        subject = main_source(parts)
        return Caption(headline(parts, subject), _note(run, parts, subject), _alt(parts))


def main_source(parts: Attribution) -> Motive:
    """The source the title is about: liquidations where they count, else the largest part that orders made."""
    if abs(parts.points(Motive.LIQUIDATION)) >= VISIBLE:
        return Motive.LIQUIDATION
    ordered = [motive for motive in parts.motives if motive not in (*DECAYS, *LASTS)]
    return max(ordered, key=lambda motive: abs(parts.points(motive)), default=Motive.FUNDAMENTAL)


def headline(parts: Attribution, subject: Motive) -> str:
    """The title: what a source did to the largest fall from a high."""
    part, fall = parts.points(subject), f"{percent(parts.fall)} fall of {parts.asset}"
    if parts.fall < VISIBLE:
        return f"{parts.asset} never fell and ended {percent(float(np.expm1(parts.move[-1])))} up"
    if abs(part) < VISIBLE or subject in LASTS:
        return f"All of the {fall} came from outside the model's markets"
    if part > 0:
        return f"{noun(subject)} added {points(part)} to a {fall}"
    return f"{noun(subject)} took {points(part)} off a {fall}"


def noun(motive: Motive) -> str:
    """A motive as the subject of a sentence."""
    return NOUNS.get(motive, motive.name.replace("_", " ").capitalize())


def _note(run: RunView, parts: Attribution, subject: Motive) -> str:
    replications = run.finished["replication"].to_numpy()[:MOST_RUNS]
    values = np.empty(0)
    if replications.size > 1:
        others = [attribution(run.folder.flows(int(r)), parts.asset, parts.venue, run.ticks) for r in replications]
        values = np.array([other.points(subject) for other in others])
    spread = run.across(f"{noun(subject).lower()}' part", values, lambda value: f"{100 * value:.1f} points")
    return (
        "The coloured parts sum to the line, the whole move since the opening. A source's points are its share of the "
        f"log move from the high to the low, times the fall. {spread}"
    ).strip()


def _alt(parts: Attribution) -> str:
    added = dict(zip(parts.motives, parts.between(parts.net), strict=True))
    ranked = sorted(added, key=lambda motive: -abs(added[motive]))[:5]
    listed = ", ".join(f"{label(motive)} {signed(100 * added[motive])}" for motive in ranked)
    return f"Parts of the log move from the high to the low, in log points: {listed}."


def label(motive: Motive) -> str:
    """A motive in a legend."""
    return motive.name.replace("_", " ").lower()


def _panel(axes: "Axes", parts: Attribution, values: NDArray[np.float64], shown: NDArray[np.int64], dt: float) -> None:
    x = np.concatenate([[0.0], style.hours(shown, dt)])
    up, down = np.zeros(x.size), np.zeros(x.size)
    handles = []
    for name, colour, series in _layers(parts, values):
        heights = 100 * np.concatenate([[0.0], series[shown]])
        for base, part in ((up, np.maximum(heights, 0.0)), (down, np.minimum(heights, 0.0))):
            if part.any():
                near = np.convolve(part != 0.0, [True, True, True], mode="same") > 0
                axes.fill_between(x, base, base + part, where=near, color=colour, linewidth=0)
                base += part
        handles.append((name, colour, 100 * float(parts.between(series))))
    axes.plot(x, 100 * np.concatenate([[0.0], parts.move[shown]]), color=style.INK, linewidth=1.3)
    axes.axhline(0.0, color=style.GREY, linewidth=0.8)
    style.headroom(axes, 0.07)
    for tick, name in zip(parts.window, ("high", "low"), strict=True):
        style.mark(axes, float(style.hours([tick], dt)[0]), name)
    axes.set_xlim(0, float(x[-1]))
    axes.set_ylabel(f"change of {parts.asset} log price\n(log points, 100 × ln)")
    _legend(axes, handles, 100 * float(parts.between(parts.move)))


def _layers(parts: Attribution, values: NDArray[np.float64]) -> list[tuple[str, str, NDArray[np.float64]]]:
    """Name, colour and series of what is stacked, largest first from the zero line; slivers as one layer."""
    reach = np.abs(values).max(axis=0)
    small = reach < SLIVER * reach.max()
    order = [i for i in np.argsort(-reach, kind="stable") if not small[i]]
    layers = [(label(parts.motives[i]), style.MOTIVES[parts.motives[i]], values[:, i]) for i in order]
    other = values[:, small].sum(axis=1)
    return [*layers, ("other", style.GRID, other)] if other.any() else layers


def _legend(axes: "Axes", handles: list[tuple[str, str, float]], whole: float) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    lines = [Line2D([], [], color=style.INK, linewidth=1.3, label=f"whole move {signed(whole)}")]
    patches = [Patch(color=colour, label=f"{name} {signed(value)}") for name, colour, value in handles]
    axes.legend(
        handles=[*lines, *patches],
        title="log points, high to low",
        loc="upper left",
        bbox_to_anchor=(1.01, 1.03),
        borderaxespad=0,
        alignment="left",
        handlelength=1.1,
        labelspacing=0.35,
        title_fontsize=8.5,
    )
