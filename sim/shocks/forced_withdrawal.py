"""A population has to take its money out, whatever it thinks."""

from typing import TYPE_CHECKING

import numpy as np

from sim.fields import AgentName, ProtocolName, Share
from sim.interfaces import Shock
from sim.registry import component

if TYPE_CHECKING:
    from sim.world import World


@component("shock", "forced_withdrawal")
class ForcedWithdrawal(Shock):
    """Every account of a population withdraws `share` of what it holds in a protocol."""

    agents: AgentName
    protocol: ProtocolName
    share: Share

    def begin(self, world: "World") -> None:
        """Send the withdrawals; they queue for block space like any other transaction."""
        for actor in world.actors:  # an empty population is not among them
            if actor.population.name == self.agents:
                accounts = np.arange(actor.population.lo, actor.population.hi)
                world.submit(actor, world.protocol(self.protocol).exits(world, accounts, self.share))
