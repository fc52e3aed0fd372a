"""Risk budgets, by asset or by sub-strategy."""

from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
from annotated_types import MinLen
from numpy.typing import NDArray

from agents.shared.estimates import Estimating, not_one, tiled, unknown
from sim.fields import AssetName, Positive, Share
from sim.interfaces import AllocatorView
from sim.math.portfolio.budgets import risk_budget_weights
from sim.registry import component


@dataclass(frozen=True, kw_only=True)
class SubStrategy:
    """A portfolio within the portfolio."""

    budget: Positive
    """Share of the whole portfolio's risk; all budgets sum to 1."""
    assets: Annotated[dict[AssetName, Positive], MinLen(1)]
    """Share of the sub-strategy's own risk by asset, sum 1."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        return not_one("assets", self.assets.values())


@component("rule", "risk_budgets")
class RiskBudgets(Estimating):
    """Every asset contributes its budgeted share of the portfolio's variance; an asset without a budget is not held.

    With sub-strategies, each first splits its own risk by its own budgets, as if it stood alone; then the whole
    portfolio splits its risk between them.
    """

    invested: Share = 1.0
    """Share of wealth in all assets together."""
    budgets: dict[AssetName, Positive] = field(default_factory=dict)
    """Share of risk by asset, sum 1; instead of sub-strategies."""
    strategies: list[SubStrategy] = field(default_factory=list)
    """Sub-strategies, instead of budgets by asset; none of their assets twice."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        found = super().check()
        if bool(self.budgets) == bool(self.strategies):
            text = "found both" if self.budgets else "found neither"
            found.append(("budgets", f"{text}; give budgets by asset, or strategies that have them"))
        if self.budgets:
            found += not_one("budgets", self.budgets.values())
        if self.strategies:
            found += not_one("strategies", [each.budget for each in self.strategies])
        names = [name for each in self.strategies for name in each.assets]
        twice = sorted({name for name in names if names.count(name) > 1})
        return found + ([("strategies", f"{', '.join(twice)} in more than one; name it once")] if twice else [])

    def faults(self, assets: list[AssetName]) -> list[tuple[str, str]]:
        """Budgets of assets that the allocator does not hold."""
        inside = [name for each in self.strategies for name in each.assets]
        return unknown("budgets", self.budgets, assets) + unknown("strategies", inside, assets)

    def weights(self, view: AllocatorView) -> NDArray[np.float64]:
        """(n, k) shares of wealth."""
        covariance = self.covariance(view)
        if not self.strategies:
            return tiled(view, self.invested * _within(covariance, view.row(self.budgets)))
        parts = np.array([_within(covariance, view.row(each.assets)) for each in self.strategies])
        joint = np.einsum("si,ij,uj->su", parts, covariance, parts)
        shares = risk_budget_weights(joint, np.array([each.budget for each in self.strategies]), self.invested)
        return tiled(view, np.einsum("s,si->i", shares, parts))


def _within(covariance: NDArray[np.float64], budgets: NDArray[np.float64]) -> NDArray[np.float64]:
    """(k,) weights, sum 1, zero where the budget is."""
    held, weights = np.flatnonzero(budgets), np.zeros(budgets.size)
    weights[held] = risk_budget_weights(covariance[np.ix_(held, held)], budgets[held] / budgets.sum())
    return weights
