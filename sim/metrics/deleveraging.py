"""Liquidation and auto-deleveraging on venues of derivatives, and who carried the losses of every protocol."""

from typing import TYPE_CHECKING

import numpy as np

from sim.events import Kind
from sim.interfaces import Metric
from sim.registry import component

if TYPE_CHECKING:
    from sim.world import World

WINDOW = 240.0
"""Seconds after the first deleveraging within which its share is reported."""


@component("metric", "deleveraging")
class DeleveragingMetric(Metric):
    """Notional liquidated and deleveraged per venue of contracts, how soon, and losses by who carried them.

    Delays and shares are 0 where nothing was deleveraged.
    """

    def final(self, world: "World") -> dict[str, float]:
        """Over the whole run."""
        row: dict[str, float] = {}
        for protocol in world.protocols:
            if any(world.tokens.rows[token].issuer == protocol.account for token in world.markets.contracts):
                row |= _of_venue(world, protocol.index, protocol.name)
            for carrier in sorted(protocol.losses_by_carrier):
                row[f"loss.{protocol.name}.{carrier}"] = protocol.losses_by_carrier[carrier]
        return row


def _of_venue(world: "World", index: int, name: str) -> dict[str, float]:
    events, dt = world.events, world.clock.dt
    kind, value, tick = events.column("kind"), events.value, events.column("tick")
    here = events.column("protocol") == index
    forced, cut = here & (kind == Kind.LIQUIDATION), here & (kind == Kind.DELEVERAGE)
    liquidated, deleveraged = float(value[forced].sum()), float(value[cut].sum())
    began = int(tick[cut].min()) if cut.any() else 0
    soon = cut & ((tick - began) * dt < WINDOW)
    return {
        f"{name}.liquidated_usd": liquidated,
        f"{name}.deleveraged_usd": deleveraged,
        f"{name}.deleveraging_ratio": deleveraged / liquidated if liquidated else 0.0,
        f"{name}.deleveragings": float(np.count_nonzero(cut)),
        f"{name}.first_deleveraging_s": float((began - tick[forced].min()) * dt) if cut.any() else 0.0,
        f"{name}.deleveraged_in_4min": float(value[soon].sum()) / deleveraged if deleveraged else 0.0,
    }
