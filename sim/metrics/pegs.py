"""How far tokens that promise a price stand from it."""

from typing import TYPE_CHECKING

import numpy as np

from sim.interfaces import Metric
from sim.quotes import IssuerQuote, LendingQuote
from sim.registry import component

if TYPE_CHECKING:
    from sim.world import World


@component("metric", "pegs")
class PegsMetric(Metric):
    """Distance from par of dollars that protocols issue and of lending receipts.

    peg_deviation_max.TOKEN and peg_deviation_mean.TOKEN are the largest and the mean of |price - 1|: of a dollar its
    market price in USD at every tick, of a receipt its fair value over its nominal value at every sample.
    """

    def __post_init__(self) -> None:
        self._receipts: dict[int, list[float]] = {}

    def step(self, world: "World") -> dict[str, float]:
        """Remembers receipts; no column."""
        for quote in world.quotes.values():
            if isinstance(quote, LendingQuote):
                for receipt, cover in zip(quote.receipts, quote.cover.tolist(), strict=True):
                    self._receipts.setdefault(receipt, []).append(abs(cover - 1.0))
        return {}

    def final(self, world: "World") -> dict[str, float]:
        """Over the whole run."""
        if not self._receipts:
            self.step(world)
        away = {token: np.array(path) for token, path in self._receipts.items()}
        for quote in world.quotes.values():
            if isinstance(quote, IssuerQuote):
                away[quote.token] = np.abs(world.prices.history[: world.clock.tick + 1, quote.token] - 1.0)
        row: dict[str, float] = {}
        for token, path in sorted(away.items()):
            name = world.tokens.rows[token].name
            row[f"peg_deviation_max.{name}"] = float(path.max())
            row[f"peg_deviation_mean.{name}"] = float(path.mean())
        return row
