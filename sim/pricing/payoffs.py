"""The contract of an exotic payoff, and Monte Carlo for any of them.

IMPLEMENT  payoff
OPTIONAL   value (a closed form), control (a payoff with a closed form that moves with this one)
FREE       Monte Carlo prices and errors under any paths, with the control variate if there is one
"""

# mypy: allow-untyped-defs, allow-incomplete-defs
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.errors import ConfigError
from sim.fields import Positive

PATHS, STEPS, SEED = 20_000, 64, 20_240_101
"""Of a Monte Carlo price that nobody configured."""


@dataclass(frozen=True, kw_only=True)
class Market:
    """Black and Scholes's world: volatility, rate and dividend (the underlying's yield) are continuous, per year."""

    spot: float
    volatility: float
    rate: float = 0.0
    dividend: float = 0.0


class Estimate(NamedTuple):
    """A Monte Carlo price and its standard error."""

    price: float
    error: float


@dataclass(kw_only=True, eq=False)
class Payoff(ABC):
    """What a derivative pays once, at its expiry.

    Settings
    --------
    years: to expiry.
    """

    family: ClassVar[str] = "payoff"

    years: Positive

    def __post_init__(self) -> None:
        if not self.years > 0.0:
            raise ConfigError(f"{type(self).__name__}: years is {self.years:g}; it must be above zero")

    @abstractmethod
    def payoff(self, paths: NDArray[np.float64], market: Market) -> NDArray[np.float64]:
        """(n,) cash at expiry.

        paths: (n, steps + 1) prices at equal distances from now to expiry. market: what they were drawn from.
        """

    def value(self, market: Market) -> float:
        """Price now; by Monte Carlo with a fixed seed unless a payoff knows its closed form."""
        return monte_carlo(self, market).price

    def control(self, steps: int) -> "Payoff | None":
        """A payoff with a closed form, strongly correlated with this one on paths of that many steps."""
        return None


def brownian_paths(
    market: Market, years: float, paths: int, steps: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """(paths, steps + 1) prices of geometric Brownian motion, exact at every step; the second half is antithetic."""
    half = rng.standard_normal(((paths + 1) // 2, steps))
    normals = np.concatenate([half, -half])[:paths]
    dt = years / steps
    drift = (market.rate - market.dividend - 0.5 * market.volatility**2) * dt
    logs = np.zeros((paths, steps + 1))
    np.cumsum(drift + market.volatility * math.sqrt(dt) * normals, axis=1, out=logs[:, 1:])
    return market.spot * np.exp(logs)


def monte_carlo(
    payoff: Payoff,
    market: Market,
    paths: int = PATHS,
    steps: int = STEPS,
    rng: np.random.Generator | None = None,
) -> Estimate:
    """Price of any payoff by simulation of geometric Brownian motion.

    paths: independent paths, two or more, each drawn with its mirror image. rng: a fixed seed if none is given.
    """
    if paths < 2 or steps < 1:
        raise ConfigError(f"{paths} paths of {steps} steps; a Monte Carlo price needs 2 paths and 1 step or more")
    drawn = brownian_paths(market, payoff.years, 2 * paths, steps, rng or np.random.default_rng(SEED))
    return estimate(payoff, market, drawn, mirrored=True)


def estimate(payoff: Payoff, market: Market, drawn: NDArray[np.float64], mirrored: bool = False) -> Estimate:
    """Price of a payoff as its discounted mean over given paths, which may come from any price process.

    drawn: (n, steps + 1) prices. mirrored: the second half are the mirror images of the first, so that the standard
    error is that of pair means. With a control variate the paths must be those of the market itself.
    """
    discount = math.exp(-market.rate * payoff.years)
    sample = discount * _pairs(payoff.payoff(drawn, market), mirrored)
    control = payoff.control(drawn.shape[1] - 1)
    if control is not None:
        other = discount * _pairs(control.payoff(drawn, market), mirrored)
        spread = other - other.mean()
        weight = float(spread @ (sample - sample.mean()) / (spread @ spread)) if np.any(spread) else 0.0
        sample = sample - weight * (other - control.value(market))
    return Estimate(float(sample.mean()), float(sample.std(ddof=1) / math.sqrt(sample.size)))


def _pairs(sample: NDArray[np.float64], mirrored: bool) -> NDArray[np.float64]:
    return sample.reshape(2, -1).mean(axis=0) if mirrored else sample
