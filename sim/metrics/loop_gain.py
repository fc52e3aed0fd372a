"""How strongly price moves come back as orders that move prices."""

from typing import TYPE_CHECKING

import numpy as np

from sim.causes import DECAYS, LASTS
from sim.flows import Motive
from sim.interfaces import Metric
from sim.math.systemic.feedback import fall_gain, loop_gain
from sim.registry import component

if TYPE_CHECKING:
    from sim.world import World

REACTING = (
    Motive.MOMENTUM, Motive.REBALANCING, Motive.HEDGING, Motive.DELEVERAGING, Motive.LIQUIDATION, Motive.RUN,
    Motive.UNWIND,
)  # fmt: skip
"""Why orders follow prices."""
BEFORE = (*LASTS, *DECAYS)
"""What moves prices before anybody looks."""


@component("metric", "loop_gain")
class LoopGainMetric(Metric):
    """Gain of the loop from price to orders to price on every asset's reference market, from the attribution of moves.

    loop_gain.ASSET is the log-price move that rebalancing adds, within 60 ticks, per unit of log-price move from any
    source, by regression on the moves that those who decide have seen (sim.math.systemic.feedback). Runs of fewer than
    180 ticks look back 20, 5 or 1 tick, at most a third of their length, and miss what is answered later, so the gain
    of rules that look further back is read too near zero. loop_gain_falls.ASSET is the same per unit of fall, where
    rises may be answered differently; feedback_gain.ASSET that of all orders that follow prices: rebalancing, momentum,
    hedging, deleveraging, liquidation, runs and unwinding. A unit of news ends as 1 / (1 - gain); at 1 moves feed on
    themselves, below 0 flows lean against them. Exactly 0 where such flows moved no price, NaN in runs of fewer than 20
    ticks.
    """

    def final(self, world: "World") -> dict[str, float]:
        """Over the whole run."""
        flows, ticks, row = world.flows.table(), world.clock.tick + 1, dict[str, float]()

        def path(chosen: np.ndarray) -> np.ndarray:
            return np.bincount(flows["tick"][chosen], flows["dlog"][chosen], minlength=ticks)[:ticks]

        for token in world.tokens.assets[1:]:
            market = world.markets.reference.get(token.index)
            if market is None:
                continue
            here = flows["market"] == market
            given = np.isin(flows["motive"], BEFORE)
            # Populations look after the tick's news and before its orders, so they see the orders of the tick before.
            moves = path(here & given)
            moves[1:] += path(here & ~given)[:-1]
            rebalancing = path(here & (flows["motive"] == Motive.REBALANCING))
            row[f"loop_gain.{token.name}"] = loop_gain(moves, rebalancing)
            row[f"loop_gain_falls.{token.name}"] = fall_gain(moves, rebalancing)
            row[f"feedback_gain.{token.name}"] = loop_gain(moves, path(here & np.isin(flows["motive"], REACTING)))
        return row
