"""The house style: one palette, one frame with title, note and footer, shared axes.

Colours are from Okabe and Ito's palette for colour-blind readers, extended by four of Paul Tol's; a motive has the same
colour in every picture. matplotlib is imported where it is used, so that listing plots stays fast.
"""

import re
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from experiments.wording import usd
from sim.flows import Motive

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, GRID, PAPER = "#1c1d20", "#63656b", "#dfe0e4", "#ffffff"
"""Text and lines, secondary text, grid, background. Used for nothing else, so that a page can recolour them."""

BLUE, SKY, GREEN, YELLOW = "#0072b2", "#56b4e9", "#009e73", "#f0e442"
ORANGE, VERMILLION, PURPLE, GREY = "#e69f00", "#d55e00", "#cc79a7", "#8a8c92"

MOTIVES: dict[Motive, str] = {
    Motive.FUNDAMENTAL: "#a3a5aa",
    Motive.SHOCK: "#74767c",
    Motive.RECOVERY: "#d3c9b4",
    Motive.LIQUIDITY: "#b7a98a",
    Motive.NOISE: SKY,
    Motive.MOMENTUM: ORANGE,
    Motive.REBALANCING: GREEN,
    Motive.HEDGING: "#44aa99",
    Motive.ARBITRAGE: BLUE,
    Motive.MARKET_MAKING: "#8f7fd1",
    Motive.DELEVERAGING: YELLOW,
    Motive.LIQUIDATION: VERMILLION,
    Motive.RUN: PURPLE,
    Motive.GOVERNANCE: "#999933",
    Motive.ATTACK: "#aa4466",
    Motive.SETUP: "#ddcc77",
    Motive.INDEX: "#8c8e94",
    Motive.CARRY: "#117733",
    Motive.UNWIND: "#882255",
}

TITLE_SIZE, NOTE_SIZE, TEXT_SIZE, FOOTER_SIZE = 12.0, 9.0, 9.0, 7.5
MARK_SIZE = 8.0
LINE = 1.32
"""Line height over font size."""
_RC: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": TEXT_SIZE,
    "text.color": INK,
    "text.parse_math": False,
    "axes.labelcolor": MUTED,
    "axes.labelsize": TEXT_SIZE,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.xmargin": 0.01,
    "axes.formatter.useoffset": False,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.5,
    "lines.solid_capstyle": "round",
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "savefig.dpi": 160,
    "svg.fonttype": "none",
}


@contextmanager
def house(salt: str) -> Iterator[None]:
    """Draw and save under the house style; `salt` fixes the ids inside an SVG."""
    from matplotlib import rc_context

    settings: Any = _RC | {"svg.hashsalt": salt}
    with rc_context(settings):
        yield


def figure(size: tuple[float, float]) -> "Figure":
    """An empty figure of a size in inches, on no screen."""
    from matplotlib.figure import Figure

    return Figure(figsize=size)


Margins = tuple[float, float, float]
"""Room left, right and below the axes, in inches."""
HEAD, FOOT = 0.85, 0.22
"""Inches that title and note, and the footer, take in a figure of the size its plot asks for."""


def frame(figure: "Figure", title: str, note: str, footer: str, margins: Margins) -> None:
    """Write title and note above, the footer below, and make room for all three."""
    width, height = figure.get_size_inches()
    x, y = 0.14, height - 0.12
    for text, size, weight, colour in ((title, TITLE_SIZE, "bold", INK), (note, NOTE_SIZE, "normal", MUTED)):
        for line in _wrapped(text, size, weight, width - 2 * x):
            figure.text(x / width, y / height, line, size=size, weight=weight, color=colour, va="top", ha="left")
            y -= size * LINE / 72
        y -= 0.03
    figure.text(x / width, 0.09 / height, footer, size=FOOTER_SIZE, color=MUTED, va="bottom", ha="left")
    _fit(figure, height - y + 0.12, margins)


def trim(figure: "Figure", margins: Margins) -> None:
    """Shrink a figure to its axes: title, note and footer stand elsewhere."""
    width, height = figure.get_size_inches()
    left, right, below = margins
    figure.set_size_inches(width, height - HEAD - FOOT)
    _fit(figure, 0.1, (left, right, max(below - FOOT, 0.05)))


def _fit(figure: "Figure", head: float, margins: Margins) -> None:
    width, height = figure.get_size_inches()
    left, right, below = margins
    lines = max((title.count("\n") + 1 for title in _titles(figure) if title), default=0)
    top = (height - head - lines * 0.17) / height
    figure.subplots_adjust(left=left / width, right=1 - right / width, bottom=below / height, top=top)
    figure.align_ylabels()


def _titles(figure: "Figure") -> list[str]:
    """Titles of the panels in the top row."""
    places: tuple[Literal["left", "center", "right"], ...] = ("left", "center", "right")
    rows = [(axes, axes.get_subplotspec()) for axes in figure.axes]
    return [axes.get_title(place) for axes, spec in rows if spec is None or spec.is_first_row() for place in places]


def _wrapped(text: str, size: float, weight: str, inches: float) -> list[str]:
    """As few lines as fit, of about equal length: letters of DejaVu Sans average 0.52 em, 0.59 em in bold."""
    em = (0.59 if weight == "bold" else 0.52) * size / 72
    most = max(20, int(inches / em))
    lines = textwrap.wrap(text, most)
    while most > 20 and len(textwrap.wrap(text, most - 1)) == len(lines):
        most -= 1
        lines = textwrap.wrap(text, most)
    return lines


