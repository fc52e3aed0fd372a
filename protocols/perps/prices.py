"""Prices at which perpetual positions are marked, liquidated, bankrupt and taken over, and how exposed they are.

Everything is elementwise over scalars and arrays. Sizes are signed contracts, long positive; prices are USD. A linear
contract settles in USD, an inverse one in coins: its contracts are worth one USD each, so 1 / price coins.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def _floats(*values: ArrayLike) -> tuple[Floats, ...]:
    return tuple(np.asarray(value, dtype=np.float64) for value in values)


# ---------------------------------------------------------------------------------------------------- value and profit


def position_value(size: ArrayLike, price: ArrayLike, inverse: bool = False) -> Floats:
    """Signed value whose difference between two prices is the profit: size * price in USD, or -size / price in coins.

    Its magnitude is the notional, |size| * price or |size| / price.
    """
    size, price = _floats(size, price)
    return -size / price if inverse else size * price


def unrealised_pnl(size: ArrayLike, entry: ArrayLike, price: ArrayLike, inverse: bool = False) -> Floats:
    """Profit at `price` of a position entered at `entry`, in USD (linear) or coins (inverse)."""
    size, entry, price = _floats(size, entry, price)
    return size * (1.0 / entry - 1.0 / price) if inverse else size * (price - entry)


def effective_leverage(size: ArrayLike, mark: ArrayLike, bankrupt: ArrayLike, inverse: bool = False) -> Floats:
    """|mark value| / (mark value - bankrupt value); infinite where the mark is at or beyond the bankruptcy price.

    A position that cannot go bankrupt has a bankruptcy price of zero or below (a linear long with more margin than its
    value, leverage at most 1). Inverse contracts need a bankruptcy price above zero, infinity included.
    """
    value = position_value(size, mark, inverse)
    cushion = value - position_value(size, bankrupt, inverse)
    return np.where(cushion > 0.0, np.abs(value) / np.where(cushion > 0.0, cushion, 1.0), np.inf)


def bitmex_score(pnl_share: ArrayLike, leverage: ArrayLike) -> Floats:
    """Deleveraging rank of BitMEX and Binance: profit share times effective leverage, losses divided by it.

    pnl_share: unrealised profit over entry value. leverage: as of `effective_leverage`.
    """
    pnl_share, leverage = _floats(pnl_share, leverage)
    return np.where(pnl_share > 0.0, pnl_share * leverage, pnl_share / leverage)


def hyperliquid_score(size: ArrayLike, entry: ArrayLike, mark: ArrayLike, equity: ArrayLike) -> Floats:
    """Deleveraging rank by profit and leverage: price gain (mark / entry, inverted for shorts) * notional / equity.

    An approximation: the documentation says that unrealised profit and leverage decide, not in which formula.
    Infinite without equity, zero for an empty position.
    """
    size, entry, mark, equity = _floats(size, entry, mark, equity)
    gain = np.where(size >= 0.0, mark / entry, entry / mark)
    leverage = np.abs(size) * mark / np.where(equity > 0.0, equity, 1.0)
    return np.where((equity > 0.0) | (size == 0.0), gain * leverage, np.inf)


# ------------------------------------------------------------------------------------------ liquidation and bankruptcy


def liquidation_price(
    price: ArrayLike, size: ArrayLike, margin: ArrayLike, maintenance: ArrayLike, deduction: ArrayLike = 0.0
) -> Floats:
    """Price at which the margin of a linear position just meets its maintenance requirement (Hyperliquid).

    p - side * available / |size| / (1 - l * side), where available = margin - (l * |size| * p - deduction). At or
    below zero where no price liquidates a long.

    Parameters
    ----------
    price: where the position stands now, or its entry. size: signed contracts, not zero.
    margin: USD of equity at `price` that backs the position: its isolated margin, or what a cross account has left
        after the requirements of its other positions. maintenance: l, share of notional. deduction: USD, of the tier.
    """
    price, size, margin, maintenance = _floats(price, size, margin, maintenance)
    side = np.sign(size)
    available = margin - maintenance * np.abs(size) * price + np.asarray(deduction)
    return price - side * available / np.abs(size) / (1.0 - maintenance * side)


def bankruptcy_price(price: ArrayLike, size: ArrayLike, margin: ArrayLike, inverse: bool = False) -> Floats:
    """Price at which the equity behind a position is zero; margin (USD, inverse: coins) is its equity at `price`.

    An inverse short with more coins than it owes has no such price: infinity.
    """
    price, size, margin = _floats(price, size, margin)
    if not inverse:
        return price - margin / size
    reciprocal = 1.0 / price + margin / size
    return np.where(reciprocal > 0.0, 1.0 / np.where(reciprocal > 0.0, reciprocal, 1.0), np.inf)


def dydx_fillable_price(
    price: ArrayLike,
    size: ArrayLike,
    equity: ArrayLike,
    position_margin: ArrayLike,
    total_margin: ArrayLike,
    bankruptcy_adjustment: float = 1.0,
    spread_to_margin: float = 0.1,
) -> Floats:
    """Limit price of dYdX v4 liquidation orders: (PNNV - ABR * SMMR * PMMR) / size.

    ABR = BA * (1 - TNC / TMMR), between 0 and 1: the closer the account is to bankruptcy, the worse the price.

    Parameters
    ----------
    price: oracle price. size: signed contracts. equity: TNC, total net collateral of the account, USD.
    position_margin, total_margin: maintenance requirements of the position and of the account, USD, positive.
    bankruptcy_adjustment: BA. spread_to_margin: SMMR. Genesis values 1.0 and 0.1, tests of the chain use 1.5.
    """
    price, size, equity, position_margin, total_margin = _floats(price, size, equity, position_margin, total_margin)
    adjusted = np.clip(bankruptcy_adjustment * (1.0 - equity / total_margin), 0.0, 1.0)
    return price - adjusted * spread_to_margin * position_margin / size


def dydx_bankruptcy_price(
    price: ArrayLike, size: ArrayLike, equity: ArrayLike, position_margin: ArrayLike, total_margin: ArrayLike
) -> Floats:
    """Price at which dYdX v4 deleverages: the position carries its share of the account's equity, by margin.

    Arguments as in `dydx_fillable_price`. The quote amount -DNNV - TNC * |DMMR| / TMMR of closing all of it, per
    contract: price - equity * position_margin / total_margin / size.
    """
    price, size, equity, position_margin, total_margin = _floats(price, size, equity, position_margin, total_margin)
    return price - equity * position_margin / total_margin / size


# ---------------------------------------------------------------------------------------------------------------- mark


def follow_basis(average: ArrayLike, basis: ArrayLike, elapsed: float, window: float = 150.0) -> Floats:
    """Exponential average of the basis (book mid less index) after `elapsed` seconds at `basis`; window in seconds."""
    average, basis = _floats(average, basis)
    return average + (basis - average) * -np.expm1(-elapsed / window)


def mark_price(index: ArrayLike, basis: ArrayLike, mid: ArrayLike, last: ArrayLike) -> Floats:
    """Median of index + average basis, book mid and last trade; NaN stands for an empty book or no trade yet.

    With one of the two missing, the mean of the other with the index price; with both, the index price alone.
    """
    index, basis, mid, last = _floats(index, basis, mid, last)
    anchor = index + basis
    one_missing, both_missing = np.isnan(mid) ^ np.isnan(last), np.isnan(mid) & np.isnan(last)
    low, high = np.fmin(mid, last), np.fmax(mid, last)
    median = np.maximum(low, np.minimum(high, anchor))
    return np.where(both_missing, anchor, np.where(one_missing, 0.5 * (anchor + low), median))
