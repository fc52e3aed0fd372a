"""State of one book of outside liquidity: displaced volume, the shape it is displaced in, and what thins it."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Gt, Le
from numpy.typing import NDArray

from protocols.shared.depth.calibration import CALIBRATIONS
from protocols.shared.depth.kernels import Depth, attribute, displacement, log_price_change, recover
from sim.fields import Duration, NonNegative, Positive
from sim.flows import OUTSIDE, Motive

if TYPE_CHECKING:
    from sim.world import World

VOLATILITY_MEMORY = 3600.0
"""Time constant in seconds of the realised volatility that thins books."""
SECONDS_PER_DAY = 86_400.0
HALF_LIFE = Duration(1800.0)
_WETH = CALIBRATIONS["WETH", "USDC"]


@dataclass(kw_only=True, eq=False)
class DepthSettings:
    """Shape and resilience of one book. Defaults are the fit to quotes for selling WETH, see `calibration`.

    displacement = Y * daily_volatility * (|displaced volume| / daily_volume)^delta
    """

    daily_volatility: Positive
    daily_volume: Positive
    """Whole tokens traded per day in the market outside the model."""
    y: Positive = _WETH.impact
    delta: Annotated[float, Gt(0.0)] = _WETH.delta
    epsilon: Positive = _WETH.epsilon
    """Half-width of the linear region at rest, as a share of the daily volume."""
    half_life: Duration = HALF_LIFE
    """Time in which half of a displacement recovers."""
    thinning: NonNegative = 0.0
    """Elasticity of depth to volatility: depth ~ (daily_volatility / realised)^thinning when realised is higher."""
    thinnest: Annotated[float, Gt(0.0), Le(1.0)] = 0.1
    """Share of the depth that stays however wild the market."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        return [] if self.half_life > 0.0 else [("half_life", "found 0; a displacement takes some time to recover")]


class Book:
    """A book of outside liquidity on one market: its price is an anchor plus the displacement that orders made.

    Parameters
    ----------
    settings: shape and resilience. market: index of the market it prices. units: (atoms per whole token traded, atoms
    per whole numeraire).
    """

    def __init__(self, settings: DepthSettings, market: int, units: tuple[float, float]) -> None:
        self.settings, self.market, self.units = settings, market, units
        self.rate = math.log(2.0) / settings.half_life
        self.x, self.scale, self.anchor = 0.0, 1.0, 0.0
        """Displaced volume in whole tokens; factor that shocks put on the depth; log price at rest."""
        self.variance = settings.daily_volatility**2
        self.seen: float | None = None
        self.depth = self._shape(1.0)

    def _shape(self, thinness: float) -> Depth:
        s = self.settings
        return Depth(s.y * s.daily_volatility, s.daily_volume * self.scale * thinness, s.delta, s.epsilon)

    def open(self, world: "World", anchor: float) -> None:
        """Start at rest."""
        self.anchor = anchor
        world.prices.log_market[self.market] = world.prices.previous_log_market[self.market] = anchor

    def log_price(self) -> float:
        """Log of the mid price."""
        return self.anchor + displacement(self.x, self.depth)

    def follow(self, world: "World", anchor: float, motive: Motive, event: int = 0) -> None:
        """Move the anchor, credited to a motive."""
        if anchor != self.anchor:
            world.flows.credit(self.market, OUTSIDE, motive, anchor - self.anchor, event)
            self.anchor = anchor

    def relax(self, world: "World") -> None:
        """One tick without orders: displacement decays, volatility thins the book, the market price is brought up."""
        if self.x:
            self.x, dlog = recover(self.x, self.rate, world.clock.dt, self.depth)
            world.flows.credit(self.market, OUTSIDE, Motive.RECOVERY, dlog)
        if self.settings.thinning:
            self._thin(world)
        world.prices.log_market[self.market] = self.log_price()

    def _thin(self, world: "World") -> None:
        """Realised volatility of the past hour sets the depth."""
        log = world.prices.log_market[self.market]
        if self.seen is not None:
            weight = min(1.0, world.clock.dt / VOLATILITY_MEMORY)
            daily = (log - self.seen) ** 2 * SECONDS_PER_DAY / world.clock.dt
            self.variance += weight * (daily - self.variance)
        self.seen = float(log)
        self.reshape(world, 0)

    def scale_depth(self, world: "World", factor: float) -> None:
        """Multiply the depth; the cause is the last shock."""
        self.scale *= factor
        self.reshape(world, world.shock_event)

    def reshape(self, world: "World", event: int) -> None:
        """Apply a change of depth; if the price is displaced it moves, credited to liquidity."""
        s = self.settings
        excess = math.sqrt(self.variance) / s.daily_volatility
        thinness = max(max(1.0, excess) ** -s.thinning, s.thinnest)
        before = displacement(self.x, self.depth)
        self.depth = self._shape(thinness)
        dlog = displacement(self.x, self.depth) - before
        if dlog:
            world.flows.credit(self.market, OUTSIDE, Motive.LIQUIDITY, dlog, event)
            world.prices.log_market[self.market] = self.log_price()

    def trade(
        self,
        world: "World",
        net: float,
        sizes: NDArray[np.float64],
        population: NDArray[np.int64],
        motive: NDArray[np.int64],
        events: NDArray[np.int64],
    ) -> None:
        """Displace the price by a batch and credit each order with its part.

        net: whole tokens bought less sold. sizes, population, motive, events: (n,) of each order; sizes sum to net.
        """
        dlog = log_price_change(self.x, net, self.depth)
        parts = np.empty(sizes.size)
        attribute(sizes, net, self.x, dlog, self.depth, parts)
        self.x += net
        world.prices.log_market[self.market] = self.log_price()
        world.flows.credit_rows(self.market, population, motive, parts, events)
