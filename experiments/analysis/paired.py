"""Differences between points, run by run: with common random numbers most of the noise cancels."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.analysis import bootstrap
from experiments.analysis.bootstrap import Interval
from experiments.analysis.study import Study
from sim.errors import ConfigError


@dataclass(frozen=True)
class Difference:
    """A point against the base point.

    difference: mean of (point - base) over replications that both finished. higher: share of them in which the point
    lies above. gain: variance of the difference of independent runs over that of paired ones; above 1 pairing helped.
    """

    point: int
    label: str
    difference: Interval
    higher: float
    gain: float

    def as_data(self) -> dict[str, Any]:
        """As plain data."""
        row = {"point": self.point, "label": self.label, "higher": self.higher, "gain": self.gain}
        return row | self.difference.as_data()


def differences(study: Study, outcome: str, base: int = 0, level: float = 0.95) -> list[Difference]:
    """Every other point that was run against a base point. Raises ConfigError if the base has no finished run."""
    table = study.values(study.outcome(outcome))
    if not 0 <= base < study.points or np.isnan(table[base]).all():
        raise ConfigError(f"base point {base} has no finished run; allowed: a finished point below {study.points}")
    others = [int(point) for point in study.params.index if point != base]
    return [_against(study, table, base, point, level) for point in others]


def _against(study: Study, table: Any, base: int, point: int, level: float) -> Difference:
    both = np.isfinite(table[base]) & np.isfinite(table[point])
    gaps = (table[point] - table[base])[both]
    gain = np.nan
    if gaps.size > 1 and gaps.var() > 0:
        gain = float((table[point][both].var() + table[base][both].var()) / gaps.var())
    higher = float((gaps > 0).mean()) if gaps.size else np.nan
    return Difference(point, study.label(point), bootstrap.mean(gaps, level), higher, gain)
