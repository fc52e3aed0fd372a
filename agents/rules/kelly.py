"""Kelly sizing."""

from typing import Annotated

import numpy as np
from annotated_types import Gt, Le
from numpy.typing import NDArray

from agents.shared.estimates import Boxed, Estimating, Expecting, tiled
from sim.fields import AssetName
from sim.interfaces import AllocatorView
from sim.math.portfolio.quadratic import kelly_weights
from sim.registry import component


@component("rule", "kelly")
class Kelly(Expecting, Boxed, Estimating):
    """The weights of most expected growth, or a fraction of them, within caps; cash where nothing is worth holding.

    `invested` is the most that is invested, `largest` and `caps` the most in one asset.
    """

    fraction: Annotated[float, Gt(0.0), Le(1.0)] = 0.5
    """1 is full Kelly; a half has three quarters of the growth at half the risk."""

    def faults(self, assets: list[AssetName]) -> list[tuple[str, str]]:
        """As for other rules, but no bound is too tight: what does not fit stays in cash."""
        return [fault for fault in super().faults(assets) if "found room" not in fault[1]]

    def weights(self, view: AllocatorView) -> NDArray[np.float64]:
        """(n, k) shares of wealth."""
        covariance = self.covariance(view)
        excess = self.excess(view, covariance, self.history(view))
        return tiled(view, kelly_weights(excess, covariance, self.fraction, self.bounds(view), self.invested))
