"""The exposure network at a few ticks, on one layout and one scale."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from experiments.plots import style
from experiments.plots.base import Caption, Plot
from experiments.plots.exposures import BEND, Exposures, anchor, exposures, name_direction
from experiments.plots.run_view import RunView
from experiments.wording import count, percent, usd
from sim.fields import When
from sim.registry import component

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINKS = {"claim": style.BLUE, "debt": style.ORANGE}
NODES = {True: "#5b6b7a", False: style.SKY}
"""Colours of protocols and of everybody else."""
LARGEST_NODE, SMALLEST_NODE = 0.2, 0.045
"""Radii in units of the outer ring."""
WIDEST = 0.13
"""Width of the largest link, in units of the outer ring."""
LETTER = 0.056
"""Inches that a letter of a name takes."""
TOP, BOTTOM = 1.55, -1.4
"""Upper and lower end of a panel, in units of the outer ring."""


@component("plot", "network")
class NetworkPlot(Plot):
    """The exposure network at a few moments: who holds whose claims.

    Settings
    --------
    at: ticks; the sampled networks nearest to them are drawn. Without any: the first, the one at the lowest price of
    the asset that fell most, and the last.
    """

    size = (7.6, 3.5)
    margins = (0.1, 0.1, 0.3)
    at: tuple[When, ...] = ()

    def missing(self, run: RunView) -> str:
        """Why this folder cannot be drawn."""
        if not len(run.edges):
            return "no exposure network was sampled: record.networks names no tick at which anybody held a claim"
        return ""

    def draw(self, run: RunView, figure: "Figure") -> Caption:
        """One panel per moment."""
        network = exposures(run)
        assert network is not None
        samples = moments(run, network, self.at)
        inches = (self.size[0] - self.margins[0] - self.margins[1]) / len(samples)
        reach = _reach(network, inches)
        figure.set_size_inches(self.size[0], style.HEAD + 0.85 + (TOP - BOTTOM) * inches / (2 * reach))
        panels = figure.subplots(1, len(samples), squeeze=False, gridspec_kw={"wspace": 0.0})[0]
        for axes, sample in zip(panels, samples, strict=True):
            _panel(axes, network, sample, 72 * inches / (2 * reach))
            axes.set_xlim(-reach, reach)
            _moment(axes, run, network, sample)
        first, last = samples[0], samples[-1]
        return Caption(headline(network, first, last), _note(network), _alt(network, samples))


def moments(run: RunView, network: Exposures, at: tuple[int, ...]) -> list[int]:
    """Which samples are drawn, in order of time."""
    wanted = [int(tick) for tick in at]
    if not wanted:
        wanted = [int(network.ticks[0]), int(network.ticks[-1])]
        if run.assets:
            prices = run.series(f"price.{run.asset(None)}")
            sampled = np.isin(run.steps["tick"].to_numpy(), network.ticks)
            lowest = np.argmin(np.where(sampled, prices, np.inf))
            wanted.append(int(run.steps["tick"][lowest]))
    return sorted({int(np.argmin(np.abs(network.ticks - tick))) for tick in wanted})


def headline(network: Exposures, first: int, last: int) -> str:
    """The title: how far claims shrank or grew between two samples."""
    before, after = float(network.total[first]), float(network.total[last])
    if first == last or not before:
        return f"{usd(after)} of claims and debts tie agents and protocols together"
    change = after / before - 1.0
    verb = "shrank" if change < 0 else "grew"
    return f"Claims and debts {verb} by {percent(abs(change), 0)}, from {usd(before)} to {usd(after)}"


def _note(network: Exposures) -> str:
    small = f" {count(network.hidden, 'link')} under 0.1% of the largest left out." if network.hidden else ""
    return (
        "Blue: a claim, from its holder to the protocol that owes it. Orange: a debt, from the lender to the debtor. "
        f"Width: USD. Area of a node: the larger of what it is owed and what it owes, in USD.{small}"
    )


def _alt(network: Exposures, samples: list[int]) -> str:
    last = samples[-1]
    ranked = np.argsort(-network.usd[last], kind="stable")[:5]
    words = []
    for column in ranked:
        link = network.links[column]
        words.append(
            f"{network.nodes[link.holder]} to {network.nodes[link.issuer]} {link.kind} {usd(network.usd[last, column])}"
        )
    return f"Largest links at tick {network.ticks[last]}: {'; '.join(words)}."


def radii(network: Exposures, sample: int) -> NDArray[np.float64]:
    """(nodes,) radii, area proportional to USD, on one scale for all samples."""
    largest = float(network.sizes.max())
    return np.maximum(LARGEST_NODE * np.sqrt(network.sizes[sample] / largest), SMALLEST_NODE)


def _reach(network: Exposures, inches: float) -> float:
    """Half width of a panel in units of the outer ring, so that names beside it fit into a panel of so many inches."""
    reach = 1.3
    for i, name in enumerate(network.nodes):
        across, _ = anchor(name_direction(network, i))
        letters = max(map(len, _words(name))) * (0.5 if across == 0 else 1.0)
        room = 1.0 - min(2.0 * LETTER * letters / inches, 0.8)
        reach = max(reach, (abs(float(network.places[i, 0])) + 0.3) / room)
    return reach


def _words(name: str) -> list[str]:
    return name.replace(".", "_").split("_")


def _panel(axes: "Axes", network: Exposures, sample: int, points: float) -> None:
    """One network; points: length of a unit of the drawing."""
    from matplotlib.patches import Circle, FancyArrowPatch

    size = radii(network, sample)
    places = dict(zip(network.nodes, network.places, strict=True))
    radius = dict(zip(network.nodes, size, strict=True))
    for holder, issuer, kind, amount in network.graph(sample).edges(keys=True, data="usd"):
        width = 0.6 + WIDEST * points * amount / float(network.usd.max())
        arrow = FancyArrowPatch(
            places[holder],
            places[issuer],
            connectionstyle=f"arc3,rad={BEND}",
            arrowstyle="-|>",
            mutation_scale=6.0 + width,
            shrinkA=radius[holder] * points,
            shrinkB=radius[issuer] * points + width / 2,
            linewidth=width,
            color=LINKS[kind],
            joinstyle="miter",
            capstyle="butt",
        )
        axes.add_patch(arrow)
    for i, name in enumerate(network.nodes):
        colour = NODES[bool(network.protocol[i])]
        axes.add_patch(Circle(places[name], size[i], facecolor=colour, edgecolor=style.PAPER, linewidth=0.8, zorder=3))
        _name(axes, name, network.places[i], float(size[i]), name_direction(network, i), bool(network.protocol[i]))
    axes.set_ylim(BOTTOM, TOP)
    axes.set_aspect("equal")
    axes.set_anchor("N")
    axes.axis("off")


def _name(
    axes: "Axes", name: str, place: NDArray[np.float64], radius: float, direction: NDArray[np.float64], bold: bool
) -> None:
    at = place + direction * (radius + 0.06)
    across, up = anchor(direction)
    axes.text(
        float(at[0]),
        float(at[1]),
        "\n".join(_words(name)),
        ha=("right", "center", "left")[across + 1],
        va=("top", "center", "bottom")[up + 1],
        size=7.5,
        weight="bold" if bold else "normal",
        color=style.INK,
        linespacing=0.95,
        bbox={"facecolor": style.PAPER, "alpha": 0.8, "linewidth": 0, "pad": 0.6},
        zorder=4,
    )


def _moment(axes: "Axes", run: RunView, network: Exposures, sample: int) -> None:
    tick = int(network.ticks[sample])
    hour = float(style.hours([tick], run.dt)[0])
    after = f"{hour:.1f} h" if run.ticks * run.dt > 7200.0 else f"{60.0 * hour:.0f} min"
    axes.set_title(
        f"tick {tick:,} ({after})\n{usd(float(network.total[sample]))} in all",
        size=style.TEXT_SIZE,
        color=style.INK,
        pad=2,
    )
