"""Reading the folder of a sweep: frames, SQL, labelled arrays, and the pair that the EMA workbench takes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from experiments.store.layout import COMPLETE, HOST, INTERRUPTED, RUNNING, SWEEP_RUNS, TABLES
from experiments.store.places import Place
from experiments.store.sealing import HEAD, HOST_HEAD, PARAM
from sim.errors import ConfigError, suggestion

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow.dataset as ds
    import xarray as xr

FIRST = ("run_key", "point", "replication", "seed", "status", "duration_s", "error", "traceback", "repeat")
"""Columns at the head of `SweepFolder.runs`."""


class SweepFolder:
    """The results of a sweep, of one that is still running or was stopped as far as they are sealed.

    Attributes
    ----------
    place: where it is. manifest: all of manifest.json; what was swept stands under "sweep".
    """

    def __init__(self, place: Place, manifest: dict[str, Any]) -> None:
        self.place, self.manifest = place, manifest

    @property
    def path(self) -> str:
        """The folder as it was given."""
        return self.place.name

    @property
    def name(self) -> str:
        """Title of the run that was swept."""
        return str(self.manifest["name"])

    @property
    def interrupted(self) -> bool:
        """Whether runs are missing because the sweep was stopped, killed, or goes on."""
        return bool(self.manifest["status"] in (INTERRUPTED, RUNNING))

    @property
    def complete(self) -> bool:
        """Whether all runs are there."""
        return bool(self.manifest["status"] == COMPLETE)

    @cached_property
    def runs(self) -> "pd.DataFrame":
        """One row per run, by point and replication: key, status, error, repeat, param.*, outcomes, host columns."""
        with self._readable():
            rows, host = (self._dataset(table).to_table().to_pandas() for table in (SWEEP_RUNS, HOST))
        keys = ["point", "replication"]
        joined = rows.merge(host.drop(columns="run_key"), on=keys, how="left", validate="1:1").sort_values(keys)
        head = [name for name in FIRST if name in joined]
        return joined[[*head, *(name for name in joined if name not in head)]].reset_index(drop=True)

    @property
    def params(self) -> list[str]:
        """Names of the axes."""
        return [axis["name"] for axis in self.manifest["sweep"]["axes"]]

    @property
    def outcomes(self) -> list[str]:
        """Names of the outcome columns."""
        names = self._dataset(SWEEP_RUNS).schema.names
        return [name for name in names if name not in HEAD and not name.startswith(PARAM)]

    def table(self, name: str, columns: Sequence[str] | None = None, point: int | None = None) -> "pd.DataFrame":
        """A table of all runs, or of one point's: steps, events, flows, edges, accounts or postings, as far as kept.

        columns: those wanted, besides point and replication. Raises ConfigError for a table that was not kept.
        """
        import pyarrow.dataset as ds

        data = self.dataset(name)
        wanted = None if columns is None else ["point", "replication", *self._known(columns, data.schema.names)]
        chosen = None if point is None else ds.field("point") == point
        with self._readable():
            return data.to_table(columns=wanted, filter=chosen).to_pandas()

    def steps(self, columns: Sequence[str] | None = None, point: int | None = None) -> "pd.DataFrame":
        """Metrics at every sampled tick; in a sweep they are 32-bit floats. columns, point: see `table`."""
        return self.table("steps", columns, point)

    def mean(self, metric: str, table: str = "steps") -> "pd.Series":
        """Mean of a metric over all runs, by tick."""
        data = self.dataset(table).to_table(columns=["tick", *self._known([metric], self.dataset(table).schema.names)])
        grouped = data.group_by("tick").aggregate([(metric, "mean")]).sort_by("tick").to_pandas()
        return grouped.set_index("tick")[f"{metric}_mean"].rename(metric)

    def dataset(self, table: str) -> "ds.Dataset":
        """A table as an Arrow dataset. Raises ConfigError for a table that was not kept."""
        kept = self.manifest["sweep"]["keep"]
        if table in (SWEEP_RUNS, HOST):
            return self._dataset(table)
        if table not in kept:
            hint = f"; add it to sweep.keep = {list(kept)}" if table in TABLES else suggestion(table, list(kept))
            raise ConfigError(f'"{self.path}" keeps no table "{table}"{hint}')
        return self._dataset(table)

    def sql(self, query: str) -> "pd.DataFrame":
        """The answer of DuckDB to a query over `runs`, `host` and the tables kept. Raises ConfigError."""
        from experiments.store.querying import query as ask

        return ask(self, query)

    def xarray(self) -> "xr.Dataset":
        """Outcomes by point and replication, the axes as coordinates along `point`; of a full grid, as dimensions."""
        from experiments.store.querying import labelled

        return labelled(self)

    def ema(self) -> "tuple[pd.DataFrame, dict[str, np.ndarray]]":
        """(experiments, outcomes) as the EMA workbench takes them: runs that finished, their axes and outcomes."""
        finished = self.runs[self.runs["status"] == "ok"].reset_index(drop=True)
        experiments = finished[[f"{PARAM}{name}" for name in self.params]].rename(
            columns=lambda name: name.removeprefix(PARAM)
        )
        experiments = experiments.assign(policy="none", model=self.name, scenario=finished["point"])
        return experiments, {name: finished[name].to_numpy() for name in self.outcomes}

    def files(self, table: str) -> list[str]:
        """Finished parts of a table, relative to the folder: those whose rows are in `runs`."""
        finished = set(self._sealed)
        return [f"{table}/{name}" for name in self.place.parts(table) if name in finished]

    @cached_property
    def _sealed(self) -> list[str]:
        return self.place.parts(SWEEP_RUNS)

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """Say which folder is damaged if a part of it cannot be read."""
        import pyarrow as pa

        try:
            yield
        except (pa.ArrowException, OSError) as error:
            raise ConfigError(
                f'"{self.path}" is damaged: {error}; `spillover verify {self.path}` names the files, `spillover sweep` '
                "with --force makes them again"
            ) from None

    def _dataset(self, table: str) -> "ds.Dataset":
        import pyarrow as pa
        import pyarrow.dataset as ds

        paths = [f"{self.place.root}/{name}" for name in self.files(table)]
        if not paths:
            return ds.dataset(_empty(table))
        with self._readable():
            parts = [ds.dataset(path, format="parquet", filesystem=self.place.files) for path in paths]
        schema = pa.unify_schemas([part.schema for part in parts], promote_options="permissive")
        return ds.dataset([part.replace_schema(schema) for part in parts])

    def _known(self, columns: Sequence[str], names: Sequence[str]) -> list[str]:
        for column in columns:
            if column not in names:
                raise ConfigError(f'"{self.path}" has no column "{column}"{suggestion(column, list(names))}')
        return [column for column in columns if column not in ("point", "replication")]


def _empty(table: str) -> Any:
    """A table of a sweep that has no part yet."""
    import pyarrow as pa

    kinds: dict[str, Any] = {SWEEP_RUNS: HEAD, HOST: HOST_HEAD}.get(
        table, {"point": pa.int32(), "replication": pa.int32()}
    )
    return pa.table({name: pa.array([], kind) for name, kind in kinds.items()})
