"""A folder as pictures see it: one run shown in full, all runs for the spread."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from experiments.wording import count
from sim.errors import ConfigError, suggestion

if TYPE_CHECKING:
    from pandas import DataFrame

    from experiments.store import Folder

FEW = 5
"""Fewer runs than this have no quantiles worth drawing."""
MANY = 20
"""From this many runs on, 5% and 95% quantiles lie inside the sample."""


class RunView:
    """One finished run of a folder, with its tables read once, and the outcomes of all others.

    folder: an open folder. replication: which run is shown in full; the first finished one if None.
    """

    def __init__(self, folder: "Folder", replication: int | None = None) -> None:
        self.folder = folder
        self.runs = folder.runs
        self.finished = self.runs[self.runs["status"] == "ok"]
        self.failed = len(self.runs) - len(self.finished)
        known = folder.replications
        if replication is not None and replication not in known:
            named = [str(number) for number in known]
            raise ConfigError(f"no finished run {replication} in {folder.path}{suggestion(str(replication), named)}")
        self.replication = replication if replication is not None else (known[0] if known else -1)

    @property
    def empty(self) -> str:
        """Why nothing can be drawn at all; empty if something can."""
        if len(self.finished):
            return ""
        return f"no run of this folder has finished ({count(self.failed, 'run')} failed); runs.parquet has the errors"

    # Settings --------------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Title of the run."""
        return self.folder.name

    @property
    def seed(self) -> int:
        """Seed of all runs of the folder."""
        return int(self.folder.manifest["config"]["run"]["seed"])

    @property
    def world(self) -> dict[str, Any]:
        """Lengths, names and reference markets, from the manifest."""
        return self.folder.world

    @property
    def dt(self) -> float:
        """Seconds per tick."""
        return float(self.world["dt"])

    @property
    def ticks(self) -> int:
        """Length of a run in ticks."""
        return int(self.world["ticks"])

    @property
    def start(self) -> str:
        """Moment of tick 0, as in "2021-05-19 00:00 UTC"."""
        return f"{self.folder.time(0):%Y-%m-%d %H:%M} UTC"

    @property
    def footer(self) -> str:
        """Where a picture comes from: run, seed, runs and failures, and which run is shown."""
        asked = self.folder.manifest["runs"]["requested"]
        stopped = f" of {asked:,} (interrupted)" if self.folder.interrupted else ""
        shown = f" · shown: replication {self.replication}" if len(self.finished) > 1 else ""
        runs = f"{count(len(self.runs), 'run')}{stopped}, {self.failed} failed"
        return f"Spillover · {self.name} · seed {self.seed} · {runs}{shown}"

    # Tables of the run shown -----------------------------------------------------------------------------------------

    @cached_property
    def steps(self) -> "DataFrame":
        """Sampled metrics, one row per sampled tick in order."""
        return self.folder.steps(self.replication).sort_values("tick").reset_index(drop=True)

    @cached_property
    def flows(self) -> "DataFrame":
        """Attribution: tick, asset, venue, population, motive, dlog."""
        return self.folder.flows(self.replication)

    @cached_property
    def edges(self) -> "DataFrame":
        """Sampled exposure networks: tick, holder, issuer, token, usd."""
        return self.folder.edges(self.replication)

    @cached_property
    def accounts(self) -> "DataFrame":
        """One row per account: owner, wealth and health at both ends of the run."""
        return self.folder.accounts(self.replication)

    def series(self, column: str) -> NDArray[np.float64]:
        """A column of steps as floats; zeros if no metric writes it."""
        if column not in self.steps:
            return np.zeros(len(self.steps))
        return self.steps[column].to_numpy(dtype=float)

    # Assets ----------------------------------------------------------------------------------------------------------

    @cached_property
    def assets(self) -> list[str]:
        """Assets with a price, in the order of the table."""
        return [column[len("price.") :] for column in self.steps if column.startswith("price.")]

    def asset(self, wanted: str | None) -> str:
        """The asset a picture is about: the wanted one, or the one that fell most.

        Raises ConfigError if there is no such asset.
        """
        if wanted is None:
            return max(self.assets, key=lambda asset: self.outcome(f"drawdown.{asset}"))
        if wanted not in self.assets:
            raise ConfigError(f'no prices of "{wanted}" in this folder{suggestion(wanted, self.assets)}')
        return wanted

    # Outcomes --------------------------------------------------------------------------------------------------------

    def outcome(self, column: str) -> float:
        """An outcome of the run shown; zero if no metric writes it."""
        if column not in self.finished:
            return 0.0
        return float(self.finished.loc[self.finished["replication"] == self.replication, column].iloc[0])

    def outcomes(self, column: str) -> NDArray[np.float64]:
        """An outcome of every finished run; empty if no metric writes it."""
        return self.finished[column].to_numpy(dtype=float) if column in self.finished else np.empty(0)

    def across(self, what: str, values: NDArray[np.float64], text: Callable[[float], str]) -> str:
        """One sentence on the spread of a number over runs; empty if there is one run."""
        values = values[np.isfinite(values)]
        if len(self.finished) < 2 or not values.size:
            return ""
        return f"{what[0].upper()}{what[1:]} in {values.size} runs: {spread(values, text)}."


def spread(values: NDArray[np.float64], text: Callable[[float], str]) -> str:
    """A median with the interval that holds 90% of the values; the range where there are too few for quantiles."""
    if values.size >= MANY:
        low, high, kind = *np.quantile(values, [0.05, 0.95]), "90% interval"
    else:
        low, high, kind = values.min(), values.max(), "range"
    return f"median {text(float(np.median(values)))}, {kind} {text(float(low))} to {text(float(high))}"
