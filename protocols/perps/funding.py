"""Funding of perpetual swaps: from a sample of the book to atoms paid.

Rates are fractions of a position's value per funding interval; a positive rate is paid by longs to shorts.
Formulas: Binance futures funding (premium index, interest clamp), Hyperliquid (the same, hourly), dYdX v4 (rate cap),
Synthetix v3 BFP market (velocity of the rate).

Payments are exact: the product of position and cash per contract is split without rounding error into a float64 and
its remainder (Dekker 1971) before it is rounded, so payers never pay less than they owe and receivers never get more.
Whatever the rounding leaves over is returned and belongs to the venue.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.jit import inline, kernel

INTEREST = 1e-4
"""Interest component per 8 hours."""
CLAMP = 5e-4
"""How far the interest may pull the rate away from the premium, per 8 hours."""
BASIS_HOURS = 8.0
"""Rates of Binance, Hyperliquid and dYdX are quoted per this many hours."""
HOURLY_CAP = 0.04
"""Hyperliquid: largest rate per hour."""
DYDX_CAP_MULTIPLE = 6.0

Weighting = Literal["linear", "plain"]
"""Average premium: weights 1..n, so that late samples count most (Binance), or all alike (Hyperliquid, dYdX)."""


def impact_notional(initial_margin: ArrayLike, usd: float = 200.0) -> NDArray[np.float64]:
    """USD of the orders whose average fill is the impact bid and ask: `usd` over the smallest initial margin share."""
    return usd / np.asarray(initial_margin, dtype=np.float64)


def premium(impact_bid: ArrayLike, impact_ask: ArrayLike, index: ArrayLike) -> NDArray[np.float64]:
    """One sample of the premium: how far the index lies outside the impact bid and ask, over the index."""
    bid, ask, index = (np.asarray(price, dtype=np.float64) for price in (impact_bid, impact_ask, index))
    return (np.maximum(0.0, bid - index) - np.maximum(0.0, index - ask)) / index


@dataclass
class PremiumAverage:
    """Running average of premium samples over one funding interval, without keeping the samples.

    Samples may be scalars or (markets,) arrays, the same shape each time.
    """

    weighting: Weighting = "linear"
    count: int = field(default=0, init=False)
    _weight: float = field(default=0.0, init=False)
    _sum: NDArray[np.float64] = field(default_factory=lambda: np.zeros(()), init=False)

    def add(self, sample: ArrayLike) -> None:
        """Take one sample."""
        self.count += 1
        weight = float(self.count) if self.weighting == "linear" else 1.0
        self._weight += weight
        self._sum = self._sum + weight * np.asarray(sample, dtype=np.float64)

    @property
    def value(self) -> NDArray[np.float64]:
        """Average of the samples so far; zero before the first."""
        return self._sum / self._weight if self.count else self._sum

    def take(self) -> NDArray[np.float64]:
        """The average, and start over."""
        value = self.value
        self.count, self._weight, self._sum = 0, 0.0, np.zeros(())
        return value


def funding_rate(
    average_premium: ArrayLike, interest: float = INTEREST, clamp: float = CLAMP, cap: ArrayLike = np.inf
) -> NDArray[np.float64]:
    """Rate per 8 hours: F = P + clamp(I - P, -clamp, clamp), between -cap and cap.

    cap: Binance allows the maintenance margin share at the highest leverage, dYdX `dydx_cap`; none by default.
    """
    average = np.asarray(average_premium, dtype=np.float64)
    return np.clip(average + np.clip(interest - average, -clamp, clamp), -np.asarray(cap), np.asarray(cap))


def rate_over(rate: ArrayLike, hours: float, cap: ArrayLike = np.inf) -> NDArray[np.float64]:
    """The part of an 8-hour rate that falls due in `hours`, between -cap and cap.

    Hyperliquid: an eighth each hour, capped at `HOURLY_CAP`. dYdX: an eighth each hour.
    """
    return np.clip(np.asarray(rate) * (hours / BASIS_HOURS), -np.asarray(cap), np.asarray(cap))


def dydx_cap(initial: ArrayLike, maintenance: ArrayLike, multiple: float = DYDX_CAP_MULTIPLE) -> NDArray[np.float64]:
    """Largest 8-hour rate of dYdX v4: a multiple (premium votes: 60) of initial less maintenance margin share."""
    return multiple * (np.asarray(initial, dtype=np.float64) - np.asarray(maintenance))


def funding_velocity(skew: ArrayLike, skew_scale: ArrayLike, max_velocity: ArrayLike) -> NDArray[np.float64]:
    """Change of the daily rate per day: clamp(skew / skew_scale, -1, 1) * max_velocity (Synthetix v3).

    skew: open longs less open shorts, in the unit of skew_scale.
    """
    return np.clip(np.asarray(skew, dtype=np.float64) / np.asarray(skew_scale), -1.0, 1.0) * np.asarray(max_velocity)


def advance_rate(rate: ArrayLike, velocity: ArrayLike, days: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(daily rate after `days`, share of value due over them): the rate moves linearly, so its mean is what is due."""
    before = np.asarray(rate, dtype=np.float64)
    after = before + np.asarray(velocity) * days
    return after, 0.5 * (before + after) * days


_SPLITTER = 134_217_729.0
"""2**27 + 1: cuts a float64 into two halves whose products are exact."""


def _rest_of_product(a, b, product):
    """a * b - product, exactly, where product is a * b rounded; plain for arrays, `_scalar_rest` in kernels."""
    a_cut, b_cut = a * _SPLITTER, b * _SPLITTER
    a_high, b_high = a_cut - (a_cut - a), b_cut - (b_cut - b)
    a_low, b_low = a - a_high, b - b_high
    return a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low)


_scalar_rest = inline(_rest_of_product)


@inline
def _product_up(whole, factor):
    """Smallest int64 not below whole * factor."""
    exact = np.float64(whole)
    product = exact * factor
    up = np.ceil(product)
    rest = _scalar_rest(exact, factor, product)
    return np.int64(up) + (np.int64(np.ceil(rest)) if up == product else 0)


def _funding_payments_numpy(position, due, received):
    exact = position.astype(np.float64)
    product = exact * due
    up, rest = np.ceil(product), np.ceil(_rest_of_product(exact, due, product))
    received[:] = -(up.astype(np.int64) + np.where(up == product, rest, 0.0).astype(np.int64))
    return -int(received.sum())


@kernel(twin=_funding_payments_numpy)
def funding_payments(position, due, received):
    """Settle one funding interval of one market.

    Parameters
    ----------
    position: int64 (n,) signed atoms of the contract, long positive; below 2**53 in size, beyond which the last digits
        of a payment are rounded.
    due: atoms of the settlement asset that one long atom owes, of either sign: rate * price * 10**settlement decimals
        / 10**contract decimals for linear contracts, with 1 / price for inverse ones.
    received: int64 (n,), overwritten: atoms each account receives, negative where it pays. -ceil(position * due).

    Returns the residue in atoms, so that received and residue sum to zero; never negative when positions sum to zero.
    """
    residue = 0
    for i in range(position.size):
        received[i] = -_product_up(position[i], due)
        residue -= received[i]
    return residue
