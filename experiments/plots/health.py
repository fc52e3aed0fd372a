"""Health factors of borrowers before and after the run."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from experiments.plots import style
from experiments.plots.base import Caption, Plot
from experiments.plots.run_view import RunView
from experiments.wording import count
from sim.registry import component

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TOP, STEP = 3.0, 0.05
"""End of the axis; accounts above it are counted in words. Width of a bin; 1 is an edge."""
_OPEN, _CLOSE = ".opening_health", ".closing_health"


@dataclass(frozen=True)
class Healths:
    """Health factors of the accounts of one protocol that owed something, at both ends of a run."""

    protocol: str
    before: NDArray[np.float64]
    after: NDArray[np.float64]
    gone: int
    """Accounts that owed something at the opening and nothing at the end."""

    @property
    def below(self) -> float:
        """Share of closing debtors below 1."""
        return float(np.mean(self.after < 1.0)) if self.after.size else 0.0


@component("plot", "health")
class HealthPlot(Plot):
    """Distribution of health factors before and after, with the liquidation line."""

    size = (7.6, 4.4)

    def missing(self, run: RunView) -> str:
        """Why this folder cannot be drawn."""
        if not any(column.endswith(_OPEN) for column in run.accounts):
            return "no protocol of this run lends, so no account has a health factor"
        return "" if healths(run) else "no account owed anything at either end of the run"

    def draw(self, run: RunView, figure: "Figure") -> Caption:
        """One panel per lending protocol: filled before, outlined after."""
        found = healths(run)
        width, height = self.size
        figure.set_size_inches(width, height + 2.2 * (len(found) - 1))
        panels = figure.subplots(len(found), 1, sharex=True, squeeze=False, gridspec_kw={"hspace": 0.3})[:, 0]
        for axes, health in zip(panels, found, strict=True):
            _panel(axes, health)
            if len(found) > 1:
                axes.set_title(health.protocol, loc="left", size=style.TEXT_SIZE, pad=4)
        panels[-1].set_xlabel("health factor (collateral × liquidation threshold ÷ debt)")
        _ticks(panels[-1])
        note = "Accounts that owe something at each end of the run. " + " ".join(_words(health) for health in found)
        return Caption(headline(found), note, _alt(found))


def healths(run: RunView) -> list[Healths]:
    """Health factors by protocol, for those where anybody owed anything."""
    accounts, found = run.accounts, []
    for column in accounts:
        if not column.endswith(_OPEN):
            continue
        protocol = column[: -len(_OPEN)]
        before = accounts[column].to_numpy(dtype=float)
        after = accounts[f"{protocol}{_CLOSE}"].to_numpy(dtype=float)
        owed, owes = np.isfinite(before), np.isfinite(after)
        if owed.any() or owes.any():
            found.append(Healths(protocol, before[owed], after[owes], int(np.count_nonzero(owed & ~owes))))
    return found


def headline(found: list[Healths]) -> str:
    """The title, for all protocols together."""
    before = np.concatenate([health.before for health in found])
    after = np.concatenate([health.after for health in found])
    gone, below = sum(health.gone for health in found), int(np.count_nonzero(after < 1.0))
    if not after.size:
        return f"All {count(before.size, 'borrower')} ended without debt"
    if gone:
        ended = f"{below:,} below a health factor of 1" if below else "none below a health factor of 1"
        return f"{gone:,} of {count(before.size, 'borrower')} ended without debt, {ended}"
    if below or not before.size:
        return f"{below:,} of {count(after.size, 'borrower')} ended below a health factor of 1"
    medians = f"{np.median(before):.2f} to {np.median(after):.2f}"
    return f"No borrower ended below a health factor of 1; the median went from {medians}"


def _words(health: Healths) -> str:
    medians = [f"{np.median(values):.2f}" if values.size else "none" for values in (health.before, health.after)]
    return f"{health.protocol}: median {medians[0]} before, {medians[1]} after."


def _alt(found: list[Healths]) -> str:
    quartiles = []
    for health in found:
        for name, values in (("before", health.before), ("after", health.after)):
            if values.size:
                low, mid, high = np.quantile(values, [0.25, 0.5, 0.75])
                quartiles.append(f"{health.protocol} {name}: quartiles {low:.2f}, {mid:.2f}, {high:.2f}")
    return "; ".join(quartiles) + "."


def _panel(axes: "Axes", health: Healths) -> None:
    floor = _floor(health)
    edges = np.linspace(floor, TOP, round((TOP - floor) / STEP) + 1)
    axes.axvspan(edges[0], 1.0, color=style.VERMILLION, alpha=0.08, linewidth=0)
    looks: tuple[dict[str, Any], ...] = (
        {"fill": True, "color": style.SKY, "alpha": 0.65, "linewidth": 0},
        {"color": style.INK, "linewidth": 1.4},
    )
    for values, name, look in zip((health.before, health.after), ("before", "after"), looks, strict=True):
        if values.size:
            heights = np.histogram(values, edges)[0]
            above = np.count_nonzero(values > TOP)
            axes.stairs(heights, edges, label=f"{name}: {values.size:,}, of them {above:,} above {TOP:.0f}", **look)
    axes.axvline(1.0, color=style.VERMILLION, linewidth=1.4)
    axes.annotate(
        "liquidated below 1",
        (1.0, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(4, -3),
        textcoords="offset points",
        va="top",
        size=8.5,
        color=style.VERMILLION,
    )
    axes.set_ylabel(f"accounts per {STEP:g} of health factor")
    axes.set_xlim(edges[0], edges[-1])
    style.headroom(axes, 0.12)
    axes.legend(loc="upper right")


def _floor(health: Healths) -> float:
    """Lower end of the axis: 0.8, or lower where accounts are; a multiple of 0.2."""
    lowest = min(values.min() for values in (health.before, health.after) if values.size)
    return float(np.clip(np.floor(lowest * 5) / 5, 0.0, 0.8))


def _ticks(axes: "Axes") -> None:
    low, _ = axes.get_xlim()
    places = np.arange(np.ceil(low * 5) / 5, TOP + 0.01, 0.2)
    axes.set_xticks(places)
