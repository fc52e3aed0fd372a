"""Which rules can be told apart: paired bootstrap of all differences, with Holm's correction for their number."""

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.analysis import bootstrap
from experiments.analysis.bootstrap import Interval

Array = NDArray[np.float64]
DRAWS = 20_000
"""Bootstrap samples behind a p-value: enough for a small one to survive the correction for hundreds of pairs."""


@dataclass(frozen=True)
class Pair:
    """Two rules: the mean of (second - first) over seeds, and whether that is more than chance.

    p: two-sided, of the studentised paired bootstrap. adjusted: by Holm's method over all pairs of the ranking.
    """

    first: str
    second: str
    difference: Interval
    p: float
    adjusted: float

    def distinct(self, alpha: float = 0.05) -> bool:
        """Whether the two can be told apart."""
        return self.adjusted < alpha

    def as_data(self) -> dict[str, Any]:
        """As plain data."""
        row = {"first": self.first, "second": self.second, "p": self.p, "p_holm": self.adjusted}
        return row | self.difference.as_data()


@dataclass(frozen=True)
class Place:
    """One rule in a ranking: its place from the lowest value on, 1 first, with the interval of that place."""

    rule: str
    value: Interval
    place: int
    low: int
    high: int

    def as_data(self) -> dict[str, Any]:
        """As plain data."""
        row = {"rule": self.rule, "place": self.place, "place_low": self.low, "place_high": self.high}
        return row | self.value.as_data()


@dataclass(frozen=True)
class Ranking:
    """Rules by the mean of one measure over seeds. alpha: probability of any false difference among all pairs."""

    measure: str
    places: tuple[Place, ...]
    pairs: tuple[Pair, ...]
    alpha: float

    @property
    def alike(self) -> tuple[Pair, ...]:
        """Pairs that cannot be told apart."""
        return tuple(pair for pair in self.pairs if not pair.distinct(self.alpha))

    def like(self, rule: str) -> list[str]:
        """The rules that one cannot be told apart from."""
        ends = [(pair.first, pair.second) for pair in self.alike]
        return [b if a == rule else a for a, b in ends if rule in (a, b)]

    def as_data(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "measure": self.measure,
            "alpha": self.alpha,
            "places": [place.as_data() for place in self.places],
            "pairs": [pair.as_data() for pair in self.pairs],
            "not_distinguishable": [[pair.first, pair.second] for pair in self.alike],
        }


def rank(measure: str, rules: tuple[str, ...], values: Array, level: float = 0.95) -> Ranking:
    """Rank rules by a measure.

    values: (rules, n) one value per seed, of the same seeds. Rules without any value are left out; then, for all rules,
    seeds that one of them lacks. level: of intervals, and one less the probability of a false difference.
    """
    there = np.flatnonzero(np.isfinite(values).any(axis=1))
    rules, values = tuple(rules[number] for number in there.tolist()), values[there]
    kept = values[:, np.isfinite(values).all(axis=0)]
    own = [bootstrap.mean(row, level) for row in kept]
    low, high = _places(kept, level)
    means = kept.mean(axis=1) if kept.size else np.full(len(rules), np.nan)
    order = np.argsort(means, kind="stable")
    places = tuple(
        Place(rules[i], own[i], number + 1, int(low[i]), int(high[i])) for number, i in enumerate(order.tolist())
    )
    return Ranking(measure, places, compare_pairs(rules, kept, list(combinations(order.tolist(), 2)), level), 1 - level)


def compare_pairs(
    rules: tuple[str, ...], values: Array, pairs: list[tuple[int, int]], level: float
) -> tuple[Pair, ...]:
    """Paired differences (second - first) of some pairs of rules, corrected for their number."""
    if not pairs:
        return ()
    differences = np.array([values[b] - values[a] for a, b in pairs])
    p = chances(differences)
    found = zip(pairs, differences, p, holm(p), strict=True)
    return tuple(
        Pair(rules[a], rules[b], bootstrap.mean(row, level), float(raw), float(corrected))
        for (a, b), row, raw, corrected in found
    )


def chances(differences: Array, seed: int = 0) -> Array:
    """(m,) two-sided p-values of zero means, by the studentised bootstrap under the null (Hall and Wilson, 1991).

    differences: (m, n) one value per seed; all rows are drawn together. 1 where all values are equal to zero, or where
    there are fewer than two; the least there can be where all are equal to something else.
    """
    m, n = differences.shape
    if n < 2:
        return np.ones(m)
    mean, error = differences.mean(axis=1), differences.std(axis=1, ddof=1) / np.sqrt(n)
    flat = error <= 1e-12 * np.abs(mean)
    scale = np.where(flat, 1.0, error)
    centred = (differences - mean[:, None]) / scale[:, None]
    rng, beyond = np.random.default_rng(seed), np.zeros(m)
    for size in (DRAWS // 10,) * 10:
        counts = rng.multinomial(n, np.full(n, 1.0 / n), size).astype(float)
        drawn = counts @ centred.T / n
        spread = np.sqrt(np.maximum(counts @ (centred**2).T / n - drawn**2, 0.0) / (n - 1))
        usable = spread > 1e-12
        score = np.where(usable, np.abs(drawn) / np.where(usable, spread, 1.0), np.inf)
        beyond += (score >= np.abs(mean / scale)).sum(axis=0)
    found = (beyond + 1.0) / (DRAWS // 10 * 10 + 1.0)
    return np.where(flat, np.where(mean == 0.0, 1.0, 1.0 / (DRAWS + 1.0)), found)


def holm(p: Array) -> Array:
    """(m,) p-values that control the probability of any false rejection among all (Holm, 1979)."""
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    adjusted = np.empty(p.size)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def _places(values: Array, level: float) -> tuple[Array, Array]:
    """(rules,) lowest and highest place of each rule over bootstrap samples of seeds; all places with too few seeds."""
    m, n = values.shape
    if n < bootstrap.FEW:
        return np.ones(m), np.full(m, m)

    def places(rows: Array) -> Array:
        means = rows.mean(axis=0)
        return np.array([(means < mean).sum() + 1 for mean in means], dtype=float)

    low, high = bootstrap.percentile(values.T, places, level)
    return np.floor(low), np.ceil(high)
