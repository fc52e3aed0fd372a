"""How far assets move together, in stress, in calm and beyond what fundamentals explain."""

import math
from typing import TYPE_CHECKING

import numpy as np

from sim.interfaces import Metric
from sim.math.risk import absorption_ratio
from sim.math.systemic.comovement import mean_correlation, stress_and_calm
from sim.registry import component

if TYPE_CHECKING:
    from sim.world import World

COMPONENTS = 0.2
"""Share of the number of assets that are counted as principal components (Kritzman and others)."""


@component("metric", "comovement")
class ComovementMetric(Metric):
    """Correlation of the market's log returns tick by tick, over all assets but the numeraire; NaN below two of them.

    stress_correlation is the mean over pairs in the tenth of ticks with the worst average return, calm_correlation in
    the other ticks (Cont and Wagalath); excess_correlation and excess_stress_correlation are those of market prices
    less those of fundamentals, over all ticks and in the worst tenth of each. absorption_ratio is the share of variance
    in the first fifth of principal components, at least one.
    """

    def final(self, world: "World") -> dict[str, float]:
        """Over the whole run."""
        ticks, prices = world.clock.tick + 1, world.prices
        market, fundamental = (
            np.diff(np.log(history[:ticks, 1 : world.tokens.listed]), axis=0)
            for history in (prices.history, prices.fundamental_history)
        )
        stress, calm = stress_and_calm(market)
        return {
            "stress_correlation": stress,
            "calm_correlation": calm,
            "excess_correlation": mean_correlation(market) - mean_correlation(fundamental),
            "excess_stress_correlation": stress - stress_and_calm(fundamental)[0],
            "absorption_ratio": _absorption(market),
        }


def _absorption(returns: np.ndarray) -> float:
    count = returns.shape[1]
    if len(returns) < 2 or count < 2:
        return math.nan
    centred = returns - returns.mean(axis=0)
    return absorption_ratio(np.einsum("ti,tj->ij", centred, centred), max(1, math.ceil(COMPONENTS * count - 1e-12)))
