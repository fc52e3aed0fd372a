"""Margin requirements of perpetual swaps: tiers by position size, and the fractions of dYdX and Synthetix.

A tiered maintenance margin is notional * rate - deduction with the tier's rate and deduction. Deductions follow from
the rates: the margin is continuous where a tier begins, as if each slice of the position were charged its own rate.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import ConfigError
from sim.fields import NonNegative, Positive, Share
from sim.jit import inline, kernel


@dataclass(frozen=True, kw_only=True)
class MarginTier:
    """Terms of positions from one size up."""

    from_usd: NonNegative = 0.0
    """Notional at which the tier begins; the first begins at zero."""
    maintenance: Share
    """Maintenance margin of the slice above `from_usd`, as a share of it."""
    max_leverage: Positive
    """Largest leverage at which a position of this tier may be opened."""


class Tiers(NamedTuple):
    """Margin tiers as arrays of length k, lowest tier first: begin (USD), rate, deduction (USD), max_leverage."""

    begin: NDArray[np.float64]
    rate: NDArray[np.float64]
    deduction: NDArray[np.float64]
    max_leverage: NDArray[np.float64]


def tier_table(tiers: Sequence[MarginTier]) -> Tiers:
    """Arrays of the tiers with the deductions that make the maintenance margin continuous.

    Raises ConfigError unless the first tier begins at zero, sizes and rates rise, leverage does not, and every
    maintenance rate stays below the initial one.
    """
    if not tiers:
        raise ConfigError("margin tiers: found none; give at least one tier that begins at 0 USD")
    begin, rate, leverage = (
        np.array([getattr(tier, name) for tier in tiers], dtype=np.float64)
        for name in ("from_usd", "maintenance", "max_leverage")
    )
    _check(begin, rate, leverage)
    deduction = np.concatenate([[0.0], np.cumsum(begin[1:] * np.diff(rate))])
    return Tiers(begin, rate, deduction, leverage)


def _check(begin: NDArray[np.float64], rate: NDArray[np.float64], leverage: NDArray[np.float64]) -> None:
    if begin[0] != 0.0:
        raise ConfigError(f"margin tiers: the first begins at {begin[0]:g} USD; it must begin at 0")
    for i in range(begin.size):
        if rate[i] * leverage[i] >= 1.0:
            raise ConfigError(
                f"margin tier {i + 1}: maintenance {rate[i]:g} is not below the initial margin {1.0 / leverage[i]:g} "
                f"of leverage {leverage[i]:g}; lower one of them"
            )
        if i and not (begin[i] > begin[i - 1] and rate[i] >= rate[i - 1] and leverage[i] <= leverage[i - 1]):
            raise ConfigError(
                f"margin tier {i + 1}: from_usd must rise, maintenance must not fall and max_leverage must not rise "
                f"from tier to tier; found {begin[i]:g}, {rate[i]:g}, {leverage[i]:g} "
                f"after {begin[i - 1]:g}, {rate[i - 1]:g}, {leverage[i - 1]:g}"
            )


def half_of_initial(max_leverage: ArrayLike) -> NDArray[np.float64]:
    """Maintenance margin share of Hyperliquid: half the initial margin at the highest leverage."""
    return 0.5 / np.asarray(max_leverage, dtype=np.float64)


@inline
def tier_of(notional, begin):
    """Index of the tier of one position: the last that begins at or below its notional (USD, not negative)."""
    tier = 0
    for i in range(1, begin.size):
        tier += notional >= begin[i]
    return tier


@inline
def tier_margin(notional, begin, rate, deduction):
    """Maintenance margin of one position in USD."""
    tier = tier_of(notional, begin)
    return notional * rate[tier] - deduction[tier]


def _maintenance_margin_numpy(notional, begin, rate, deduction, out):
    tier = np.searchsorted(begin, notional, side="right") - 1
    out[:] = notional * rate[tier] - deduction[tier]


@kernel(twin=_maintenance_margin_numpy)
def maintenance_margin(notional, begin, rate, deduction, out):
    """Maintenance margin of n positions.

    Parameters
    ----------
    notional: float64 (n,) USD, not negative. begin, rate, deduction: (k,) of `Tiers`. out: float64 (n,), written: USD.
    """
    for i in range(notional.size):
        out[i] = tier_margin(notional[i], begin, rate, deduction)


def initial_margin(notional: ArrayLike, leverage: ArrayLike, tiers: Tiers) -> NDArray[np.float64]:
    """USD needed to open positions: notional over the leverage asked for, which the tier of the notional limits."""
    notional = np.asarray(notional, dtype=np.float64)
    tier = np.searchsorted(tiers.begin, notional, side="right") - 1
    return notional / np.minimum(np.asarray(leverage, dtype=np.float64), tiers.max_leverage[tier])


DydxTierName = Literal["large", "mid", "small", "long_tail", "safety", "isolated"]


class DydxTier(NamedTuple):
    """Liquidity tier of dYdX v4: base initial margin share, maintenance as a part of it, open-interest caps in USD."""

    initial: float
    maintenance_fraction: float
    lower_cap: float
    upper_cap: float


DYDX_TIERS: dict[DydxTierName, DydxTier] = {
    "large": DydxTier(0.02, 0.6, 0.0, 0.0),
    "mid": DydxTier(0.05, 0.6, 40e6, 100e6),
    "small": DydxTier(0.10, 0.5, 20e6, 50e6),
    "long_tail": DydxTier(0.20, 0.5, 5e6, 10e6),
    "safety": DydxTier(1.00, 0.2, 2e6, 5e6),
    "isolated": DydxTier(0.05, 0.6, 0.5e6, 1e6),
}
"""Genesis values; an upper cap of zero means that open interest does not move the margin."""


def dydx_margins(open_interest: ArrayLike, tier: DydxTier) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(initial, maintenance) margin shares at an open interest in USD.

    Initial margin rises linearly from its base at the lower cap to 100% at the upper; maintenance stays with the base.
    """
    interest = np.asarray(open_interest, dtype=np.float64)
    width = tier.upper_cap - tier.lower_cap
    crowded = np.clip((interest - tier.lower_cap) / width, 0.0, 1.0) if width > 0.0 else np.zeros_like(interest)
    initial = tier.initial + crowded * (1.0 - tier.initial)
    return initial, np.full_like(interest, tier.initial * tier.maintenance_fraction)


def synthetix_margins(
    size: ArrayLike, skew_scale: float, slope: float, minimum: float, maximum: float, maintenance_scalar: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(initial, maintenance) margin ratios of Synthetix v3: min(|size| / skew_scale * slope + minimum, maximum).

    size, skew_scale: in contracts. maintenance_scalar: maintenance as a part of the initial ratio.
    """
    initial = np.minimum(np.abs(np.asarray(size, dtype=np.float64)) / skew_scale * slope + minimum, maximum)
    return initial, initial * maintenance_scalar
