"""Conservation, as an outcome that must be zero."""

from typing import TYPE_CHECKING

import numpy as np

from sim.interfaces import Metric
from sim.registry import component

if TYPE_CHECKING:
    from sim.world import World


@component("metric", "ledger")
class LedgerMetric(Metric):
    """Largest absolute row sum of the ledger, in atoms, over all sampled ticks."""

    def __post_init__(self) -> None:
        self._worst = 0

    def step(self, world: "World") -> dict[str, float]:
        """At this tick."""
        residual = int(np.abs(world.ledger.residuals()).max())
        self._worst = max(self._worst, residual)
        return {"ledger_residual": float(residual)}

    def final(self, world: "World") -> dict[str, float]:
        """Over the run."""
        return {"ledger_residual": float(self._worst)}
