"""Liquidations, bad debt and cascades."""

from typing import TYPE_CHECKING

import numpy as np

from sim.causes import Causes, cascades
from sim.events import COLUMNS, Kind
from sim.interfaces import Metric
from sim.registry import component

if TYPE_CHECKING:
    from sim.world import World

_COUNTED = {Kind.LIQUIDATION: "liquidated_usd", Kind.BAD_DEBT: "bad_debt_usd"}


@component("metric", "liquidation")
class LiquidationMetric(Metric):
    """Debt repaid in liquidations, debt that nothing backs, per sample and in total; cascades from the causal log."""

    def __post_init__(self) -> None:
        self._read = 0

    def step(self, world: "World") -> dict[str, float]:
        """Since the last sample."""
        kind, value = world.events.column("kind")[self._read :], world.events.value[self._read :]
        self._read = world.events.count
        row = {name: float(value[kind == which].sum()) for which, name in _COUNTED.items()}
        return {"liquidations": float(np.count_nonzero(kind == Kind.LIQUIDATION)), **row}

    def final(self, world: "World") -> dict[str, float]:
        """Over the whole run."""
        kind, value = world.events.column("kind"), world.events.value
        events = {name: world.events.column(name) for name in COLUMNS} | {"value": value}
        causes = Causes(events, world.flows.table(), world.markets.of_token, world.clock.tick + 1, world.underlying())
        branching, largest = cascades(causes)
        when = world.events.column("tick")[kind == Kind.LIQUIDATION] * world.clock.dt // 3600.0
        hours = np.bincount(when.astype(np.int64)) if when.size else np.zeros(1)
        return {
            "liquidations": float(np.count_nonzero(kind == Kind.LIQUIDATION)),
            "busiest_hour": float(hours.argmax()),
            "busiest_hour_share": float(hours.max() / max(hours.sum(), 1)),
            **{name: float(value[kind == which].sum()) for which, name in _COUNTED.items()},
            "branching_ratio": branching,
            "cascade_max_usd": largest,
        }
