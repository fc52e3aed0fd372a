"""Market-capitalisation weights."""

from typing import Annotated

import numpy as np
from annotated_types import MinLen
from numpy.typing import NDArray

from agents.shared.estimates import tiled, unknown
from sim.fields import AssetName, Positive, Share
from sim.interfaces import AllocationRule, AllocatorView
from sim.registry import component


@component("rule", "market_cap")
class MarketCap(AllocationRule):
    """Weights in proportion to price times supply: what everybody holds on average, so prices alone cause no trade."""

    supply: Annotated[dict[AssetName, Positive], MinLen(1)]
    """Units outstanding by asset, outside the model too; one that is not named gets none."""
    invested: Share = 1.0
    """Share of wealth in all assets together. Below 1 the cash has to be kept up by trades when prices move."""

    def faults(self, assets: list[AssetName]) -> list[tuple[str, str]]:
        """Supplies of assets that the allocator does not hold."""
        return unknown("supply", self.supply, assets)

    def weights(self, view: AllocatorView) -> NDArray[np.float64]:
        """(n, k) shares of wealth."""
        size = view.row(self.supply) * view.prices
        return tiled(view, self.invested * size / size.sum())
