"""Exotic payoffs: European, barrier, Asian, power perpetual."""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sim.errors import ConfigError
from sim.fields import Positive
from sim.pricing.black_scholes import PRICE, price_and_greeks
from sim.pricing.normal import cdf
from sim.pricing.payoffs import Market, Payoff
from sim.registry import component

SQUEETH_FUNDING = 17.5 / 365.0
"""Years over which Opyn's Squeeth pays the whole difference between mark and index (420 hours)."""


def _bsm(market: Market, strike: float, years: float, is_call: bool) -> float:
    terms = market.volatility, market.rate, market.dividend
    return float(price_and_greeks(market.spot, strike, years, *terms, is_call)[PRICE])


def _vanilla(terminal: NDArray[np.float64], strike: float, is_call: bool) -> NDArray[np.float64]:
    return np.maximum(terminal - strike if is_call else strike - terminal, 0.0)


@component("payoff", "european")
class European(Payoff):
    """A plain call or put on the price at expiry."""

    strike: Positive
    is_call: bool = True

    def payoff(self, paths: NDArray[np.float64], market: Market) -> NDArray[np.float64]:
        return _vanilla(paths[:, -1], self.strike, self.is_call)

    def value(self, market: Market) -> float:
        return _bsm(market, self.strike, self.years, self.is_call)


@component("payoff", "barrier")
class Barrier(Payoff):
    """A call or put that a touch of the barrier brings to life or kills; without rebate.

    The value watches the barrier continuously (Reiner and Rubinstein, "Breaking down the barriers", Risk 4, 1991); the
    payoff watches it at the steps of a path.

    Settings
    --------
    side: whether the barrier is touched from above ("down") or from below ("up").
    knock: "in" or "out".
    """

    strike: Positive
    barrier: Positive
    side: Literal["down", "up"] = "down"
    knock: Literal["in", "out"] = "out"
    is_call: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, found, allowed in (("side", self.side, ("down", "up")), ("knock", self.knock, ("in", "out"))):
            if found not in allowed:
                raise ConfigError(f'Barrier: {name} is "{found}"; allowed: {", ".join(allowed)}')

    def payoff(self, paths: NDArray[np.float64], market: Market) -> NDArray[np.float64]:
        down = self.side == "down"
        touched = paths.min(axis=1) <= self.barrier if down else paths.max(axis=1) >= self.barrier
        alive = touched if self.knock == "in" else ~touched
        return np.where(alive, _vanilla(paths[:, -1], self.strike, self.is_call), 0.0)

    def value(self, market: Market) -> float:
        plain = _bsm(market, self.strike, self.years, self.is_call)
        breached = market.spot <= self.barrier if self.side == "down" else market.spot >= self.barrier
        entered = plain if breached else min(max(self._knock_in(market), 0.0), plain)
        return entered if self.knock == "in" else plain - entered

    def _knock_in(self, market: Market) -> float:
        """Value of the knock-in from the four building blocks of Reiner and Rubinstein."""
        near, mirror = market.spot / self.barrier, self.barrier / market.spot
        moneyness = market.spot / self.strike
        a, b = self._block(market, moneyness, False), self._block(market, near, False)
        c, d = self._block(market, mirror * self.barrier / self.strike, True), self._block(market, mirror, True)
        beyond = self.strike > self.barrier
        if self.is_call:
            if self.side == "down":
                return c if beyond else a - b + d
            return a if beyond else b - c + d
        if self.side == "down":
            return b - c + d if beyond else a
        return a - b + d if beyond else c

    def _block(self, market: Market, ratio: float, reflected: bool) -> float:
        width = market.volatility * math.sqrt(self.years)
        carry = market.rate - market.dividend
        mu = carry / market.volatility**2 - 0.5
        sign = 1.0 if self.is_call else -1.0
        turn = (1.0 if self.side == "down" else -1.0) if reflected else sign
        image = (self.barrier / market.spot) ** (2.0 * mu) if reflected else 1.0
        square = (self.barrier / market.spot) ** 2 if reflected else 1.0
        x = math.log(ratio) / width + (1.0 + mu) * width
        held = market.spot * math.exp(-market.dividend * self.years) * square * float(cdf(turn * x))
        paid = self.strike * math.exp(-market.rate * self.years) * float(cdf(turn * (x - width)))
        return sign * image * (held - paid)


