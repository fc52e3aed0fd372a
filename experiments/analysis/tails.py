"""Tails of losses over runs: value at risk, liquidations at risk, expected shortfall, with intervals.

VaR and LaR are the same quantile of two outcomes: of bad debt and of liquidated volume, over simulated runs (Gauntlet's
definition for lending protocols). Losses are positive numbers.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.analysis import bootstrap
from experiments.analysis.bootstrap import Interval

Array = NDArray[np.float64]
CLUSTERS = 5
"""Replications from which on the luck that points share can be told from their own."""
GROUPS = 1000
BEYOND = 3
"""Runs beyond the quantile below which nothing bounds a shortfall from above."""


@dataclass(frozen=True)
class Tail:
    """A tail measure with its interval. name: VaR95, ES99, ...

    An end of the interval is infinite where the runs are too few to bound it.
    """

    name: str
    interval: Interval

    def as_data(self) -> dict[str, Any]:
        """As plain data."""
        return {"name": self.name} | self.interval.as_data()


def value_at_risk(losses: Any, share: float, level: float = 0.95) -> Interval:
    """The `share` quantile of losses, with the interval between two order statistics.

    The number of losses below the quantile is binomial, whatever their distribution, so the interval covers at least
    with probability `level` (David and Nagaraja, 2003, "Order Statistics", section 7.1). NaN losses are left out.
    """
    from scipy.stats import binom

    ordered = _sorted(losses)
    n = ordered.size
    if n == 0:
        return Interval(np.nan, -np.inf, np.inf, 0)
    low = int(binom.ppf(0.5 - level / 2, n, share)) - 1
    high = int(binom.ppf(0.5 + level / 2, n, share))
    bottom = float(ordered[low]) if low >= 0 else -np.inf
    top = float(ordered[high]) if high < n else np.inf
    return Interval(float(np.quantile(ordered, share)), bottom, top, n)


def expected_shortfall(losses: Any, share: float, level: float = 0.95) -> Interval:
    """Mean of the worst 1 - `share` of losses, the loss on the boundary counted in part.

    Acerbi and Tasche (2002), "On the coherence of expected shortfall", definition 2.6. The interval is the bootstrap-t
    one of the mean of `contributions`: percentiles of a tail of few heavy losses do not reach far enough up. NaN losses
    are left out.
    """
    return _shortfall(np.asarray(losses, dtype=float).reshape(1, -1), share, level)


def tails(outcome: str, table: Any, level: float = 0.95) -> list[Tail]:
    """VaR95, VaR99, ES95 and ES99 of losses; of liquidated value, which is no loss, LaR95 and LaR99.

    table: (points, replications) of all runs; or (n,) independent ones.
    """
    liquidated = "liquidated" in outcome
    name = "LaR" if liquidated else "VaR"
    found = [Tail(f"{name}{share * 100:.0f}", pooled(table, share, level)) for share in (0.95, 0.99)]
    if liquidated:
        return found
    return found + [Tail(f"ES{share * 100:.0f}", pooled(table, share, level, shortfall=True)) for share in (0.95, 0.99)]


def clustered(table: Any) -> bool:
    """Whether runs come in replications that share random numbers over points, and enough of them to draw from."""
    shape = np.shape(table)
    return len(shape) == 2 and shape[0] > 1 and shape[1] >= CLUSTERS


def pooled(table: Any, share: float, level: float = 0.95, shortfall: bool = False) -> Interval:
    """Value at risk, or expected shortfall, over all runs of a (points, replications) table.

    Points share the luck of each replication, so runs are not independent. From `CLUSTERS` replications on, intervals
    are those of as many independent runs as say as much (`independent`); below that the luck is taken as given.
    """
    if not clustered(table):
        return expected_shortfall(table, share, level) if shortfall else value_at_risk(table, share, level)
    table = np.asarray(table, dtype=float)
    many = independent(table, share, level)
    return _shortfall(table, share, level, many) if shortfall else _quantile(table, share, level, many)


def independent(table: Array, share: float, level: float = 0.95) -> float:
    """How many independent runs say as much about the `share` quantile as a (points, replications) table.

    The share of runs below the quantile varies over replications as it would over so many runs, fewer by what Student's
    t takes for the few replications (Korn and Graubard, 1998, "Confidence intervals for proportions with small expected
    number of positive counts estimated from survey data").
    """
    from scipy.stats import norm, t

    known = np.isfinite(table)
    rows, runs = known.any(axis=0), float(known.sum())
    if rows.sum() < 2:
        return float(min(runs, 1.0))
    below = (table <= np.quantile(_sorted(table), share)).sum(axis=0)[rows] / known.sum(axis=0)[rows]
    spread = below.var(ddof=1) / below.size
    alike = min(runs, share * (1.0 - share) / spread) if spread > 0 else runs
    return float(alike * (norm.ppf(0.5 + level / 2) / t.ppf(0.5 + level / 2, below.size - 1)) ** 2)


def _quantile(table: Array, share: float, level: float, many: float) -> Interval:
    """The `share` quantile between the losses at Clopper and Pearson's bounds of the share, of so many runs."""
    from scipy.stats import beta

    ordered, tail = _sorted(table), 0.5 - level / 2
    n = ordered.size
    if n == 0:
        return Interval(np.nan, -np.inf, np.inf, 0)
    low = int(np.floor(n * beta.ppf(tail, share * many, (1.0 - share) * many + 1.0))) - 1
    high = int(np.ceil(n * beta.ppf(1.0 - tail, share * many + 1.0, (1.0 - share) * many)))
    bottom = float(ordered[low]) if low >= 0 else -np.inf
    top = np.inf if share**many > tail else float(ordered[min(high, n - 1)])
    return Interval(float(np.quantile(ordered, share)), bottom, top, n)


def _shortfall(table: Array, share: float, level: float, many: float | None = None) -> Interval:
    """See `expected_shortfall`; columns of the table are independent. many: runs they are worth, all if not given."""
    ordered = _sorted(table)
    n = ordered.size
    if n == 0:
        return Interval(np.nan, -np.inf, np.inf, 0)
    value, cut = float(_worst(ordered, share)), np.quantile(ordered, share)
    known = table[:, np.isfinite(table).any(axis=0)]
    found = bootstrap.mean(_grouped(np.nanmean(contributions(known, share), axis=0)), level)
    low, high = value - (found.value - found.low), value + (found.high - found.value)
    losing = int((np.nanmax(known, axis=0) > cut).sum())
    if (n if many is None else many) * (1.0 - share) < BEYOND or 0 < losing < BEYOND:
        high = np.inf
    return Interval(value, max(low, float(ordered[0])) if np.isfinite(low) else low, high, n)


def convergence(table: Any, share: float, level: float = 0.95, most: int = 60) -> list[tuple[int, Interval]]:
    """The value at risk after the first n runs.

    table: (points, replications), which is read replication by replication; intervals as for `pooled`. With few
    replications, or (n,) independent runs, n grows on a logarithmic scale, runs in their order. most: values of n.
    """
    array = np.asarray(table, dtype=float)
    if clustered(array):
        ends = np.unique(np.linspace(2, array.shape[1], min(most, array.shape[1] - 1)).round().astype(int)).tolist()
        found = [(many, pooled(array[:, :many], share, level)) for many in ends]
        return [(interval.count, _open(interval) if many < CLUSTERS else interval) for many, interval in found]
    array = shuffled(array) if array.ndim == 2 else array
    array = array[np.isfinite(array)]
    if array.size < 2:
        return [(array.size, value_at_risk(array, share, level))]
    steps = np.unique(np.geomspace(min(10, array.size), array.size, most).round().astype(int))
    return [(int(n), value_at_risk(array[:n], share, level)) for n in steps]


def contributions(losses: Array, share: float) -> Array:
    """What each loss adds to the expected shortfall, which is their mean (Rockafellar and Uryasev, 2000)."""
    cut = np.quantile(_sorted(losses), share)
    return np.asarray(cut + np.maximum(losses - cut, 0.0) / (1.0 - share))


def _grouped(values: Array) -> Array:
    """Means of `GROUPS` random groups of very many independent values, which say as much about their mean."""
    if values.size <= GROUPS:
        return values
    group = np.random.default_rng(0).permutation(values.size) % GROUPS
    return np.asarray(np.bincount(group, values) / np.bincount(group))


def _open(interval: Interval) -> Interval:
    """The estimate without bounds."""
    return Interval(interval.value, -np.inf, np.inf, interval.count)


def shuffled(table: Array) -> Array:
    """Outcomes as one sequence in which every beginning mixes all points.

    table: (points, replications). The order is replication by replication, with points in a fixed random order.
    """
    order = np.random.default_rng(0).permutation(table.shape[0])
    return table[order].T.ravel()


def _sorted(losses: Any) -> Array:
    array = np.asarray(losses, dtype=float).ravel()
    return np.sort(array[np.isfinite(array)])


def _worst(ordered: Array, share: float) -> Array:
    """(...,) means of the top 1 - share along the last axis of sorted losses."""
    n = ordered.shape[-1]
    weights = np.clip(np.arange(1, n + 1) - n * share, 0.0, 1.0)
    return np.asarray((ordered * weights).sum(axis=-1) / weights.sum())
