"""Constant-proportion portfolio insurance."""

from dataclasses import field
from typing import Annotated

import numpy as np
from annotated_types import Ge, Lt
from numpy.typing import NDArray

from agents.shared.estimates import not_one, unknown
from sim.fields import AssetName, HoldingName, Positive, Share
from sim.interfaces import AllocationRule, AllocatorView
from sim.registry import component


@component("rule", "cppi")
class Cppi(AllocationRule):
    """Exposure of a multiple of the cushion above a floor (Black and Jones, J. Portfolio Management 14, 1987).

    Exposure is min(multiplier (W - F), max_leverage W), none below the floor. Prices that jump by more than
    1 / multiplier between two looks break it.
    """

    multiplier: Positive = 4.0
    """Exposure per USD of cushion."""
    floor: Annotated[float, Ge(0.0), Lt(1.0)] = 0.8
    """Share of opening wealth that is to be kept."""
    ratchet: bool = False
    """The floor is a share of the most wealth ever seen (TIPP: Estep, Kritzman, J. Portfolio Management 14, 1988)."""
    mix: dict[HoldingName, Share] = field(default_factory=dict)
    """Share of the exposure by asset, sum 1; equal shares if empty."""
    max_leverage: Positive = 1.0
    """Largest exposure over wealth."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        return not_one("mix", self.mix.values()) if self.mix else []

    def faults(self, assets: list[AssetName]) -> list[tuple[str, str]]:
        """Shares of assets that the allocator does not hold."""
        return unknown("mix", self.mix, assets)

    def weights(self, view: AllocatorView) -> NDArray[np.float64]:
        """(n, k) shares of wealth."""
        base = view.peak_wealth if self.ratchet else view.opening_wealth
        cushion = 1.0 - self.floor * base / np.maximum(view.wealth, 1e-300)
        exposure = np.clip(self.multiplier * cushion, 0.0, self.max_leverage)
        row = view.row(self.mix) if self.mix else np.full(len(view.assets), 1.0 / len(view.assets))
        return exposure[:, None] * row
