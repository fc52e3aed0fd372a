"""A push oracle in the manner of Chainlink: a median of reporters, sent on deviation or heartbeat."""

import math
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from annotated_types import Ge

from sim.errors import ConfigError
from sim.events import Kind
from sim.fields import Count, Duration, NonNegative, Positive, ProtocolName
from sim.interfaces import Oracle
from sim.registry import component
from sim.rng import Draws

if TYPE_CHECKING:
    from sim.world import World


@component("oracle", "push")
class PushOracle(Oracle):
    """Publishes one asset's market price on deviation or heartbeat, late by its latency.

    Defaults are those of ETH/USD on Ethereum mainnet: 0.5% deviation, 3,600 s heartbeat (rounds of 2023-04 to 2024-01).
    """

    venue: ProtocolName | None = None
    """Where reporters look; the asset's reference market if None."""
    deviation: Positive = 0.005
    """Relative change against the last sent price that triggers a publication."""
    heartbeat: Duration = Duration(3600.0)
    """Longest time between publications."""
    latency: Duration = Duration(0.0)
    """Time from observation to the moment protocols see the price."""
    feeds: Annotated[int, Ge(1)] = 1
    """Number of reporters; the published price is their median."""
    feed_noise: NonNegative = 0.0
    """Relative standard deviation of each honest reporter's error."""
    faulty: Count = 0
    """How many reporters are faulty."""
    fault: Literal["stuck", "skewed"] = "stuck"
    """A stuck reporter repeats the opening price; a skewed one reports `fault_factor` times the price."""
    fault_factor: Positive = 1.0

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        if self.faulty > self.feeds:
            return [("faulty", f"{self.faulty} of {self.feeds} reporters cannot be faulty; allowed: 0 to {self.feeds}")]
        return []

    def open(self, world: "World", draws: Draws) -> None:
        """Publish the opening market price."""
        markets = world.markets
        self._asset = world.tokens[self.asset].index
        if self.venue is not None:
            rows = [m.index for m in markets.rows if m.venue == self.venue and m.asset == self._asset]
            if not rows:
                raise ConfigError(f'oracle "{self.name}": {self.asset} does not trade on "{self.venue}"')
            self._market = rows[0]
        else:
            self._market = markets.reference.get(self._asset, -1)
        self._draws = draws
        self._late = round(self.latency / world.clock.dt)
        self._beat = max(1, math.floor(self.heartbeat / world.clock.dt))
        self._opening = self._price = self._sent = self._market_price(world)
        self._sent_at = -1
        self._pending: list[tuple[int, int, float, int]] = []
        """Tick of arrival, tick of observation, price, event that moved the price."""

    def publish(self, world: "World") -> None:
        """Observe, send if due, and make visible what has arrived."""
        tick = world.clock.tick
        if self.frozen:
            return
        seen = self.observe(world)
        if abs(seen / self._sent - 1.0) >= self.deviation or tick - self._sent_at >= self._beat:
            self._sent, self._sent_at = seen, tick
            self._pending.append((tick + self._late, tick, seen, self._mover(world)))
        while self._pending and self._pending[0][0] <= tick:
            _, observed, price, cause = self._pending.pop(0)
            self._price = price
            self.event = world.events.add(
                Kind.ORACLE_UPDATE, subject=self.index, token=self._asset, amount=observed, value=price, cause=cause
            )

    def _mover(self, world: "World") -> int:
        """The event behind the price now: what led this tick's move so far, else the last price move."""
        lead = int(world.flows.lead_event[self._market]) if self._market >= 0 else 0
        return lead or int(world.prices.last_event[self._asset])

    def observe(self, world: "World") -> float:
        """Median of the reporters' prices at this moment."""
        price = self._market_price(world) * self.skew
        if self.feeds == 1 and not self.faulty and not self.feed_noise:
            return price
        reports = np.full(self.feeds, price)
        if self.feed_noise:
            self._draws.tick = world.clock.tick
            reports *= np.exp(self.feed_noise * self._draws.normal(np.arange(self.feeds)))
        reports[: self.faulty] = self._opening if self.fault == "stuck" else price * self.fault_factor
        return float(np.median(reports))

    def price(self, asset: int) -> float:
        """Last visible price in USD."""
        return self._price

    @property
    def sent_at(self) -> int:
        """Tick of the last publication; -1 before the first."""
        return self._sent_at

    def _market_price(self, world: "World") -> float:
        if self._market < 0:
            return float(math.exp(world.prices.log_fundamental(max(world.clock.tick, 0))[self._asset]))
        return float(math.exp(world.prices.log_market[self._market]))
