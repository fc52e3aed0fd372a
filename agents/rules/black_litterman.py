"""Black-Litterman."""

from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
from annotated_types import Gt, Le, MinLen
from numpy.typing import NDArray

from agents.shared.estimates import Boxed, Estimating, tiled, unknown
from sim.fields import AssetName, Positive
from sim.interfaces import AllocatorView
from sim.math.portfolio.opinions import implied_excess, opinion_variance, posterior
from sim.math.portfolio.quadratic import efficient_frontier
from sim.registry import component


@dataclass(frozen=True, kw_only=True)
class Opinion:
    """What a portfolio is expected to earn."""

    picks: Annotated[dict[AssetName, float], MinLen(1)]
    """Weight by asset: one asset at 1, or a spread such as ETH 1, BTC -1."""
    excess: float
    """Its expected return per year above the riskless one."""
    confidence: Annotated[float, Gt(0.0), Le(1.0)] = 0.5
    """1 is certain, 0.5 as sure as the market."""


@component("rule", "black_litterman")
class BlackLitterman(Boxed, Estimating):
    """The market's portfolio, tilted by opinions as far as one is sure of them; without opinions, the market's."""

    supply: Annotated[dict[AssetName, Positive], MinLen(1)]
    """Units outstanding by asset, which make the market's weights."""
    opinions: list[Opinion] = field(default_factory=list)
    """Views on expected returns."""
    aversion: Positive = 2.5
    """Risk aversion of the market and of the account."""
    tau: Positive = 0.05
    """Variance of the market's expectations over the variance of returns."""

    def faults(self, assets: list[AssetName]) -> list[tuple[str, str]]:
        """Bounds, supplies and opinions on assets that the allocator does not hold."""
        picked = [name for opinion in self.opinions for name in opinion.picks]
        return super().faults(assets) + unknown("supply", self.supply, assets) + unknown("opinions", picked, assets)

    def weights(self, view: AllocatorView) -> NDArray[np.float64]:
        """(n, k) shares of wealth."""
        covariance, size = self.covariance(view), view.row(self.supply) * view.prices
        excess = implied_excess(self.invested * size / size.sum(), covariance, self.aversion)
        if self.opinions:
            picks = np.array([view.row(opinion.picks) for opinion in self.opinions])
            said = np.array([opinion.excess for opinion in self.opinions])
            sure = np.array([opinion.confidence for opinion in self.opinions])
            doubt = opinion_variance(picks, covariance, self.tau, sure)
            excess = posterior(excess, covariance, picks, said, doubt, self.tau).excess
        tolerance = [1.0 / self.aversion]
        return tiled(view, efficient_frontier(excess, covariance, tolerance, self.bounds(view), self.invested)[0])
