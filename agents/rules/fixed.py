"""Fixed weights."""

from typing import Annotated

import numpy as np
from annotated_types import MinLen
from numpy.typing import NDArray

from agents.shared.estimates import tiled, unknown
from sim.fields import AssetName, HoldingName, Share
from sim.interfaces import AllocationRule, AllocatorView
from sim.registry import component


@component("rule", "fixed")
class Fixed(AllocationRule):
    """The same weights for ever (constant mix)."""

    targets: Annotated[dict[HoldingName, Share], MinLen(1)]
    """Share of wealth by asset or deposit; one that is not named gets none, what is left stays in the numeraire."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        total = sum(self.targets.values())
        return [("targets", f"found a sum of {total:g}; at most 1")] if total > 1.0 + 1e-9 else []

    def faults(self, assets: list[AssetName]) -> list[tuple[str, str]]:
        """Targets that the allocator does not hold."""
        return unknown("targets", self.targets, assets)

    def weights(self, view: AllocatorView) -> NDArray[np.float64]:
        """(n, k) shares of wealth."""
        return tiled(view, view.row(self.targets))
