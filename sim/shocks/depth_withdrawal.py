"""Liquidity leaves a venue for a while."""

from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge, Lt

from sim.fields import ProtocolName
from sim.registry import component
from sim.shocks.window import Window

if TYPE_CHECKING:
    from sim.world import World


@component("shock", "depth_withdrawal")
class DepthWithdrawal(Window):
    """A depth market loses `share` of its depth during the window."""

    venue: ProtocolName
    share: Annotated[float, Ge(0.0), Lt(1.0)]

    def begin(self, world: "World") -> None:
        """Thin the book."""
        world.protocol(self.venue).scale_depth(world, 1.0 - self.share)

    def end(self, world: "World") -> None:
        """Give the depth back."""
        world.protocol(self.venue).scale_depth(world, 1.0 / (1.0 - self.share))
