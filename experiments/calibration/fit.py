"""The method of simulated moments: McFadden (1989), Duffie and Singleton (1993).

The estimate minimises g' W g, g being the mean of the simulated moments less the recorded ones, with Gauss-Newton steps
on common random numbers. W is the inverse of the covariance of g: that of the record plus that of the simulation over
the number of runs. Intervals are from (J' W J)^-1, in its sandwich form, and Student's t.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.calibration.problem import Heard, Simulator, Task, finished
from experiments.calibration.search import bounds, places, start, values_at
from experiments.config.calibrate_section import FINITE_SAMPLE
from sim.errors import SpilloverError

Floats = NDArray[np.float64]
STEP = 0.04
"""Half width of finite differences, as a share of the range of a parameter, on its scale."""
CLOSE = 1e-4
"""A step this small, as a share of the range, ends the search."""
EDGE = 1e-3
"""This near to a bound, as a share of the range, the fit wants to leave it."""
ROOMY = 5
"""Runs per moment from which on their covariances are used, and not only their variances."""


@dataclass(frozen=True)
class Parameter:
    """A fitted setting: estimate, interval and bounds of the search; at_bound: whether the fit wants to leave them."""

    path: str
    value: float
    low: float
    high: float
    bounds: tuple[float, float]
    at_bound: bool


@dataclass(frozen=True)
class Compared:
    """A moment beside the record: means over the runs of the fit and over others; z: distance in standard errors."""

    name: str
    recorded: float
    fitted: float
    others: float
    z: float
    held_out: bool


@dataclass(frozen=True)
class Fit:
    """The outcome of a calibration.

    distance, distance_others: g' W g on the runs of the fit and on others. freedom: moments less parameters; with a
    right model the distance is chi-square of it, `p` being the chance of a larger one. That takes the covariances of
    moments: None with too few runs for them (`ROOMY`), or without any freedom.
    """

    parameters: list[Parameter]
    moments: list[Compared]
    distance: float
    distance_others: float
    freedom: int
    p: float | None
    level: float
    runs: int

    def as_data(self) -> dict[str, Any]:
        """As plain data."""
        return vars(self) | {
            "parameters": [vars(parameter) for parameter in self.parameters],
            "moments": [vars(moment) for moment in self.moments],
        }


def calibrate(task: Task, folder: Path | str, workers: int = 1, heard: Heard | None = None) -> Fit:
    """Fit the [calibrate] of a config; called again with the same folder, it goes on where it was stopped.

    Parameters
    ----------
    task: from `Task.of`. folder: keeps finished runs. workers: processes. heard: told of the progress.

    Raises ConfigError for an unusable folder or unknown columns, SpilloverError if most runs somewhere fail.
    """
    simulator = Simulator(task, Path(folder), workers, heard)
    try:
        return _Descent(simulator).fit(start(simulator, Path(folder)))
    finally:
        simulator.close()


def broyden(jacobian: Floats, step: Floats, change: Floats) -> Floats:
    """The Jacobian that explains what a step changed and is nearest to the old one (Broyden, 1965): no runs needed."""
    return np.asarray(jacobian + np.outer(change - jacobian @ step, step) / (step @ step))


class _Descent:
    """Gauss-Newton steps with common random numbers."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator, self.task, self.table = simulator, simulator.task, simulator.task.table
        self.wanted = np.array([target.value for target in self.task.wanted])
        self.errors = np.array([target.error for target in self.task.wanted])
        self.fitted = np.array([not target.held_out for target in self.task.wanted])
        self.low, self.high = bounds(self.task.parameters)
        self.seeds = range(self.table.seeds)

    def fit(self, first: tuple[float, ...]) -> Fit:
        """From a starting point to the estimate, with its intervals and checks."""
        x = places(first, self.task.parameters)
        rows = self._rows([x])[0]
        jacobian = self._jacobian(x)
        for _ in range(self.table.steps):
            weights, gap = self._weights(self._omega(rows)), self._gap(rows)
            step = self._step(x, gap, jacobian, weights)
            if np.abs(step / (self.high - self.low)).max() < CLOSE:
                break
            moved, new = self._improve(x, step, rows, weights)
            if moved is x:
                break
            jacobian = broyden(jacobian, moved - x, self._gap(new) - gap)
            x, rows = moved, new
        return self._report(x, rows, self._jacobian(x))

    def _rows(self, spots: list[Floats], seeds: range | None = None) -> list[Floats]:
        """(runs, targets) at each place, of the runs that have all moments of the fit: what is held out has no say."""
        points = [values_at(spot, self.task.parameters) for spot in spots]
        found = self.simulator.moments(points, seeds or self.seeds)
        causes = self.simulator.failures()
        return [finished(rows, str(point), causes, self.fitted) for rows, point in zip(found, points, strict=True)]

    def _gap(self, rows: Floats) -> Floats:
        """(fitted moments,) simulated less recorded."""
        return np.asarray((rows.mean(axis=0) - self.wanted)[self.fitted])

    def _omega(self, rows: Floats) -> Floats:
        """Covariance of the gap: of the record, or of one run where its error is not known, plus the simulation's."""
        simulated = np.atleast_2d(np.cov(rows[:, self.fitted], rowvar=False))
        errors = self.errors[self.fitted]
        record = np.where(np.isnan(errors), 0.0, errors) ** 2
        one = np.isnan(errors)
        covariance = simulated / len(rows) + np.diag(record) + simulated * np.outer(one, one)
        return np.asarray(covariance + 1e-12 * np.diag(np.maximum(np.diag(covariance), 1e-300)))

    @property
    def _roomy(self) -> bool:
        """Whether there are runs enough for the covariances of moments."""
        return bool(self.table.seeds >= ROOMY * self.fitted.sum())

    def _weights(self, omega: Floats) -> Floats:
        if self._roomy:
            return np.asarray(np.linalg.inv(omega))
        return np.diag(1.0 / np.maximum(np.diag(omega), 1e-300))

    def _jacobian(self, x: Floats) -> Floats:
        """(fitted moments, parameters) central differences over the same seeds."""
        spots, widths = [], []
        for number, span in enumerate(self.high - self.low):
            ends = [x.copy(), x.copy()]
            ends[0][number] = max(x[number] - STEP * span, self.low[number])
            ends[1][number] = min(x[number] + STEP * span, self.high[number])
            spots += ends
            widths.append(ends[1][number] - ends[0][number])
        gaps = [self._gap(rows) for rows in self._rows(spots)]
        return np.column_stack([(gaps[2 * n + 1] - gaps[2 * n]) / width for n, width in enumerate(widths)])

    def _step(self, x: Floats, gap: Floats, jacobian: Floats, weights: Floats) -> Floats:
        step = -np.linalg.lstsq(jacobian.T @ weights @ jacobian, jacobian.T @ weights @ gap, rcond=None)[0]
        return np.asarray(np.clip(x + step, self.low, self.high) - x)

    def _improve(self, x: Floats, step: Floats, rows: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """The whole step, or the half or quarter of it that comes nearer; x itself if none does."""
        gap = self._gap(rows)
        for share in (1.0, 0.5, 0.25):
            new = self._rows([x + share * step])[0]
            if self._gap(new) @ weights @ self._gap(new) < gap @ weights @ gap:
                return x + share * step, new
        return x, rows

    def _report(self, x: Floats, rows: Floats, jacobian: Floats) -> Fit:
        from scipy.stats import chi2, t

        omega = self._omega(rows)
        weights = self._weights(omega)
        bread = np.linalg.pinv(jacobian.T @ weights @ jacobian)
        spread = bread @ jacobian.T @ weights @ omega @ weights @ jacobian @ bread
        reach = t.ppf(0.5 + self.table.level / 2, max(len(rows) - 1, 1)) * np.sqrt(np.diag(spread))
        unseen = max(self.table.seeds, self.table.search_seeds)
        others = self._rows([x], range(unseen, unseen + self.table.held_out_seeds))[0]
        gap, gap_others = self._gap(rows), self._gap(others)
        distance, freedom = float(gap @ weights @ gap), len(gap) - len(x)
        return Fit(
            parameters=self._parameters(x, reach),
            moments=self._moments(rows, others),
            distance=distance,
            distance_others=float(gap_others @ weights @ gap_others),
            freedom=freedom,
            p=float(chi2.sf(distance, freedom)) if freedom and self._roomy else None,
            level=self.table.level,
            runs=self.simulator.made + self.simulator.reused,
        )

    def _parameters(self, x: Floats, reach: Floats) -> list[Parameter]:
        back: Callable[[float, str], float] = lambda spot, scale: float(np.exp(spot) if scale == "log" else spot)  # noqa: E731
        edge = EDGE * (self.high - self.low)
        return [
            Parameter(
                path=p.path,
                value=back(x[n], p.scale),
                low=back(x[n] - reach[n], p.scale),
                high=back(x[n] + reach[n], p.scale),
                bounds=(p.low, p.high),
                at_bound=bool(x[n] - self.low[n] < edge[n] or self.high[n] - x[n] < edge[n]),
            )
            for n, p in enumerate(self.task.parameters)
        ]

    def _moments(self, rows: Floats, others: Floats) -> list[Compared]:
        """Every moment, with its distance from the record judged on runs that the fit did not see."""
        found = []
        for number, target in enumerate(self.task.wanted):
            seen, column = (table[np.isfinite(table[:, number]), number] for table in (rows, others))
            if len(column) < FINITE_SAMPLE or not len(seen):
                raise SpilloverError(f'calibration: moment "{target.name}" exists in {len(column)} runs of other seeds')
            error = 0.0 if np.isnan(target.error) else target.error**2
            error = column.var(ddof=1) * (1.0 / len(column) + float(np.isnan(target.error))) + error
            z = (column.mean() - target.value) / np.sqrt(max(error, 1e-300))
            here, there = (target.back(float(values.mean())) for values in (seen, column))
            recorded = target.back(target.value)
            found.append(Compared(target.name, recorded, here, there, float(z), target.held_out))
        return found