def rounded(svg: bytes) -> bytes:
    """An SVG with coordinates cut to a hundredth of a point: half the size, the same picture, the same words."""
    places = rb'\b(?:d|x|y|transform)="[^"]*"'
    return re.sub(places, lambda found: re.sub(rb"(\.\d\d)\d+", rb"\1", found[0]), svg)


def hours(ticks: Sequence[int] | NDArray[Any], dt: float) -> NDArray[np.float64]:
    """Ends of ticks in hours since the start of the run; `dt` in seconds."""
    return (np.asarray(ticks, dtype=float) + 1.0) * dt / 3600.0


def time_axis(axes: "Axes", start: str) -> None:
    """Label an x axis of hours, with ticks at round parts of a day or, where it is short, of an hour."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

    low, high = axes.get_xlim()
    unit, steps = ("hours", (1, 2, 3, 6, 12, 24, 48)) if high - low > 2.0 else ("minutes", (1, 2, 5, 10, 15, 20, 30))
    scale = 1.0 if unit == "hours" else 60.0
    step = next((step / scale for step in steps if 4 <= (high - low) * scale / step <= 9), 0)
    axes.xaxis.set_major_locator(MultipleLocator(step) if step else MaxNLocator(8))
    if unit == "minutes":
        axes.xaxis.set_major_formatter(FuncFormatter(lambda hours, _: f"{hours * scale:g}"))
    axes.set_xlabel(f"{unit} since {start}")


def mark(axes: "Axes", hour: float, name: str, line: int = 0) -> None:
    """A dotted vertical line with its name at the top, to the right of it, `line` lines of text down."""
    axes.axvline(hour, color=MUTED, linewidth=0.9, linestyle=(0, (1, 2)))
    axes.annotate(
        name,
        (hour, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(3, -line * MARK_SIZE * LINE),
        textcoords="offset points",
        va="top",
        size=MARK_SIZE,
        color=MUTED,
    )


def lines(hours: Sequence[float], names: Sequence[str], span: float, inches: float) -> list[int]:
    """For each of some marks the first line of text on which its name meets no other one.

    span, inches: length of the axis, in hours and on paper.
    """
    letter = 0.56 * MARK_SIZE / 72 / inches * span
    ends: list[float] = []
    found = []
    for hour, name in sorted(zip(hours, names, strict=True)):
        line = next((i for i, end in enumerate(ends) if end <= hour), len(ends))
        ends[line:] = [hour + (len(name) + 2) * letter, *ends[line + 1 :]]
        found.append((hour, name, line))
    place = {(hour, name): line for hour, name, line in found}
    return [place[hour, name] for hour, name in zip(hours, names, strict=True)]


def headroom(axes: "Axes", share: float) -> None:
    """Raise the top of the y axis by a share of its height, so that words fit above the data."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + share * (high - low))


def usd_axis(axis: Any) -> None:
    """Dollar tick labels: $2,000, $1.5M."""
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"${value:,.0f}" if 1000 <= value < 1e5 else usd(value)))


def bars(axes: "Axes", edges: NDArray[Any], heights: NDArray[Any], colour: str, **more: Any) -> None:
    """Filled steps between bin edges: one path, however many bins."""
    axes.stairs(heights, edges, fill=True, color=colour, linewidth=0, **more)
    axes.set_ylim(0, max(float(np.max(heights, initial=0.0)) * 1.12, 1e-9))


def end_labels(axes: "Axes", labels: list[tuple[float, str, str]], gap: float = 0.065) -> None:
    """Names of lines at their right ends, kept apart: (y in data, text, colour); `gap` in shares of the height."""
    low, high = axes.get_ylim()
    places = [(y - low) / (high - low) for y, _, _ in labels]
    for place, (_, text, colour) in zip(spread(places, gap), labels, strict=True):
        axes.annotate(
            text,
            (1.0, place),
            xycoords="axes fraction",
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            size=8.5,
            annotation_clip=False,
        )


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Move points as little as needed for neighbours to be `gap` apart, keeping their order, within [0, 1] if they fit.

    The mean of pushing everything up and pushing everything down; gaps survive the mean.
    """
    order = np.argsort(places, kind="stable")
    up = np.array(places, dtype=float)[order]
    down = up.copy()
    for i in range(1, up.size):
        up[i] = max(up[i], up[i - 1] + gap)
        down[-1 - i] = min(down[-1 - i], down[-i] - gap)
    moved = (up + down) / 2
    for i in range(moved.size):
        moved[i] = max(moved[i], i * gap)
    for i in range(moved.size):
        moved[-1 - i] = min(moved[-1 - i], 1.0 - i * gap)
    result = np.empty_like(moved)
    result[order] = moved
    return [float(place) for place in result]


def thin(values: NDArray[Any], most: int = 600) -> NDArray[np.int64]:
    """Indices that keep the look of a line: first, last, and the lowest and highest point of each of most/2 bins."""
    if values.size <= most:
        return np.arange(values.size)
    cuts = np.linspace(0, values.size, most // 2 + 1).astype(int)
    kept = {0, values.size - 1}
    for lo, hi in pairwise(cuts.tolist()):
        kept |= {lo + int(np.argmin(values[lo:hi])), lo + int(np.argmax(values[lo:hi]))}
    return np.array(sorted(kept))
