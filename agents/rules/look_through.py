"""Look-through caps."""

from typing import Annotated

import numpy as np
from annotated_types import MinLen
from numpy.typing import NDArray

from agents.shared.reliances import cut_to_caps
from sim.fields import AssetName, ProtocolName, Share
from sim.interfaces import AllocationRule, AllocatorView
from sim.registry import component


@component("rule", "look_through")
class LookThrough(AllocationRule):
    """Another rule's weights, with caps on what ultimately stands on each protocol.

    Vault shares and receipts count in full for their issuer, and by their backing for every protocol behind it.
    """

    base: AllocationRule
    """Whose weights are cut."""
    caps: Annotated[dict[ProtocolName, Share], MinLen(1)]
    """Largest share of wealth that may stand on a protocol; one that is not named has no cap."""

    def __post_init__(self) -> None:
        self.fallbacks = self.base.fallbacks

    def faults(self, assets: list[AssetName]) -> list[tuple[str, str]]:
        """Those of the rule whose weights are cut."""
        return [(f"base.{place}", text) for place, text in self.base.faults(assets)]

    @property
    def max_leverage(self) -> float:
        """Of the rule whose weights are cut."""
        return float(getattr(self.base, "max_leverage", 1.0))

    def weights(self, view: AllocatorView) -> NDArray[np.float64]:
        """(n, k) shares of wealth."""
        return cut_to_caps(view, self.base.weights(view), self.caps)
