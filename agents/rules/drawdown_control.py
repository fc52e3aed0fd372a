"""Drawdown control."""

from typing import Annotated

import numpy as np
from annotated_types import Gt, Le
from numpy.typing import NDArray

from sim.fields import AssetName, Share
from sim.interfaces import AllocationRule, AllocatorView
from sim.registry import component


@component("rule", "drawdown_control")
class DrawdownControl(AllocationRule):
    """Another rule's weights, cut as wealth falls below its peak and gone when the mandate is used up.

    Weights are scaled by (mandate - D) / (mandate - easing) between a drawdown D of `easing` and of `mandate`. With no
    easing, dollars at risk are in proportion to the cushion as in Grossman and Zhou (Mathematical Finance 3, 1993), but
    also to wealth: their weights are those here over 1 - D. Wealth that only holds cash does not recover: the account
    stays out until its peak is forgotten, which is never.
    """

    base: AllocationRule
    """Whose weights are cut."""
    mandate: Annotated[float, Gt(0.0), Le(1.0)] = 0.2
    """Largest drawdown, as a share of the most wealth ever seen."""
    easing: Share = 0.0
    """Drawdown from which weights are cut."""

    def __post_init__(self) -> None:
        self.fallbacks = self.base.fallbacks

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        wide = self.easing >= self.mandate
        return [("easing", f"found {self.easing:g}; must be below mandate, {self.mandate:g}")] if wide else []

    def faults(self, assets: list[AssetName]) -> list[tuple[str, str]]:
        """Those of the rule whose weights are cut."""
        return [(f"base.{place}", text) for place, text in self.base.faults(assets)]

    @property
    def max_leverage(self) -> float:
        """Of the rule whose weights are cut."""
        return float(getattr(self.base, "max_leverage", 1.0))

    def weights(self, view: AllocatorView) -> NDArray[np.float64]:
        """(n, k) shares of wealth."""
        scale = np.clip((self.mandate - view.drawdown) / (self.mandate - self.easing), 0.0, 1.0)
        return scale[:, None] * self.base.weights(view)
