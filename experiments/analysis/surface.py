"""How an outcome, or the probability of an event, changes over the axes of a sweep."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from experiments.analysis.study import AxisView, Event, Study, short
from sim.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
HALF = 0.5
DRAWS = 400


@dataclass(frozen=True)
class Phase:
    """Probability of an event over two axes.

    x, y: the axes. x_values, y_values: their values, in order. hits, runs: (y, x) counts of runs with the event and of
    all finished runs. line: (y,) x at which the probability is one half, NaN where it is nowhere or everywhere on that
    row. low, high: (y,) its interval over replications, which the points share. failed: (y, x) counts of failed runs.
    """

    event: Event
    x: AxisView
    y: AxisView
    x_values: tuple[Any, ...]
    y_values: tuple[Any, ...]
    hits: Array
    runs: Array
    failed: Array
    line: Array
    low: Array
    high: Array
    level: float

    @property
    def probability(self) -> Array:
        """(y, x) share of runs with the event; NaN where no run finished."""
        return np.divide(self.hits, self.runs, out=np.full(self.hits.shape, np.nan), where=self.runs > 0)

    def frame(self) -> "pd.DataFrame":
        """One row per combination: x, y, runs, failed, hits, probability with Wilson's interval."""
        import pandas as pd

        low, high = wilson(self.hits, self.runs, self.level)
        ys, xs = np.meshgrid(np.arange(len(self.y_values)), np.arange(len(self.x_values)), indexing="ij")
        columns: dict[str, Any] = {
            self.x.name: [self.x_values[i] for i in xs.ravel()],
            self.y.name: [self.y_values[i] for i in ys.ravel()],
        }
        numbers = {"runs": self.runs, "failed": self.failed, "hits": self.hits, "probability": self.probability}
        columns |= {name: table.ravel() for name, table in (numbers | {"low": low, "high": high}).items()}
        return pd.DataFrame(columns)

    def as_data(self) -> dict[str, Any]:
        """As plain data: the cells, and the line with its interval."""
        ends = zip(self.y_values, self.line, self.low, self.high, strict=True)
        return {
            "event": str(self.event),
            "x": self.x.name,
            "y": self.y.name,
            "cells": self.frame().to_dict("records"),
            "half": [{self.y.name: y, self.x.name: line, "low": low, "high": high} for y, line, low, high in ends],
        }


def phase(study: Study, event: Event, x: str = "", y: str = "", level: float = 0.95) -> Phase:
    """The phase diagram of an event over two listed axes, summed over all others.

    x, y: names of axes; the first numeric one that is listed, and the next listed one, if not given. The 50% line goes
    through the first crossing on each row, between neighbouring points. Its interval draws whole replications again,
    because all points share their random numbers. Raises ConfigError if there are no two such axes.
    """
    study.outcome(event.outcome)
    across, up = axes_of(study, x, y)
    happened = event.happened(study.values(event.outcome))
    columns, rows = ({value: i for i, value in enumerate(axis.values)} for axis in (across, up))
    index = study.params.index.to_numpy()
    place = [study.params[axis.name].map(order).to_numpy() for axis, order in ((up, rows), (across, columns))]
    shape = (len(rows), len(columns), happened.shape[1])
    hits, runs = np.zeros(shape), np.zeros(shape)
    np.add.at(hits, (place[0], place[1]), np.nan_to_num(happened[index]))
    np.add.at(runs, (place[0], place[1]), np.isfinite(happened[index]))
    failed = np.zeros(shape[:2])
    lost = study.failed["point"].map(dict(zip(index.tolist(), range(index.size), strict=True))).to_numpy(dtype=int)
    np.add.at(failed, (place[0][lost], place[1][lost]), 1.0)
    spots = _spots(across)
    low, high = _band(hits, runs, spots, level)
    line = crossings(_share(hits.sum(axis=2), runs.sum(axis=2)), spots)
    ends = (_value(across, line), _value(across, low), _value(across, high))
    return Phase(event, across, up, across.values, up.values, hits.sum(axis=2), runs.sum(axis=2), failed, *ends, level)


def axes_of(study: Study, x: str, y: str) -> tuple[AxisView, AxisView]:
    """The two axes of a picture; see `phase`."""
    listed = [axis for axis in study.axes if len(axis.values) > 1]
    across = study.axis(x) if x else next((axis for axis in listed if axis.numeric), None)
    up = study.axis(y) if y else next((axis for axis in listed if axis is not across), None)
    if across is None or up is None or not across.values or not up.values or across is up:
        known = ", ".join(axis.name for axis in study.axes) or "none"
        raise ConfigError(f"a phase diagram needs two listed axes, the first of them numeric; this sweep has: {known}")
    if not across.numeric:
        raise ConfigError(f'axis "{across.name}" has no number line to put across; take it as the other axis')
    return across, up


