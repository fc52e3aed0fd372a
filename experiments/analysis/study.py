"""A sweep as analyses see it: its axes, its points, and outcomes by point and replication."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from experiments.config.sweep_section import EVENT
from experiments.store.layout import is_host_column
from sim.errors import ConfigError, suggestion

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
LOSSES = ("bad_debt_usd", "liquidated_usd", "cascade_max_usd")
"""Outcomes that are looked at if nobody says which."""
_IDENTITY = ("run_key", "point", "replication", "seed", "status", "error", "repeat")


@dataclass(frozen=True)
class AxisView:
    """An axis of a finished sweep.

    name: the setting, or a free name. values: of a listed axis, numbers rising, others in their order. low, high: of a
    range. numeric: whether it has a number line; log: whether that is logarithmic.
    """

    name: str
    values: tuple[Any, ...]
    low: float
    high: float
    numeric: bool
    log: bool

    def places(self, column: Any) -> Array:
        """Values as places in [0, 1]: along the number line, or by number of the value where there is none."""
        if not self.numeric:
            order = {value: number for number, value in enumerate(self.values)}
            return np.array([order[value] for value in column], dtype=float) / max(len(self.values) - 1, 1)
        numbers = np.asarray(column, dtype=float)
        low, high = self.bounds
        if self.log:
            return np.asarray(np.log(numbers / low) / np.log(high / low) if high > low else 0.0 * numbers)
        return (numbers - low) / ((high - low) or 1.0)

    @property
    def bounds(self) -> tuple[float, float]:
        """Lowest and highest value of a numeric axis."""
        return (min(self.values), max(self.values)) if self.values else (self.low, self.high)


class Study:
    """The runs of a sweep.

    Parameters
    ----------
    runs: one row per run with point, replication, seed, status, param.AXIS and outcome columns.
    sweep: manifest["sweep"], as `Plan.describe` makes it. name, seed: of the config.
    """

    def __init__(self, runs: "pd.DataFrame", sweep: dict[str, Any], name: str = "sweep", seed: int = 0) -> None:
        self.runs = runs.sort_values(["point", "replication"]).reset_index(drop=True)
        self.sweep, self.name, self.seed = sweep, name, seed
        self.finished = self.runs[self.runs["status"] == "ok"]
        self.failed = self.runs[self.runs["status"] != "ok"]
        self.axes = tuple(_axis(row) for row in sweep["axes"])

    @property
    def method(self) -> str:
        """How points were chosen."""
        return str(self.sweep["method"])

    @property
    def points(self) -> int:
        """Points of the plan, whether they were run or not."""
        return int(self.sweep["points"])

    @property
    def rows(self) -> NDArray[np.int64]:
        """The point of each row of the design."""
        return np.asarray(self.sweep.get("rows") or range(self.points), dtype=np.int64)

    @property
    def footer(self) -> str:
        """Where a number comes from: sweep, seed, points, runs and failures."""
        asked = self.points * int(self.sweep["replications"])
        many = f"{len(self.runs):,} runs" if len(self.runs) == asked else f"{len(self.runs):,} of {asked:,} runs"
        return (
            f"Spillover · {self.name} · seed {self.seed} · {self.points:,} points · {many}, {len(self.failed)} failed"
        )

    @cached_property
    def outcomes(self) -> list[str]:
        """Names of outcome columns with at least one number."""
        known = [name for name in self.runs if name not in _IDENTITY and not is_host_column(name)]
        numbers = self.finished[[name for name in known if not name.startswith("param.")]]
        return [str(name) for name in numbers.select_dtypes("number") if numbers[name].notna().any()]

    def chosen(self, wanted: tuple[str, ...] = ()) -> list[str]:
        """What to look at: those asked for, those the sweep names, or losses; ConfigError for an unknown one."""
        named = wanted or tuple(self.sweep.get("outcomes") or ())
        for name in named:
            self.outcome(name)
        return list(named) or [name for name in LOSSES if name in self.outcomes] or self.outcomes[:3]

    def outcome(self, name: str) -> str:
        """The name of an outcome; ConfigError with the nearest one if no run has it."""
        if name not in self.outcomes:
            raise ConfigError(f'no outcome "{name}" in this sweep{suggestion(name, self.outcomes)}')
        return name

    def axis(self, name: str) -> AxisView:
        """The axis of a name; ConfigError with the nearest one if there is none."""
        for axis in self.axes:
            if axis.name == name:
                return axis
        raise ConfigError(f'no axis "{name}" in this sweep{suggestion(name, [axis.name for axis in self.axes])}')

    def values(self, outcome: str) -> Array:
        """(points, replications) of an outcome; NaN where a run failed or is missing."""
        table = np.full((self.points, int(self.sweep["replications"])), np.nan)
        rows = self.finished
        table[rows["point"].to_numpy(), rows["replication"].to_numpy()] = rows[outcome].to_numpy(dtype=float)
        return table

    @property
    def finished_table(self) -> NDArray[np.bool_]:
        """(points, replications) whether a run finished."""
        table = np.zeros((self.points, int(self.sweep["replications"])), dtype=bool)
        table[self.finished["point"].to_numpy(), self.finished["replication"].to_numpy()] = True
        return table

    def means(self, outcome: str) -> Array:
        """(points,) means over replications; NaN for points with a run that failed or was never made."""
        table = self.values(outcome)
        counts = np.isfinite(table).sum(axis=1)
        done = counts == counts.max(initial=0) if not self.sweep.get("stop") else counts > 0
        bad = np.isin(np.arange(self.points), self.failed["point"].to_numpy())
        sums = np.nansum(table, axis=1) / np.maximum(counts, 1)
        return np.where(done & ~bad & (counts > 0), sums, np.nan)

    @cached_property
    def params(self) -> "pd.DataFrame":
        """(points that were run, axes) values by point number."""
        names = {f"param.{axis.name}": axis.name for axis in self.axes}
        return self.runs.drop_duplicates("point").set_index("point")[list(names)].rename(columns=names)

    def label(self, point: int) -> str:
        """A point in words."""
        row = self.params.loc[point]
        return ", ".join(f"{short(axis.name)} = {shown(row[axis.name])}" for axis in self.axes) or "the config"

    def unit(self) -> tuple[NDArray[np.int64], Array]:
        """Points that were run, and their (points, axes) places in [0, 1]."""
        index = self.params.index.to_numpy()
        columns = [axis.places(self.params[axis.name].tolist()) for axis in self.axes]
        return index, np.column_stack(columns) if columns else np.empty((index.size, 0))


@dataclass(frozen=True)
class Event:
    """Something that happens in a run or not: an outcome above or below a bound."""

    outcome: str
    sign: str
    bound: float

    def __str__(self) -> str:
        return f"{self.outcome} {self.sign} {self.bound:,g}"

    def happened(self, values: Any) -> Array:
        """1 where it did, 0 where it did not, NaN where it is not known."""
        compare = {">": np.greater, ">=": np.greater_equal, "<": np.less, "<=": np.less_equal}[self.sign]
        values = np.asarray(values, dtype=float)
        return np.where(np.isnan(values), np.nan, compare(values, self.bound).astype(float))


def event_of(text: str) -> Event:
    """An event from its text, such as "bad_debt_usd > 0"; ConfigError if it is none."""
    found = EVENT.fullmatch(text)
    if found is None:
        raise ConfigError(f'event: found "{text}"; must be an outcome, one of > >= < <=, and a number')
    return Event(found[1], found[2], float(found[3]))


def open_study(path: Path | str) -> Study:
    """The sweep in an output folder; ConfigError if the folder holds none."""
    from experiments.store import open_folder

    folder = open_folder(path)
    sweep = folder.manifest.get("sweep")
    if not sweep:
        raise ConfigError(f'"{path}" holds no sweep; `spillover sweep` makes one, `spillover report` reads single runs')
    return Study(folder.runs, sweep, folder.name, int(folder.manifest["config"]["run"]["seed"]))


def short(name: str) -> str:
    """The end of a path, long enough to be told apart: shocks.crash.size is crash.size."""
    return ".".join(name.split(".")[-2:])


def shown(value: Any) -> str:
    """A value of an axis as tables show it."""
    return f"{value:,.4g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _axis(row: dict[str, Any]) -> AxisView:
    numeric = bool(row.get("numeric", True))
    values = tuple(sorted(row.get("values", ()))) if numeric else tuple(row.get("values", ()))
    log = row.get("scale") == "log"
    return AxisView(row["name"], values, row.get("low", np.nan), row.get("high", np.nan), numeric, log)
