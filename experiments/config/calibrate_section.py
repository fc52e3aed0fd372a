"""The [calibrate] table: which settings are fitted, to which moments of a record, and how.

`spillover run` does not look at it, and it is no part of a run's key.
"""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Lt

from sim.fields import Count, DataFile, Positive

Statistic = Literal[
    "mean", "median", "p75", "p95", "std", "last", "min", "max", "volatility", "autocorrelation", "p95_over_median"
]
FINITE_SAMPLE = 2
"""Fewest runs of which a covariance can be taken."""


@dataclass(frozen=True, kw_only=True)
class FreeParameter:
    """A setting that is fitted, between two bounds."""

    path: str
    """Dotted path of the setting, such as processes.eth.volatility."""
    low: float
    """Lowest value."""
    high: float
    """Highest value."""
    scale: Literal["linear", "log"] = "linear"
    """Scale on which it is searched and on which its interval is symmetric."""
    start: float | None = None
    """Where the search begins, if there is no search over the whole range before it."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        if not self.low < self.high:
            return [("low", f"found low = {self.low:g}, high = {self.high:g}; low must be below high")]
        if self.scale == "log" and self.low <= 0.0:
            return [("low", f"found {self.low:g}; a logarithmic range needs positive bounds")]
        if self.start is not None and not self.low <= self.start <= self.high:
            return [("start", f"found {self.start:g}; must lie between low = {self.low:g} and high = {self.high:g}")]
        return []


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A number of the record, and what it is compared with in a run: an outcome, or a statistic of a table."""

    name: str
    """Name in tables."""
    value: float
    """Recorded value."""
    error: Positive | None = None
    """Its standard error; if not given, the record counts as one run of the model."""
    outcome: str | None = None
    """An outcome column."""
    steps: str | None = None
    """A column of the steps, of which the statistic is taken over time."""
    events: str | None = None
    """A kind of events, such as liquidation, of whose USD values the statistic is taken."""
    statistic: Statistic = "mean"
    """Of the steps or events."""
    log: bool = False
    """Whether logs are compared; for positive quantities that vary by factors."""
    held_out: bool = False
    """Whether it is left out of the fit and only compared afterwards."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        given = [name for name in ("outcome", "steps", "events") if getattr(self, name) is not None]
        if len(given) != 1:
            return [("outcome", f"found {' and '.join(given) or 'none'}; give one of outcome, steps, events")]
        if self.log and self.value <= 0.0:
            return [("value", f"found {self.value:g}; only a positive number has a log")]
        return []


@dataclass(frozen=True, kw_only=True)
class Series:
    """A recorded series, compared with a column of the steps part by part."""

    file: DataFile
    """A CSV file, one row per sample of the steps."""
    column: str
    """Its column."""
    steps: str
    """The column of the steps."""
    parts: Annotated[int, Ge(1)] = 12
    """Parts of equal length whose means are the moments."""
    error: Positive | None = None
    """Standard error of a part's mean; if not given, the record counts as one run of the model."""
    log: bool = False
    """Whether logs are compared."""


@dataclass(frozen=True, kw_only=True)
class CalibrateTable:
    """A fit of settings to a record by the method of simulated moments."""

    parameters: list[FreeParameter]
    """What is fitted."""
    moments: list[Moment] = field(default_factory=list)
    """What it is fitted to."""
    series: Series | None = None
    """A recorded series to fit to."""
    method: Literal["gauss_newton", "sobol", "optuna"] = "sobol"
    """Search before the last steps: none, a Sobol sequence over the ranges, or Optuna's tree of Parzen estimators."""
    trials: Annotated[int, Ge(1)] = 32
    """Points of the search."""
    search_seeds: Annotated[int, Ge(1)] = 4
    """Runs of each point of the search."""
    seeds: Annotated[int, Ge(FINITE_SAMPLE)] = 20
    """Runs of each point of the last steps, on the same random numbers."""
    held_out_seeds: Annotated[int, Ge(FINITE_SAMPLE)] = 20
    """Runs on other random numbers, with which the fit is checked."""
    steps: Count = 4
    """Gauss-Newton steps at most."""
    level: Annotated[float, Gt(0.0), Lt(1.0)] = 0.95
    """Confidence level of intervals."""
    seed: Count = 0
    """Seed of the search; that of the runs is run.seed."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        if not self.parameters:
            return [("parameters", "empty; name a setting: [[calibrate.parameters]] with path, low and high")]
        names = [moment.name for moment in self.moments]
        twice = {name for name in names if names.count(name) > 1} | _twice(self.parameters)
        if twice:
            return [("moments", f"{', '.join(sorted(twice))}: written twice")]
        fitted = sum(not moment.held_out for moment in self.moments) + (self.series.parts if self.series else 0)
        if fitted < len(self.parameters):
            text = f"found {fitted} to fit {len(self.parameters)} parameters to; needs at least as many"
            return [("moments", text)]
        return []


def _twice(parameters: list[FreeParameter]) -> set[str]:
    paths = [parameter.path for parameter in parameters]
    return {path for path in paths if paths.count(path) > 1}