def crossings(probability: Array, spots: Array) -> Array:
    """(rows,) places at which the probability first crosses one half along each row.

    probability: (rows, columns), NaN where unknown. spots: (columns,) increasing places. NaN for a row that stays on
    one side.
    """
    found = np.full(len(probability), np.nan)
    for number, row in enumerate(probability):
        known = np.isfinite(row)
        gap, where = row[known] - HALF, spots[known]
        turn = np.flatnonzero(gap[:-1] * gap[1:] < 0)
        exact = np.flatnonzero(gap == 0)
        if exact.size and (not turn.size or exact[0] <= turn[0]):
            found[number] = where[exact[0]]
        elif turn.size:
            i = turn[0]
            found[number] = where[i] + (where[i + 1] - where[i]) * gap[i] / (gap[i] - gap[i + 1])
    return found


def wilson(hits: Any, runs: Any, level: float = 0.95) -> tuple[Array, Array]:
    """Wilson's (1927) score interval of a probability; 0 to 1 where there are no runs."""
    from scipy.stats import norm

    z = norm.ppf(0.5 + level / 2)
    n = np.maximum(np.asarray(runs, dtype=float), 1e-9)
    share = np.asarray(hits, dtype=float) / n
    center, scale = share + z * z / (2 * n), 1 + z * z / n
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return np.clip((center - half) / scale, 0.0, 1.0), np.clip((center + half) / scale, 0.0, 1.0)


@dataclass(frozen=True)
class Response:
    """A quadratic fitted to the means of points, over numeric axes scaled to [-1, 1].

    terms: names such as "1", "x", "x*y", "x^2". coefficients: of them. fit: R^2. predicted: R^2 of points left out one
    at a time (Q^2); far below `fit`, the surface describes noise.
    """

    outcome: str
    terms: tuple[str, ...]
    coefficients: Array
    fit: float
    predicted: float

    def as_data(self) -> dict[str, Any]:
        """As plain data."""
        terms = {name: float(value) for name, value in zip(self.terms, self.coefficients, strict=True)}
        return {"outcome": self.outcome, "r2": self.fit, "q2": self.predicted, "terms": terms}


def response(study: Study, outcome: str) -> Response | None:
    """The quadratic response surface of an outcome; None if there are too few points for its terms."""
    numeric = [number for number, axis in enumerate(study.axes) if axis.numeric]
    index, unit = study.unit()
    y = study.means(study.outcome(outcome))[index]
    kept = np.isfinite(y)
    x, y = 2 * unit[kept][:, numeric] - 1, y[kept]
    names, design = _quadratic([short(study.axes[number].name) for number in numeric], x)
    if len(numeric) == 0 or len(y) <= len(names) or np.linalg.matrix_rank(design) < len(names) or not y.std() > 0:
        return None
    coefficients = np.asarray(np.linalg.lstsq(design, y, rcond=None)[0], dtype=np.float64)
    left = y - design @ coefficients
    leverage = np.einsum("ij,ji->i", design, np.linalg.pinv(design))
    total = ((y - y.mean()) ** 2).sum()
    outside = left / np.maximum(1.0 - leverage, 1e-9)
    fits = 1 - (left @ left) / total, 1 - (outside @ outside) / total
    return Response(outcome, tuple(names), coefficients, float(fits[0]), float(fits[1]))


def _quadratic(names: list[str], x: Array) -> tuple[list[str], Array]:
    terms, columns = ["1", *names], [np.ones(len(x)), *x.T]
    for i in range(len(names)):
        for j in range(i, len(names)):
            terms.append(f"{names[i]}^2" if i == j else f"{names[i]}*{names[j]}")
            columns.append(x[:, i] * x[:, j])
    return terms, np.column_stack(columns)


def _spots(axis: AxisView) -> Array:
    values = np.asarray(axis.values, dtype=float)
    return np.log(values) if axis.log else values


def _value(axis: AxisView, spots: Array) -> Array:
    return np.exp(spots) if axis.log else spots


def _share(hits: Array, runs: Array) -> Array:
    return np.divide(hits, runs, out=np.full(hits.shape, np.nan), where=runs > 0)


def _band(hits: Array, runs: Array, spots: Array, level: float) -> tuple[Array, Array]:
    """Interval of the line; open, NaN, on rows where more than a tenth of the draws do not cross."""
    rng, many = np.random.default_rng(0), hits.shape[2]
    found = []
    for _ in range(DRAWS if many > 1 else 0):
        drawn = rng.integers(0, many, many)
        found.append(crossings(_share(hits[:, :, drawn].sum(axis=2), runs[:, :, drawn].sum(axis=2)), spots))
    if not found:
        return np.full(len(hits), np.nan), np.full(len(hits), np.nan)
    lines = np.array(found)
    known = np.isfinite(lines).mean(axis=0) >= 0.9
    ends = np.full((2, len(hits)), np.nan)
    if known.any():
        ends[:, known] = np.nanquantile(lines[:, known], [0.5 - level / 2, 0.5 + level / 2], axis=0)
    return ends[0], ends[1]
