"""Which inputs move an outcome: variance-based indices and elementary effects, from designs made for them."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.analysis import bootstrap
from experiments.analysis.given_data import delta, pawn, slice_variance
from experiments.analysis.study import Study
from experiments.config.sweep_section import SENSITIVITY
from experiments.design.samplers import morris as trajectories
from sim.errors import ConfigError

Array = NDArray[np.float64]
DRAWS = 400


@dataclass(frozen=True)
class Indices:
    """Sensitivity of one outcome to every axis.

    estimator: where the numbers come from, in words. axes: names. columns: estimates by name, each (axes,).
    low, high: interval ends of those estimates that have any. noise: share of the variance of point means that is
    left over from few replications; NaN with one. spread: by estimate, (2, axes) lowest and highest over replications
    analysed apart. failed: runs that are missing from the estimates. warning: what to know about them.
    """

    estimator: str
    axes: tuple[str, ...]
    columns: dict[str, Array]
    low: dict[str, Array]
    high: dict[str, Array]
    noise: float = np.nan
    spread: dict[str, Array] = field(default_factory=dict)
    failed: tuple[str, ...] = ()
    warning: str = ""

    def as_data(self) -> dict[str, Any]:
        """As plain data, one entry per axis."""
        rows = []
        for number, axis in enumerate(self.axes):
            row: dict[str, Any] = {"axis": axis}
            for name, values in self.columns.items():
                row[name] = {"value": float(values[number])}
                if name in self.low:
                    row[name] |= {"low": float(self.low[name][number]), "high": float(self.high[name][number])}
                if name in self.spread:
                    row[name]["replications"] = [float(end) for end in self.spread[name][:, number]]
            rows.append(row)
        said = {"estimator": self.estimator, "noise": self.noise, "warning": self.warning, "failed": list(self.failed)}
        return said | {"axes": rows}


def indices(study: Study, outcome: str, level: float = 0.95, strict: bool = False) -> Indices:
    """The sensitivity indices that the sweep's method allows.

    Saltelli designs give Sobol's S1 and ST, Morris designs elementary effects, all others PAWN and delta from the data
    as they are. If points of a Saltelli design are missing, `strict` refuses with their list (ConfigError); otherwise
    the given-data estimators are used and say so.
    """
    study.outcome(outcome)
    if study.method not in SENSITIVITY:
        return given(study, outcome, f"given data ({study.method} points)")
    missing = lost(study, outcome)
    if strict and missing:
        raise ConfigError(refusal(study.method, missing))
    if study.method == "morris":
        return elementary(study, outcome, level)
    if missing:
        text = f"{refusal(study.method, missing)}; S1 and ST are not computed, PAWN and delta stand in"
        return given(study, outcome, "given data, because runs of the Saltelli design are missing", text, missing)
    return sobol(study, outcome, level)


def lost(study: Study, outcome: str) -> tuple[str, ...]:
    """Runs that a design is missing, in words: those that failed, then points without any outcome."""
    rows = study.failed
    said = [
        f"point {point} replication {number}: {error or 'failed'}"
        for point, number, error in zip(rows["point"], rows["replication"], rows["error"], strict=True)
    ]
    without = np.flatnonzero(np.isnan(study.means(outcome)))
    silent = np.setdiff1d(without, rows["point"].to_numpy())
    return (*said, *(f"point {point}: no {outcome}" for point in silent))


def refusal(method: str, missing: tuple[str, ...]) -> str:
    """Why a design cannot be analysed, with the first of the missing runs."""
    few = "; ".join(missing[:5]) + (f"; and {len(missing) - 5} more" if len(missing) > 5 else "")
    return f"{len(missing)} runs of the {method} design are missing ({few})"


def sobol(study: Study, outcome: str, level: float = 0.95) -> Indices:
    """S1 and ST from a complete Saltelli design, with intervals over its base points."""
    blocks = study.means(outcome)[study.rows].reshape(-1, len(study.axes) + 2)
    first, total = sobol_estimates(blocks)
    ends = bootstrap.percentile(blocks, lambda drawn: np.stack(sobol_estimates(drawn)), level, DRAWS)
    table = study.values(outcome)
    apart = [
        np.stack(sobol_estimates(table[study.rows, number].reshape(blocks.shape)))
        for number in range(table.shape[1])
        if table.shape[1] > 1 and np.isfinite(table[:, number]).all()
    ]
    spread = {}
    if len(apart) > 1:
        lowest, highest = np.min(apart, axis=0), np.max(apart, axis=0)
        spread = {"S1": np.stack([lowest[0], highest[0]]), "ST": np.stack([lowest[1], highest[1]])}
    return Indices(
        estimator="Sobol indices: S1 of Saltelli et al. (2010), ST of Jansen (1999)",
        axes=tuple(axis.name for axis in study.axes),
        columns={"S1": first, "ST": total},
        low={"S1": ends[0, 0], "ST": ends[0, 1]},
        high={"S1": ends[1, 0], "ST": ends[1, 1]},
        noise=noise(study, outcome),
        spread=spread,
    )


def sobol_estimates(blocks: Array) -> tuple[Array, Array]:
    """First-order and total indices of (base points, axes + 2) outcomes: of a, of a with one column of b each, of b.

    S1 = mean(fB (fABi - fA)) / V, on centred outcomes (Saltelli et al., 2010, table 2, b);
    ST = mean((fA - fABi)^2) / 2V (Jansen, 1999). NaN if the outcome never changes.
    """
    a, swapped, b = blocks[:, 0], blocks[:, 1:-1], blocks[:, -1]
    both = np.concatenate([a, b])
    variance = both.var()
    if variance <= 1e-24 * max(float(np.abs(both).max()), 1e-300) ** 2:
        nothing = np.full(swapped.shape[1], np.nan)
        return nothing, nothing
    center = both.mean()
    first = ((b - center)[:, None] * (swapped - a[:, None])).mean(axis=0) / variance
    total = ((a[:, None] - swapped) ** 2).mean(axis=0) / (2 * variance)
    return first, total


def noise(study: Study, outcome: str) -> float:
    """Variance that replications leave in the mean of a point, over the variance between points; NaN with one.

    An index below this share cannot be told from the luck of the draw.
    """
    table = study.values(outcome)
    counts = np.isfinite(table).sum(axis=1)
    if (counts < 2).all():
        return float("nan")
    within = np.nanmean(np.nanvar(table[counts > 1], axis=1, ddof=1) / counts[counts > 1])
    between = np.nanvar(np.nanmean(table[counts > 0], axis=1))
    return float(within / between) if between > 0 else float("nan")


def elementary(study: Study, outcome: str, level: float = 0.95) -> Indices:
    """Morris' mean, mean size and deviation of elementary effects per axis, over complete trajectories."""
    axes, samples = len(study.axes), int(study.sweep["samples"])
    places = trajectories(axes, samples, int(study.sweep["seed"]), int(study.sweep["levels"]))
    values = study.means(outcome)[study.rows].reshape(samples, axes + 1)
    complete = np.isfinite(values).all(axis=1)
    if complete.sum() < 2:
        raise ConfigError(f"{int(complete.sum())} of {samples} trajectories are complete; elementary effects need 2")
    effects = elementary_effects(places.reshape(samples, axes + 1, axes)[complete], values[complete])
    ends = bootstrap.percentile(effects, lambda drawn: np.abs(drawn).mean(axis=0), level, DRAWS)
    dropped = samples - int(complete.sum())
    warning = f"{dropped} of {samples} trajectories are left out, because a run of them is missing" if dropped else ""
    return Indices(
        estimator=f"elementary effects of Morris (1991), {int(complete.sum())} trajectories",
        axes=tuple(axis.name for axis in study.axes),
        columns={"mu_star": np.abs(effects).mean(axis=0), "mu": effects.mean(axis=0), "sigma": effects.std(0, ddof=1)},
        low={"mu_star": ends[0]},
        high={"mu_star": ends[1]},
        noise=noise(study, outcome),
        failed=lost(study, outcome),
        warning=warning,
    )


