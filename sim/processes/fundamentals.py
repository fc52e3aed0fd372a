"""All processes of a run together: one matrix of fundamental log prices."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import ConfigError, suggestion
from sim.math.correlation import correlated_normals
from sim.processes.base import PathGrid, PriceProcess
from sim.rng import Streams


def fundamental_paths(
    processes: Sequence[PriceProcess],
    assets: Sequence[str],
    correlation: ArrayLike | None,
    grid: PathGrid,
    streams: Streams,
    vol_scale: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Log fundamental prices relative to the initial prices.

    Streams are named after assets ("normals:ETH") and processes ("process:eth"), so another process, or another
    asset at the end of the list, changes no bit of the paths that were there.

    Parameters
    ----------
    processes: in any order; together they cover each asset once.
    assets: all base assets except the numeraire; columns follow this order.
    correlation: (n, n) of the Gaussian innovations, rows in the order of `assets`; None for independence.
    grid: ticks and dates; `initial` holds one price for each of `assets`.
    streams: of this run; the names above must be free.
    vol_scale: (ticks, n) factors of the returns around each process's trend, for volatility shocks; a tick's factor
        acts on the return into the next row. Before the first factor other than 1 the path keeps its bits.

    Returns
    -------
    (ticks + 1, n); row 0 is zero.

    Raises
    ------
    ConfigError: an asset is unknown, uncovered or covered twice; correlations contradict each other or touch an asset
        whose process takes no Gaussian innovations; vol_scale or initial has the wrong shape or sign.
    """
    _check_cover(processes, assets)
    _check_shapes(assets, grid, vol_scale)
    rngs = {asset: streams.generator(f"normals:{asset}") for asset in assets}
    normals = correlated_normals(rngs, correlation, grid.ticks)
    _check_effect(processes, assets, correlation)
    paths = np.zeros((grid.ticks + 1, len(assets)))
    for process in processes:
        columns = [list(assets).index(asset) for asset in process.assets]
        own_grid = replace(grid, initial=grid.initial[columns])
        path = process.log_path(own_grid, streams.generator(f"process:{process.name}"), normals[:, columns])
        _check_path(process, path, grid.ticks)
        if vol_scale is not None:
            path = _scaled(path, process.trend(own_grid), vol_scale[:, columns])
        paths[:, columns] = path
    return paths


def _scaled(path: NDArray[np.float64], trend: NDArray[np.float64], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    extra = np.cumsum((scale - 1.0) * np.diff(path - trend[:, None], axis=0), axis=0)
    return np.concatenate((path[:1], path[1:] + extra))


def _check_cover(processes: Sequence[PriceProcess], assets: Sequence[str]) -> None:
    maker: dict[str, str] = {}
    for process in processes:
        for asset in process.assets:
            if asset not in assets:
                raise ConfigError(
                    f'{process.where}: "{asset}" is not an asset that needs a price'
                    f"{suggestion(asset, list(assets))} (every asset except the numeraire)"
                )
            if asset in maker:
                raise ConfigError(f'{process.where}: "{asset}" already has {maker[asset]}; take it out of one of them')
            maker[asset] = process.where
    missing = [asset for asset in assets if asset not in maker]
    if missing:
        raise ConfigError(
            f"no process makes the price of {', '.join(missing)}; add it to the assets of one of: "
            f"{', '.join(process.where for process in processes) or '(no processes)'}, or add a process, such as "
            f'kind = "gbm", assets = ["{missing[0]}"]'
        )


def _check_shapes(assets: Sequence[str], grid: PathGrid, vol_scale: NDArray[np.float64] | None) -> None:
    if grid.initial.shape != (len(assets),):
        raise ConfigError(
            f"initial has shape {grid.initial.shape}; one price for each of {len(assets)} assets is needed"
        )
    if vol_scale is None:
        return
    if vol_scale.shape != (grid.ticks, len(assets)):
        raise ConfigError(f"vol_scale has shape {vol_scale.shape}; ({grid.ticks}, {len(assets)}) is needed")
    if not np.all(np.isfinite(vol_scale) & (vol_scale >= 0.0)):
        raise ConfigError(
            f"vol_scale reaches from {vol_scale.min():g} to {vol_scale.max():g}; it must be finite, at least 0"
        )


def _check_effect(processes: Sequence[PriceProcess], assets: Sequence[str], correlation: ArrayLike | None) -> None:
    if correlation is None:
        return
    coupling = np.asarray(correlation, dtype=np.float64) - np.eye(len(assets))
    for process in processes:
        for asset in () if process.gaussian else process.assets:
            row = coupling[list(assets).index(asset)]
            if np.any(row != 0.0):
                other = assets[int(np.flatnonzero(row)[0])]
                raise ConfigError(
                    f"{process.where}: the correlation {row[row != 0.0][0]:g} of {asset} with {other} can have no "
                    f"effect, because {process.kind} takes its returns from a file; remove it, "
                    "or put both assets into one file"
                )


def _check_path(process: PriceProcess, path: NDArray[np.float64], ticks: int) -> None:
    if path.shape != (ticks + 1, len(process.assets)):
        raise ConfigError(
            f"{process.where}: log_path returned shape {path.shape}; "
            f"({ticks + 1}, {len(process.assets)}) is needed: a row more than ticks, a column for each asset"
        )
    bad = np.argwhere(~np.isfinite(path))
    if bad.size:
        tick, column = bad[0]
        raise ConfigError(
            f"{process.where}: the log price of {process.assets[column]} is {path[tick, column]} at tick {tick}; "
            "check its drift and volatility settings"
        )
