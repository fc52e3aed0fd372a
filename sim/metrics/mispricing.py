"""How far prices stand from fundamentals, and how much of their movement trading adds."""

from typing import TYPE_CHECKING

from sim.interfaces import Metric
from sim.math.systemic.mispricing import excess_volatility, mispricing
from sim.registry import component

if TYPE_CHECKING:
    from sim.world import World


@component("metric", "mispricing")
class MispricingMetric(Metric):
    """Market against fundamental price of every asset, over all ticks.

    mispricing_rms.ASSET and mispricing_bias.ASSET are root mean square and mean of the log of market over fundamental
    price; excess_volatility.ASSET is realised volatility of the market over that of the fundamental, 1 where trading
    adds nothing and NaN where the fundamental never moves.
    """

    def final(self, world: "World") -> dict[str, float]:
        """Over the whole run."""
        ticks, prices = world.clock.tick + 1, world.prices
        row: dict[str, float] = {}
        for token in world.tokens.assets[1:]:
            paths = prices.history[:ticks, token.index], prices.fundamental_history[:ticks, token.index]
            rms, bias = mispricing(*paths)
            row[f"mispricing_rms.{token.name}"], row[f"mispricing_bias.{token.name}"] = rms, bias
            row[f"excess_volatility.{token.name}"] = excess_volatility(*paths)
        return row
