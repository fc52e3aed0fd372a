"""Moments of a run: what stands beside the record."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from experiments.config.calibrate_section import CalibrateTable, Moment
from experiments.wording import count
from sim.errors import ConfigError, suggestion

if TYPE_CHECKING:
    from experiments.run import RunResult

Floats = NDArray[np.float64]
YEAR = 365.0 * 86_400.0


@dataclass(frozen=True)
class Target:
    """One number of the record on the scale on which it is compared.

    source: "outcome", "steps" or "events". column: which of them. statistic: of it. part: of a series, (number, of how
    many). value, error: recorded, NaN for an error that is not known.
    """

    name: str
    source: str
    column: str
    statistic: str
    value: float
    error: float
    log: bool = False
    held_out: bool = False
    part: tuple[int, int] | None = None

    def back(self, value: float) -> float:
        """A compared number as it was recorded."""
        return math.exp(value) if self.log else value


def targets(table: CalibrateTable) -> tuple[Target, ...]:
    """All numbers of the record. Raises ConfigError for a series that cannot be read."""
    return tuple([_target(moment) for moment in table.moments] + _parts(table))


def measure(result: "RunResult", wanted: tuple[Target, ...], dt: float) -> Floats:
    """(targets,) numbers of a run. dt: seconds per tick. Raises ConfigError for a column that runs do not have."""
    return np.array([_one(result, target, dt) for target in wanted])


def _target(moment: Moment) -> Target:
    source = next(name for name in ("outcome", "steps", "events") if getattr(moment, name) is not None)
    value, error = moment.value, math.nan if moment.error is None else moment.error
    if moment.log:
        value, error = math.log(value), error / value
    return Target(
        name=moment.name,
        source=source,
        column=getattr(moment, source),
        statistic=moment.statistic,
        value=value,
        error=error,
        log=moment.log,
        held_out=moment.held_out,
    )


def _parts(table: CalibrateTable) -> list[Target]:
    """The means of the parts of the recorded series."""
    series = table.series
    if series is None:
        return []
    import pandas as pd

    try:
        record = pd.read_csv(series.file)
    except (ValueError, OSError) as error:
        raise ConfigError(f'calibrate.series: "{series.file}" is no table of comma-separated values: {error}') from None
    if series.column not in record:
        near = suggestion(series.column, [str(name) for name in record])
        raise ConfigError(f'calibrate.series: "{series.file}" has no column "{series.column}"{near}')
    values = pd.to_numeric(record[series.column], errors="coerce").to_numpy(dtype=float)
    if len(values) < series.parts or not np.isfinite(values).all() or (series.log and values.min() <= 0.0):
        need = "positive numbers" if series.log else "numbers"
        raise ConfigError(
            f'calibrate.series: column "{series.column}" of "{series.file}" must hold {series.parts} {need} or more, '
            f"and nothing else; found {np.isfinite(values).sum()} numbers in {count(len(values), 'row')}"
        )
    means = [_part_mean(values, (number, series.parts), series.log) for number in range(series.parts)]
    return [
        Target(
            name=f"{series.steps} part {number + 1}",
            source="steps",
            column=series.steps,
            statistic="mean",
            value=float(value),
            error=math.nan if series.error is None else series.error,
            log=series.log,
            part=(number, series.parts),
        )
        for number, value in enumerate(means)
    ]


def _part_mean(values: Floats, part: tuple[int, int], log: bool) -> float:
    cut = np.array_split(np.log(values) if log else values, part[1])[part[0]]
    return float(cut.mean())


def _one(result: "RunResult", target: Target, dt: float) -> float:
    if target.source == "outcome":
        if target.column not in result.outcomes:
            raise ConfigError(f'moment "{target.name}": runs have no outcome "{target.column}"' + _near(target, result))
        value = float(result.outcomes[target.column])
        return _logged(value) if target.log else value
    values, every = _column(result, target, dt)
    if target.part:
        return _part_mean(values, target.part, target.log)
    value = STATISTICS[target.statistic](values, every) if values.size else math.nan
    return _logged(value) if target.log else value


def _logged(value: float) -> float:
    return math.log(value) if value > 0.0 else math.nan


def _near(target: Target, result: "RunResult") -> str:
    known = list(result.outcomes) if target.source == "outcome" else list(result.tables["steps"].column_names)
    return suggestion(target.column, known)


def _column(result: "RunResult", target: Target, dt: float) -> tuple[Floats, float]:
    """What the statistic is taken of, and the seconds between its samples."""
    if target.source == "events":
        events = result.tables["events"]
        mask = np.asarray(events["kind"].to_pandas() == target.column)
        return np.asarray(events["value"].to_numpy(), dtype=float)[mask], dt
    steps = result.tables["steps"]
    if target.column not in steps.column_names:
        raise ConfigError(f'moment "{target.name}": steps have no column "{target.column}"' + _near(target, result))
    ticks = np.asarray(steps["tick"].to_numpy())
    every = dt * (float(ticks[1] - ticks[0]) if ticks.size > 1 else 1.0)
    return np.asarray(steps[target.column].to_numpy(), dtype=float), every


def _volatility(values: Floats, every: float) -> float:
    """Root mean square of log changes, per year."""
    return float(np.sqrt(np.mean(np.diff(np.log(values)) ** 2) * YEAR / every)) if values.size > 1 else math.nan


def _autocorrelation(values: Floats, every: float) -> float:
    """Of log changes, at lag one."""
    changes = np.diff(np.log(values))
    changes = changes - changes.mean() if changes.size else changes
    return float((changes[1:] @ changes[:-1]) / (changes @ changes)) if changes.size > 2 else math.nan


def _quantile(share: float) -> Callable[[Floats, float], float]:
    return lambda values, every: float(np.quantile(values, share))


STATISTICS: dict[str, Callable[[Floats, float], Any]] = {
    "mean": lambda values, every: float(values.mean()),
    "median": _quantile(0.5),
    "p75": _quantile(0.75),
    "p95": _quantile(0.95),
    "std": lambda values, every: float(values.std()),
    "last": lambda values, every: float(values[-1]),
    "min": lambda values, every: float(values.min()),
    "max": lambda values, every: float(values.max()),
    "volatility": _volatility,
    "autocorrelation": _autocorrelation,
    "p95_over_median": lambda values, every: float(np.quantile(values, 0.95) / np.median(values)),
}
"""Of values sampled so many seconds apart."""
