"""Exogenous fundamentals: what prices would do if nobody in the model traded."""

from sim.processes import (
    bates,
    block_bootstrap,
    factor,
    gbm,
    heston,
    kou,
    mean_reverting,
    merton,
    regime,
    replay,
    shock_path,
)
from sim.processes.base import PathGrid, PriceProcess
from sim.processes.fundamentals import fundamental_paths

__all__ = [
    "PathGrid",
    "PriceProcess",
    "bates",
    "block_bootstrap",
    "factor",
    "fundamental_paths",
    "gbm",
    "heston",
    "kou",
    "mean_reverting",
    "merton",
    "regime",
    "replay",
    "shock_path",
]
