"""What populations hold, opened into assets."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.interfaces import Metric
from sim.registry import component
from sim.sheets import sheets

if TYPE_CHECKING:
    from sim.world import World

LOOKS = 10
"""Sheets are drawn up about so many times in a run."""


@component("metric", "holdings")
class HoldingsMetric(Metric):
    """Mean USD that each population holds in each asset, as held.POPULATION.ASSET; claims are opened (sim.sheets)."""

    def __post_init__(self) -> None:
        self._due, self._looks = -1, list[NDArray[np.float64]]()
        self._names: tuple[str, ...] = ()

    def step(self, world: "World") -> dict[str, float]:
        """Look now and then; nothing is shown."""
        if world.clock.tick >= self._due:
            self._due = world.clock.tick + world.clock.ticks // LOOKS
            now = sheets(world)
            self._names = tuple(now.names)
            self._looks.append(np.array(now.held))
        return {}

    def final(self, world: "World") -> dict[str, float]:
        """Means over the run."""
        if not self._looks:
            self.step(world)
        mean, assets = np.mean(self._looks, axis=0), world.tokens.assets
        return {
            f"held.{name}.{assets[column].name}": float(usd)
            for name, row in zip(self._names, mean, strict=True)
            for column, usd in enumerate(row)
        }
