"""Market price against exogenous price, with liquidations below."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from experiments.plots import style
from experiments.plots.base import Caption, Plot
from experiments.plots.run_view import RunView
from experiments.plots.timeline import bin_sums, time_bins
from experiments.wording import duration, percent, points, price, signed, usd
from sim.fields import AssetName
from sim.registry import component

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_SHOCKS = 6
"""More marks than this would hide the lines."""
WIDTH = 5.75
"""Inches of the time axis, for placing the names of shocks."""
SAME = 5e-4
"""Drawdowns that differ by less count as equal."""


@component("plot", "price")
class PricePlot(Plot):
    """Market price against the exogenous price, with liquidations.

    Settings
    --------
    asset: which asset; the one that fell most if none is named.
    """

    size = (7.6, 4.9)
    margins = (1.0, 0.85, 0.72)
    asset: AssetName | None = None

    def missing(self, run: RunView) -> str:
        """Why this folder cannot be drawn."""
        return "" if run.assets else "no asset has a price: the metric that writes price.ASSET did not run"

    def draw(self, run: RunView, figure: "Figure") -> Caption:
        """Prices above, USD liquidated per bin of time below."""
        asset = run.asset(self.asset)
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3.4, 1], gridspec_kw={"hspace": 0.14})
        _prices(upper, run, asset)
        width = _liquidations(lower, run)
        style.time_axis(lower, run.start)
        low = run.series(f"price.{asset}")
        at = int(np.argmin(low))
        alt = (
            f"{asset} traded between {price(float(low.min()))} and {price(float(low.max()))}; lowest "
            f"{style.hours([int(run.steps['tick'][at])], run.dt)[0]:.1f} hours after the start."
        )
        title = headline(asset, run.outcome(f"drawdown.{asset}"), run.outcome(f"exogenous_drawdown.{asset}"))
        amplified = run.outcomes(f"drawdown.{asset}") - run.outcomes(f"exogenous_drawdown.{asset}")
        return Caption(title, _note(run, asset, amplified, width), alt)


def headline(asset: str, market: float, exogenous: float) -> str:
    """The title: how far the price fell from its high, and how that compares with fundamentals."""
    extra = market - exogenous
    if abs(extra) < SAME:
        return f"{asset} fell {percent(market)}, exactly as far as its fundamentals"
    than = f"{points(extra)} {'more' if extra > 0 else 'less'} than its fundamentals"
    return f"{asset} fell {percent(market)}, {than} ({percent(exogenous)})"


def _note(run: RunView, asset: str, amplified: NDArray[np.float64], width: float) -> str:
    spread = run.across("difference of the two", amplified, lambda value: f"{signed(100 * value)} points")
    bars = f"Bars: debt repaid in liquidations per {duration(width)}."
    return f"Falls from the highest price before. {_lead(run, asset)}{bars} {spread}".strip()


def _lead(run: RunView, asset: str) -> str:
    """How long before or after its fundamentals the market was lowest; empty if at the same sample."""
    tick = run.steps["tick"].to_numpy()
    market, exogenous = (int(tick[np.argmin(run.series(f"{kind}.{asset}"))]) for kind in ("price", "exogenous"))
    if market == exogenous:
        return ""
    order = "before" if market < exogenous else "after"
    return f"The market was lowest {duration(abs(market - exogenous) * run.dt)} {order} its fundamentals were. "


def _prices(axes: "Axes", run: RunView, asset: str) -> None:
    ticks = run.steps["tick"].to_numpy()
    market, exogenous = run.series(f"price.{asset}"), run.series(f"exogenous.{asset}")
    kept = np.union1d(style.thin(market), style.thin(exogenous))
    x = style.hours(ticks[kept], run.dt)
    axes.fill_between(x, market[kept], exogenous[kept], color=style.BLUE, alpha=0.14, linewidth=0)
    axes.plot(x, exogenous[kept], color=style.GREY, linewidth=1.2)
    axes.plot(x, market[kept], color=style.BLUE, linewidth=1.5)
    axes.set_ylabel(f"{asset} price (USD)")
    style.usd_axis(axes.yaxis)
    axes.set_xlim(0, float(x[-1]))
    _shocks(axes, run, float(x[-1]))
    if np.allclose(market, exogenous, rtol=1e-9):
        style.end_labels(axes, [(market[-1], "market and\nexogenous", style.BLUE)])
    else:
        style.end_labels(axes, [(market[-1], "market", style.BLUE), (exogenous[-1], "exogenous", style.MUTED)])


def _shocks(axes: "Axes", run: RunView, span: float) -> None:
    """Names of shocks that begin together stand below each other, above the prices."""
    shown = run.world["shocks"][:MOST_SHOCKS]
    hours = [shock["at"] * run.dt / 3600.0 for shock in shown]
    names = [shock["name"].replace("_", " ") for shock in shown]
    lines = style.lines(hours, names, span, WIDTH)
    for hour, name, line in zip(hours, names, lines, strict=True):
        style.mark(axes, hour, name, line)
    if max(lines, default=0) > 0:
        style.headroom(axes, 0.06 * max(lines))


def _liquidations(axes: "Axes", run: RunView) -> float:
    bins = time_bins(run.ticks, run.dt)
    style.bars(axes, bins.edges, bin_sums(run, "liquidated_usd", bins), style.VERMILLION)
    axes.set_ylabel("liquidated\n(USD)")
    style.usd_axis(axes.yaxis)
    axes.locator_params(axis="y", nbins=3)
    if not run.series("liquidated_usd").any():
        axes.text(0.5, 0.5, "no liquidations", transform=axes.transAxes, ha="center", va="center", color=style.MUTED)
        axes.set_yticks([])
    axes.set_title(f"total {usd(run.outcome('liquidated_usd'))}", loc="right", size=8.5, color=style.MUTED, pad=2)
    return bins.seconds