def elementary_effects(places: Array, values: Array) -> Array:
    """(trajectories, axes) slopes of each step.

    places: (trajectories, axes + 1, axes) in [0, 1]; each step moves one axis. values: (trajectories, axes + 1).
    """
    steps, rises = np.diff(places, axis=1), np.diff(values, axis=1)
    which = np.abs(steps).argmax(axis=2)
    slopes = rises / np.take_along_axis(steps, which[:, :, None], axis=2)[:, :, 0]
    effects = np.empty_like(slopes)
    np.put_along_axis(effects, which, slopes, axis=1)
    return effects


def given(study: Study, outcome: str, estimator: str, warning: str = "", failed: tuple[str, ...] = ()) -> Indices:
    """PAWN, delta and slice-wise S1 from the points that are there, beside what an irrelevant input would show."""
    points, places = study.unit()
    means = study.means(outcome)[points]
    kept = np.isfinite(means)
    x, y = places[kept], means[kept]
    columns: dict[str, Array] = {"pawn": pawn(x, y), "delta": delta(x, y), "S1_given": slice_variance(x, y)}
    idle = np.random.default_rng(0).permuted(np.repeat(x[:, :1], 10, axis=1), axis=0) if x.shape[1] else x
    if x.shape[1]:
        for name, estimate in (("pawn", pawn), ("delta", delta)):
            columns[f"{name}_idle"] = np.full(x.shape[1], float(np.mean(estimate(idle, y))))
    return Indices(
        estimator=f"{estimator}: PAWN (Pianosi and Wagener, 2018), delta (Plischke et al., 2013)",
        axes=tuple(axis.name for axis in study.axes),
        columns=columns,
        low={},
        high={},
        noise=noise(study, outcome),
        failed=failed or lost(study, outcome),
        warning=warning,
    )
