"""A sudden permanent change of one asset's fundamental."""

import math
from typing import TYPE_CHECKING, Annotated

from annotated_types import Gt

from sim.fields import AssetName
from sim.interfaces import Shock
from sim.registry import component

if TYPE_CHECKING:
    from sim.world import World


@component("shock", "price_jump")
class PriceJump(Shock):
    """The fundamental jumps by `size`, for example -0.2 for a fall of 20%."""

    asset: AssetName
    size: Annotated[float, Gt(-1.0)]

    def begin(self, world: "World") -> None:
        """Add the jump to the fundamental from this tick on."""
        world.prices.shift[world.tokens[self.asset].index] += math.log1p(self.size)
