"""Exogenous fundamentals: what prices would do if nobody in the model traded."""

from sim.processes import block_bootstrap, gbm, heston, merton, regime, replay, shock_path
from sim.processes.base import PathGrid, PriceProcess
from sim.processes.fundamentals import fundamental_paths

__all__ = [
    "PathGrid",
    "PriceProcess",
    "block_bootstrap",
    "fundamental_paths",
    "gbm",
    "heston",
    "merton",
    "regime",
    "replay",
    "shock_path",
]
