"""Outsiders crowd the chain."""

from typing import TYPE_CHECKING

from sim.fields import Positive
from sim.registry import component
from sim.shocks.window import Window

if TYPE_CHECKING:
    from sim.world import World


@component("shock", "gas_spike")
class GasSpike(Window):
    """Outsiders want `factor` times as much gas during the window; the base fee follows block by block."""

    factor: Positive

    def begin(self, world: "World") -> None:
        """Raise outsiders' demand."""
        world.chain.surge *= self.factor

    def end(self, world: "World") -> None:
        """Demand falls back."""
        world.chain.surge /= self.factor
