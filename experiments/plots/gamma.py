"""What dealers' hedging does to realised volatility: paired runs over several folders, and the picture of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.plots import style
from experiments.plots.base import Caption, Picture
from experiments.wording import count, percent, usd
from protocols.depth.market import DepthMarket
from protocols.shared.depth.kernels import displacement
from sim.errors import ConfigError
from sim.quotes import OptionsQuote
from sim.units import SECONDS_PER_YEAR

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import Series

    from experiments.store import Folder
    from sim.world import World

MOVE = 0.01
"""The move of the underlying whose hedge is the measure of gamma."""
CONFIDENCE = 0.95
BP = 1e4
SIZE, MARGINS = (7.6, 4.6), (0.95, 0.25, 0.72)


class Hedge(NamedTuple):
    """What dealers trade to stay neutral after a move of 1%; below zero if they are short gamma.

    usd: value of the trade. share: of the market's daily volume. feedback: by how much the trade moves the price the
    other way, as a share of the move; 0 without impact. half_life: seconds in which half of that recovers.
    """

    usd: float
    share: float
    feedback: float
    half_life: float


@dataclass(frozen=True)
class Arm:
    """One dose of gamma, the folder of its runs, and whether orders moved the price in them."""

    hedge: Hedge
    folder: "Folder"
    impact: bool


class Effect(NamedTuple):
    """Change of log realised volatility against the paired runs without options: mean, its interval, runs paired."""

    hedge: Hedge
    mean: float
    low: float
    high: float
    runs: int


def hedge_of_a_move(world: "World", dealers: str, options: str, market: str) -> Hedge:
    """The hedge that a population's options on one asset ask for as they stand, in a depth market.

    dealers, options, market: names of the population, of the venue of options and of the depth market.
    """
    quote: OptionsQuote = world.protocol(options).quote(world)
    venue, population = world.protocol(market), world.population(dealers)
    if not isinstance(venue, DepthMarket):
        raise ConfigError(f'"{market}" is no depth_market; its impact is not known beforehand')
    if np.unique(quote.underlying).size > 1:
        raise ConfigError(f'"{options}" lists options on several assets; the hedge of a move is that of one')
    held = world.ledger.balance[quote.token, population.lo : population.hi].sum(axis=1)
    gamma = float(held / world.tokens.scales[quote.token] @ quote.greeks[:, 1])
    asset, spot = int(quote.underlying[0]), float(quote.spot[0])
    units, depth = gamma * spot * MOVE, venue.quote(world).market(asset).depth  # type: ignore[union-attr]
    feedback = displacement(units, depth) / MOVE if venue.impact else 0.0
    half_life = next(b.half_life for b in venue.books if b.asset == world.tokens.rows[asset].name)
    return Hedge(units * spot, units / depth.volume, feedback, float(half_life))


def closed_form(feedback: float, half_life: float, horizon: float) -> float:
    """Change of log realised volatility under linear impact, continuous hedging and constant gamma.

    A move dF of the fundamental is followed by hedges of -k dP, k being the feedback, and displacement x decays at rate
    r: dP = dF + dx, dx = -r x dt - k dP. Prices answer a move of 1 with 1 - a exp(-q t), a = k / (1 + k),
    q = r / (1 + k), so the variance of returns over a horizon h is that of the fundamental times
    1 - (1 - 1 / (1 + k)^2) (1 - exp(-q h)) / (q h). half_life, horizon: seconds. Needs k > -1: below, moves feed on
    themselves.
    """
    decay = math.log(2.0) / half_life / (1.0 + feedback) * horizon
    return 0.5 * math.log1p((1.0 / (1.0 + feedback) ** 2 - 1.0) * -math.expm1(-decay) / decay)


def horizon(folder: "Folder") -> float:
    """Seconds between the sampled prices of a folder."""
    return float(folder.manifest["config"]["record"]["every"] * folder.world["dt"])


def realised(folder: "Folder", asset: str) -> "Series":
    """Realised volatility per year of every finished run, from returns between sampled prices, by replication."""
    steps, every = folder.steps(), int(folder.manifest["config"]["record"]["every"])
    paths = steps[steps["tick"] % every == 0].pivot(index="tick", columns="replication", values=f"price.{asset}")
    mean_square = (np.log(paths).diff().iloc[1:] ** 2).mean()
    return np.sqrt(mean_square * SECONDS_PER_YEAR / horizon(folder))


def effect(arm: Arm, control: Arm, asset: str) -> Effect:
    """Paired difference of an arm from its control, over replications that finished in both, with a t interval.

    Raises ConfigError if the folders share no random numbers, or fewer than two replications.
    """
    from scipy.stats import t

    seeds = [int(one.folder.manifest["config"]["run"]["seed"]) for one in (arm, control)]
    if seeds[0] != seeds[1]:
        raise ConfigError(f"pairs need one seed; {arm.folder.path} has {seeds[0]}, {control.folder.path} {seeds[1]}")
    change = (np.log(realised(arm.folder, asset)) - np.log(realised(control.folder, asset))).dropna().to_numpy()
    if change.size < 2:
        raise ConfigError(
            f"{arm.folder.path} and {control.folder.path} share {count(change.size, 'finished replication')}; an "
            "interval needs two or more: --replications 2"
        )
    mean, error = float(change.mean()), float(change.std(ddof=1) / math.sqrt(change.size))
    half = float(t.ppf(0.5 + CONFIDENCE / 2, change.size - 1)) * error
    return Effect(arm.hedge, mean, mean - half, mean + half, int(change.size))


def effects(arms: Sequence[Arm], asset: str, impact: bool) -> list[Effect]:
    """Effects of all arms with impact on, or off, by dose; the arm without options is their control."""
    mine = sorted((arm for arm in arms if arm.impact == impact), key=lambda arm: arm.hedge.usd)
    control = next((arm for arm in mine if arm.hedge.usd == 0.0), None)
    if control is None:
        raise ConfigError(f"no arm without options among those with impact {'on' if impact else 'off'}; add one")
    return [effect(arm, control, asset) for arm in mine if arm is not control]


def draw(arms: Sequence[Arm], asset: str) -> Picture:
    """Dose and response: the change of an asset's realised volatility by dealers' gamma, impact on and off."""
    on, off = effects(arms, asset, True), effects(arms, asset, False)
    with style.house("gamma"):
        figure: Any = style.figure(SIZE)
        axes = figure.subplots()
        _zero(axes, off)
        _points(axes, on)
        _curve(axes, on, horizon(arms[0].folder))
        _furnish(axes, on, asset, horizon(arms[0].folder))
        caption = Caption(headline(on, off), _note(on, off), _alt(on))
        style.frame(figure, caption.title, caption.note, _footer(arms), MARGINS)
    return Picture("gamma", caption, figure=figure)


def headline(on: list[Effect], off: list[Effect]) -> str:
    """The title: the effect at the largest doses, and what is left of it without impact."""
    short, long = percent(_change(on[0].mean), 0), percent(abs(_change(on[-1].mean)), 0)
    rest = max((abs(bound) for one in off for bound in (one.low, one.high)), default=0.0)
    without = "nothing without impact" if rest == 0.0 else f"at most {percent(_change(rest), 1)} without impact"
    return f"Dealers short gamma add up to {short} to realised volatility, long gamma take up to {long} off; {without}"


def _note(on: list[Effect], off: list[Effect]) -> str:
    runs, dose = min(one.runs for one in on), max(abs(one.hedge.usd) for one in on)
    feedback = max(abs(one.hedge.feedback) for one in on)
    zeros = "is exactly 0 in every pair" if all(one.low == one.high == 0.0 for one in off) else "is shown hollow"
    return (
        f"Each point: mean over {runs} pairs of runs, same random numbers with and without the options; bars: "
        f"{CONFIDENCE:.0%} t intervals. The largest dose hedges a 1% move with {usd(dose)}, which moves the price by "
        f"{feedback:.2f}%. With impact off the effect {zeros}."
    )


def _alt(on: list[Effect]) -> str:
    listed = ", ".join(f"{BP * one.hedge.share:+.1f} bp: {percent(_change(one.mean))}" for one in on)
    return f"Change of realised volatility by dose in basis points of daily volume: {listed}."


def _footer(arms: Sequence[Arm]) -> str:
    rows = [len(arm.folder.runs) for arm in arms]
    failed = sum(rows) - sum(len(arm.folder.replications) for arm in arms)
    seed = arms[0].folder.manifest["config"]["run"]["seed"]
    runs = f"{count(sum(rows), 'run')} in {len(arms)} arms, {failed} failed"
    return f"Spillover · {arms[0].folder.name} · seed {seed} · {runs}"


def _change(log: float) -> float:
    return math.expm1(log)


def _columns(found: list[Effect]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Doses in basis points, means in percent, (2, n) lengths of the bars in percent."""
    dose = np.array([BP * one.hedge.share for one in found])
    mean, low, high = (100.0 * np.expm1([getattr(one, name) for one in found]) for name in ("mean", "low", "high"))
    return dose, mean, np.array([mean - low, high - mean])


