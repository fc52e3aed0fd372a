"""A protocol stops taking orders."""

from typing import TYPE_CHECKING

from sim.fields import ProtocolName
from sim.registry import component
from sim.shocks.window import Window

if TYPE_CHECKING:
    from sim.world import World


@component("shock", "protocol_pause")
class ProtocolPause(Window):
    """Every transaction sent to the protocol during the window fails; interest keeps accruing."""

    protocol: ProtocolName

    def begin(self, world: "World") -> None:
        """Pause."""
        world.protocol(self.protocol).paused += 1

    def end(self, world: "World") -> None:
        """Resume."""
        world.protocol(self.protocol).paused -= 1
