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


def expected_shortfall(losses: Any, share: float, level: float = 0.95, draws: int = 1000) -> Interval:
    """Mean of the worst 1 - `share` of losses, the loss on the boundary counted in part; bootstrap percentiles.

    Acerbi and Tasche (2002), "On the coherence of expected shortfall", definition 2.6.
    """
    ordered = _sorted(losses)
    if ordered.size == 0:
        return Interval(np.nan, -np.inf, np.inf, 0)
    value = float(_worst(ordered, share))
    if ordered.size * (1.0 - share) < 1.0:
        return Interval(value, -np.inf, np.inf, ordered.size)
    low, high = bootstrap.percentile(ordered, lambda drawn: _worst(np.sort(drawn), share), level, draws)
    return Interval(value, float(low), float(high), ordered.size)


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

    Points share the luck of each replication, so runs are not independent. From `CLUSTERS` replications on, whole
    replications are drawn again for the interval; below that it takes the runs as independent and the luck as given.
    """
    alone = expected_shortfall(table, share, level) if shortfall else value_at_risk(table, share, level)
    if not clustered(table):
        return alone

    def statistic(drawn: Array) -> Array:
        ordered = _sorted(drawn)
        return _worst(ordered, share) if shortfall else np.asarray(np.quantile(ordered, share))

    low, high = bootstrap.percentile(np.asarray(table).T, statistic, level, draws=500)
    return Interval(alone.value, float(low), float(high), alone.count)


def convergence(table: Any, share: float, level: float = 0.95, most: int = 60) -> list[tuple[int, Interval]]:
    """The value at risk after the first n runs.

    table: (points, replications), which is read replication by replication; intervals as for `pooled`. With few
    replications, or (n,) independent runs, n grows on a logarithmic scale, runs in their order.
    """
    array = np.asarray(table, dtype=float)
    if clustered(array):
        found = [pooled(array[:, :many], share, level) for many in range(2, array.shape[1] + 1)]
        return [
            (interval.count, _open(interval) if many + 2 < CLUSTERS else interval)
            for many, interval in enumerate(found)
        ]
    array = shuffled(array) if array.ndim == 2 else array
    array = array[np.isfinite(array)]
    if array.size < 2:
        return [(array.size, value_at_risk(array, share, level))]
    steps = np.unique(np.geomspace(min(10, array.size), array.size, most).round().astype(int))
    return [(int(n), value_at_risk(array[:n], share, level)) for n in steps]


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