def _points(axes: "Axes", on: list[Effect]) -> None:
    dose, mean, bars = _columns(on)
    for side, colour in ((dose < 0, style.VERMILLION), (dose > 0, style.BLUE)):
        axes.errorbar(
            dose[side], mean[side], bars[:, side], fmt="o", color=colour, markersize=5, capsize=4, elinewidth=1.4,
            zorder=4,
        )  # fmt: skip


def _zero(axes: "Axes", off: list[Effect]) -> None:
    dose, mean, bars = _columns(off)
    axes.axhline(0.0, color=style.GREY, linewidth=0.8, zorder=1)
    axes.errorbar(
        dose, mean, bars, fmt="o", color=style.MUTED, markerfacecolor=style.PAPER, markersize=5, capsize=4, zorder=3,
    )  # fmt: skip


def _curve(axes: "Axes", on: list[Effect], seconds: float) -> None:
    known = sorted([(one.hedge.share, one.hedge.feedback) for one in on] + [(0.0, 0.0)])
    shares = np.linspace(known[0][0], known[-1][0], 200)
    feedback = np.interp(shares, *np.transpose(known))
    stable = feedback > -1.0
    change = [_change(closed_form(k, on[0].hedge.half_life, seconds)) for k in feedback[stable].tolist()]
    line: dict[str, Any] = {"color": style.MUTED, "linewidth": 1.1, "linestyle": (0, (4, 2)), "zorder": 2}
    axes.plot(BP * shares[stable], 100.0 * np.array(change), **line)


def _furnish(axes: "Axes", on: list[Effect], asset: str, seconds: float) -> None:
    axes.set_xlabel(f"dealers' hedge of a 1% move, in basis points of {asset}'s daily volume")
    axes.set_ylabel(f"change of realised volatility\n({seconds / 3600.0:g}-hour returns, %)")
    axes.margins(x=0.08)
    style.headroom(axes, 0.16)
    for x, side, colour, text in (
        (0.02, "left", style.VERMILLION, "short gamma: dealers sell into falls"),
        (0.98, "right", style.BLUE, "long gamma: dealers buy into falls"),
    ):
        axes.annotate(text, (x, 0.985), xycoords="axes fraction", ha=side, va="top", size=8.5, color=colour)
    low, high = axes.get_ylim()
    first = BP * on[0].hedge.share
    for point, ha, va, text in (
        ((first, -0.025 * (high - low)), "center", "top", "impact off"),
        ((0.5 * first, 50.0 * _change(on[0].mean) + 0.03 * (high - low)), "left", "bottom", "dashed: closed form"),
    ):
        axes.annotate(text, point, ha=ha, va=va, size=8.5, color=style.MUTED)
