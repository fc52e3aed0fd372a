"""Margin utilisation: how much of what is posted at venues of derivatives is required."""

from typing import TYPE_CHECKING

import numpy as np

from sim.interfaces import Metric, Protocol
from sim.registry import component

if TYPE_CHECKING:
    from sim.world import World


@component("metric", "margin")
class MarginMetric(Metric):
    """Initial margin required over equity posted, at every venue that keeps margin accounts.

    margin_utilisation.VENUE is that of all accounts with positions together, margin_utilisation_max.VENUE that of the
    account with the highest; both are 0 without positions, and the second is infinite where equity is used up.
    netting_saves.VENUE is the share of margin that portfolio margin saves against margining every venue alone.
    """

    def step(self, world: "World") -> dict[str, float]:
        """As of the last mark."""
        row = {}
        for protocol in world.protocols:
            if type(protocol).margins is Protocol.margins:
                continue
            state = protocol.margins(world, -1)
            used = state.initial > 0.0
            required, posted = state.initial[used], np.maximum(state.equity[used], 0.0)
            shares = np.divide(required, posted, out=np.full(required.size, np.inf), where=posted > 0.0)
            whole = float(posted.sum())
            row[f"margin_utilisation.{protocol.name}"] = float(required.sum()) / whole if whole > 0.0 else 0.0
            row[f"margin_utilisation_max.{protocol.name}"] = float(shares.max(initial=0.0))
            nets = protocol.netting(world)
            if nets is not None:
                row[f"netting_saves.{protocol.name}"] = 1.0 - nets[0] / nets[1] if nets[1] > 0.0 else 0.0
        return row