@component("payoff", "geometric_asian")
class GeometricAsian(Payoff):
    """A call or put on the geometric mean price (Kemna and Vorst, J. Banking and Finance 14, 1990).

    Settings
    --------
    observations: equally spaced, the last at expiry and none now; 0 averages continuously. The payoff averages over the
        steps of its path, so a path of as many steps pays exactly what the value says.
    """

    strike: Positive
    is_call: bool = True
    observations: int = 0

    def payoff(self, paths: NDArray[np.float64], market: Market) -> NDArray[np.float64]:
        return _vanilla(np.exp(np.log(paths[:, 1:]).mean(axis=1)), self.strike, self.is_call)

    def value(self, market: Market) -> float:
        n = float(self.observations)
        when = 0.5 * (n + 1.0) / n if self.observations else 0.5
        spread = (n + 1.0) * (2.0 * n + 1.0) / (6.0 * n * n) if self.observations else 1.0 / 3.0
        square = market.volatility**2
        growth = (market.rate - market.dividend - 0.5 * square) * when + 0.5 * square * spread
        mean = Market(
            spot=market.spot, volatility=market.volatility * math.sqrt(spread), rate=market.rate,
            dividend=market.rate - growth,
        )  # fmt: skip
        return _bsm(mean, self.strike, self.years, self.is_call)


@component("payoff", "arithmetic_asian")
class ArithmeticAsian(Payoff):
    """A call or put on the arithmetic mean of the prices at the steps of a path.

    It has no closed form: the value is a Monte Carlo estimate whose control variate is the geometric mean.
    """

    strike: Positive
    is_call: bool = True

    def payoff(self, paths: NDArray[np.float64], market: Market) -> NDArray[np.float64]:
        return _vanilla(paths[:, 1:].mean(axis=1), self.strike, self.is_call)

    def control(self, steps: int) -> Payoff:
        return GeometricAsian(  # type: ignore[call-arg]  # made a dataclass by its decorator
            years=self.years, strike=self.strike, is_call=self.is_call, observations=steps
        )


@component("payoff", "power_perpetual")
class PowerPerpetual(Payoff):
    """A claim on a power of the price that never expires and pays funding in kind, as Squeeth does.

    Whatever one unit claims is multiplied by (index / mark)^(dt / funding). With a constant ratio of mark to index the
    unit's value grows like the index less log(mark / index) / funding; that this be the risk-free rate sets the mark.

    Settings
    --------
    years: how long a unit is held before it is sold at the mark; the value does not depend on it.
    power: 2 for Squeeth. funding: years, 17.5 days for Squeeth.
    """

    power: float = 2.0
    funding: Positive = SQUEETH_FUNDING

    def premium(self, market: Market) -> float:
        """log(mark / index)."""
        p, square = self.power, market.volatility**2
        growth = p * (market.rate - market.dividend) + 0.5 * p * (p - 1.0) * square
        return self.funding * (growth - market.rate)

    def value(self, market: Market) -> float:
        return float(market.spot**self.power * math.exp(self.premium(market)))

    def payoff(self, paths: NDArray[np.float64], market: Market) -> NDArray[np.float64]:
        marks = paths**self.power * math.exp(self.premium(market))
        period = self.years / (paths.shape[1] - 1)
        kept = normalisation(paths[:, :-1] ** self.power, marks[:, :-1], period, self.funding)
        return np.asarray(marks[:, -1] * kept[:, -1])


def normalisation(
    index: NDArray[np.float64], mark: NDArray[np.float64], years: float, funding: float = SQUEETH_FUNDING
) -> NDArray[np.float64]:
    """What one unit of a power perpetual has left to claim after each of several equal periods.

    index, mark: (..., periods) prices during each period. years: length of a period. funding: years.
    Returns (..., periods): the running product of (index / mark)^(years / funding).
    """
    return np.asarray(np.cumprod((index / mark) ** (years / funding), axis=-1))
