"""Whose portfolios the followers of a rule share."""

from typing import TYPE_CHECKING

import numpy as np

from experiments.comparison.arena import ADOPTERS, Arena, Array
from experiments.plots import style
from experiments.plots.base import Caption
from experiments.plots.comparisons.base import ComparisonPlot, ComparisonView, named
from experiments.plots.sweeps.maps import COLOURS, colour_bar
from sim.registry import component

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PREFIX = "held."
ALL = "all_others"
LITTLE = 0.01


@component("plot", "holdings_overlap")
class HoldingsOverlapPlot(ComparisonPlot):
    """Cosine between what followers hold and what each other population holds, money left out."""

    size = (9.6, 8.0)
    margins = (1.7, 0.95, 1.15)

    def missing(self, view: ComparisonView) -> str:
        """Why this comparison cannot be drawn."""
        return "" if assets(view.arena) else "no run has outcomes held.POPULATION.ASSET"

    def draw(self, view: ComparisonView, figure: "Figure") -> Caption:
        """Cells with the mean over markets and seeds."""
        arena, rules = view.arena, view.ranked
        groups = {ALL: arena.bystanders} | {name: [name] for name in _owners(arena)}
        mine = holdings(arena, arena.named(ADOPTERS))[:, :, -1]
        order = [arena.rules.index(rule) for rule in rules]
        values = [cosine(mine, holdings(arena, names)[:, :, -1])[order].mean(axis=1) for names in groups.values()]
        table = np.stack(values, axis=1)
        known = np.isfinite(table).sum(axis=2)
        mean = np.where(known > 0, np.nansum(table, axis=2) / known.clip(1), np.nan)
        spread = np.nansum((table - mean[..., None]) ** 2, axis=2) / (known - 1).clip(1)
        error = np.sqrt(spread / known.clip(1))
        axes = figure.subplots()
        mesh = axes.pcolormesh(np.ma.masked_invalid(mean), cmap=COLOURS, vmin=0.0, vmax=1.0, edgecolors=style.PAPER)
        axes.set_facecolor(style.GRID)
        axes.grid(False)
        axes.set_yticks(np.arange(len(rules)) + 0.5, [named(rule) for rule in rules])
        axes.set_xticks(np.arange(len(groups)) + 0.5, [named(name).replace(" ", "\n") for name in groups])
        axes.set_ylabel("followers of the rule, the largest footprint on top")
        axes.set_xlabel("whose holdings they share")
        for i, j in np.ndindex(mean.shape):
            text = f"{mean[i, j]:.2f}" if known[i, j] else "×"
            colour = style.PAPER if mean[i, j] > 0.6 else style.INK
            axes.text(j + 0.5, i + 0.5, text, ha="center", va="center", size=7.5, color=colour)
        colour_bar(figure, axes, mesh, "cosine of holdings (1: same mix, 0: nothing in common)")
        return _caption(view, mean[:, 0], error[:, 0], float(error.max()))


def _caption(view: ComparisonView, mean: Array, error: Array, most: float) -> Caption:
    near, far = int(np.nanargmax(mean)), int(np.nanargmin(mean))
    title = (
        f"{named(view.ranked[near]).capitalize()} holds most nearly what everybody else holds, cosine {mean[near]:.2f} "
        f"± {2 * error[near]:.2f}; {named(view.ranked[far])} the least, {mean[far]:.2f} ± {2 * error[far]:.2f}"
    )
    note = (
        f"Mean holdings over the run at {view.top} adoption, claims opened into assets, money left out; mean over "
        f"markets and {view.seeds}, two standard errors are {2 * most:.2g} or less. "
        "Populations with little to fall are left out."
    )
    rows = "; ".join(f"{named(rule)} {value:.2f}" for rule, value in zip(view.ranked, mean, strict=True))
    return Caption(title, note, f"Cosine with everybody else together: {rows}.")


def _owners(arena: Arena) -> list[str]:
    """Populations that hold a hundredth or more of what bystanders hold."""
    usd = {name: float(np.nansum(holdings(arena, [name]))) for name in arena.bystanders}
    return [name for name, mine in usd.items() if mine > LITTLE * sum(usd.values())]


def assets(arena: Arena) -> list[str]:
    """Assets that populations hold and that can fall."""
    held = {str(name).split(".")[2] for name in arena.study.outcomes if str(name).startswith(_PREFIX)}
    return sorted(asset for asset in held if f"drawdown.{asset}" in arena.study.outcomes)


def holdings(arena: Arena, names: list[str]) -> Array:
    """(assets, rules, shares, markets, seeds) USD that some populations hold together."""
    return np.array([arena.total([f"{_PREFIX}{name}.{asset}" for name in names]) for asset in assets(arena)])


def cosine(a: Array, b: Array) -> Array:
    """Cosine along the first axis; NaN where one of them holds nothing."""
    norm = np.sqrt((a * a).sum(axis=0) * (b * b).sum(axis=0))
    return np.asarray(np.divide((a * b).sum(axis=0), norm, out=np.full(norm.shape, np.nan), where=norm > 0.0))
