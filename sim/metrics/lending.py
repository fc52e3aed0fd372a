"""State of the lending pools."""

from typing import TYPE_CHECKING

from sim.interfaces import Metric
from sim.quotes import LendingQuote
from sim.registry import component

if TYPE_CHECKING:
    from sim.world import World


@component("metric", "lending")
class LendingMetric(Metric):
    """Utilisation and borrow rate of every reserve, and the base fee of the chain."""

    def step(self, world: "World") -> dict[str, float]:
        """As last seen by agents."""
        row = {"base_fee_gwei": float(world.chain.base_fee)}
        for name, quote in world.quotes.items():
            if isinstance(quote, LendingQuote):
                for r, asset in enumerate(quote.assets):
                    label = world.tokens.rows[asset].name
                    row[f"{name}.utilisation.{label}"] = float(quote.utilisation[r])
                    row[f"{name}.borrow_rate.{label}"] = float(quote.borrow_rate[r])
        return row
