"""What the largest fall of every price was made of."""

from typing import TYPE_CHECKING

import numpy as np

from sim.causes import DECAYS, NetParts
from sim.flows import Motive
from sim.interfaces import Metric
from sim.registry import component

if TYPE_CHECKING:
    from sim.world import World


@component("metric", "fall_parts")
class FallPartsMetric(Metric):
    """The largest fall of every asset from a high on its reference market, by motive of the orders and moves behind it.

    fall.ASSET.MOTIVE is the part of the outcome drawdown.ASSET that a motive added, as a share of the high, negative if
    it held the price up: what of its pushes stood at the low less what stood at the high, as a share of the log move,
    times the fall. The parts of an asset sum to its fall; what recovery of older pushes added is `recovery`. A motive
    without flows has no column, an asset that never fell has none at all.
    """

    def final(self, world: "World") -> dict[str, float]:
        """Over the whole run."""
        flows, ticks, row = world.flows.table(), world.clock.tick + 1, dict[str, float]()
        for token in world.tokens.assets[1:]:
            market = world.markets.reference.get(token.index)
            if market is not None:
                row |= {f"fall.{token.name}.{motive}": part for motive, part in _parts(flows, market, ticks).items()}
        return row


def _parts(flows: dict[str, np.ndarray], market: int, ticks: int) -> dict[str, float]:
    """Share of the high that each motive added to the largest fall of a market."""
    here = flows["market"] == market
    path = np.concatenate(([0.0], np.cumsum(np.bincount(flows["tick"][here], flows["dlog"][here], minlength=ticks))))
    low = int(np.argmin(path - np.maximum.accumulate(path)))
    high = int(np.argmax(path[: low + 1]))
    move = float(path[low] - path[high])
    if move == 0.0:
        return {}
    net = NetParts(flows, market, ticks)
    stood = np.concatenate((np.zeros((1, len(net.sources))), net.closed))
    added = stood[low] - stood[high]
    parts: dict[str, float] = {}
    for (_, motive), part in zip(net.sources, added.tolist(), strict=True):
        name = Motive(motive).name.lower()
        parts[name] = parts.get(name, 0.0) + part
    recovery = Motive(DECAYS[0]).name.lower()
    parts[recovery] = parts.get(recovery, 0.0) + move - sum(parts.values())
    return {name: part / move * float(-np.expm1(move)) for name, part in parts.items()}
