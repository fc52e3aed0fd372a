"""SQL over the tables of a sweep, and its outcomes as labelled arrays."""

from typing import TYPE_CHECKING, Any

from experiments.store.layout import HOST, SWEEP_RUNS
from experiments.store.sealing import PARAM
from sim.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from experiments.store.sweep_folder import SweepFolder


def query(folder: "SweepFolder", text: str) -> "pd.DataFrame":
    """What DuckDB answers; the tables are `runs`, `host` and those kept. Raises ConfigError for a query it refuses."""
    try:
        import duckdb
    except ImportError:
        raise ConfigError('SQL needs DuckDB: `pip install "spillover[analysis]"`') from None
    with duckdb.connect() as base:
        for table in (SWEEP_RUNS, HOST, *folder.manifest["sweep"]["keep"]):
            base.register(table, folder.dataset(table))
        try:
            return base.execute(text).df()
        except duckdb.Error as error:
            raise ConfigError(f"the query was refused: {error}") from None


def labelled(folder: "SweepFolder") -> "xr.Dataset":
    """See `SweepFolder.xarray`."""
    try:
        import xarray as xr
    except ImportError:
        raise ConfigError('labelled arrays need xarray: `pip install "spillover[analysis]"`') from None
    runs = folder.runs.set_index(["point", "replication"])
    axes = [f"{PARAM}{name}" for name in folder.params]
    data = xr.Dataset.from_dataframe(runs[folder.outcomes])
    coordinates = runs[axes].groupby(level="point").first().rename(columns=lambda name: name.removeprefix(PARAM))
    if folder.manifest["sweep"]["method"] == "grid" and axes and _full(coordinates):
        return _spread(runs, folder, axes)
    return data.assign_coords({name: ("point", coordinates[name].to_numpy()) for name in coordinates})


def _full(coordinates: "pd.DataFrame") -> bool:
    """Whether every combination of values is there once."""
    size = 1
    for name in coordinates:
        size *= coordinates[name].nunique()
    return bool(size == len(coordinates) and not coordinates.duplicated().any())


def _spread(runs: "pd.DataFrame", folder: "SweepFolder", axes: list[str]) -> "xr.Dataset":
    import xarray as xr

    indexed: Any = runs.reset_index().set_index([*axes, "replication"])[folder.outcomes]
    indexed.index = indexed.index.set_names([*folder.params, "replication"])
    return xr.Dataset.from_dataframe(indexed)
