"""How long depositors could not leave lending pools."""

from typing import TYPE_CHECKING

from sim.interfaces import Metric
from sim.quotes import LendingQuote
from sim.registry import component

if TYPE_CHECKING:
    from sim.world import World

FROZEN = 0.99
"""Utilisation above which withdrawals wait for repayments."""


@component("metric", "freeze")
class FreezeMetric(Metric):
    """Seconds during which a lending reserve was used above 99%, as far as samples tell.

    freeze_s.PROTOCOL.ASSET adds up the time from the sample before for every sample at which utilisation, as agents
    last saw it, was above 0.99.
    """

    def __post_init__(self) -> None:
        self._last = -1
        self._seconds: dict[str, float] = {}

    def step(self, world: "World") -> dict[str, float]:
        """Adds up; no column."""
        passed = (world.clock.tick - self._last) * world.clock.dt
        self._last = world.clock.tick
        for name, used in _utilisation(world).items():
            if used > FROZEN:
                self._seconds[name] = self._seconds.get(name, 0.0) + passed
        return {}

    def final(self, world: "World") -> dict[str, float]:
        """Over the whole run."""
        return {f"freeze_s.{name}": self._seconds.get(name, 0.0) for name in _utilisation(world)}


def _utilisation(world: "World") -> dict[str, float]:
    return {
        f"{protocol}.{world.tokens.rows[asset].name}": float(quote.utilisation[r])
        for protocol, quote in world.quotes.items()
        if isinstance(quote, LendingQuote)
        for r, asset in enumerate(quote.assets)
    }
