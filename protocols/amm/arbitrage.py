"""What a constant-product pool is worth to those who trade against it and to those who provide it.

Float64, elementwise: every argument may be a number or an array, and they broadcast. Reserves are `base` and `quote`
in any unit; prices are quote per base in the same units; `kept` is 1 minus the fee.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Number: TypeAlias = float | NDArray[np.float64]


def arbitrage_input(base: Number, quote: Number, price: Number, kept: Number) -> tuple[Number, Number]:
    """Most profitable input of someone who can trade at `price` elsewhere without limit.

    Returns (quote_in, base_in), of which at most one is positive and none inside the no-arbitrage band: buying base
    takes (sqrt(kept p x y) - y) / kept, selling it the same with the pool's sides exchanged. `price` is then just
    inside the pool's new band, because the fee stays in the reserves.
    """
    product = np.asarray(base) * quote
    quote_in = (np.sqrt(kept * price * product) - quote) / kept
    base_in = (np.sqrt(kept * product / price) - base) / kept
    return np.maximum(quote_in, 0.0), np.maximum(base_in, 0.0)


def no_arbitrage_band(base: Number, quote: Number, kept: Number) -> tuple[Number, Number]:
    """Outside prices (low, high) between which no trade against the pool is profitable: kept * p and p / kept."""
    spot = np.asarray(quote) / base
    return spot * kept, spot / kept


def impermanent_loss(price_ratio: Number) -> Number:
    """Value of a pool's holdings over holding the first ones, less one: 2 sqrt(r) / (1 + r) - 1, never positive.

    price_ratio: price now over price at deposit. Fees are not counted.
    """
    ratio = np.asarray(price_ratio)
    return 2.0 * np.sqrt(ratio) / (1.0 + ratio) - 1.0


def loss_versus_rebalancing(volatility: Number) -> Number:
    """Rate at which a pool without fee loses value to arbitrage: volatility^2 / 8 of its value per unit of time.

    volatility: of the log price, per square root of that time. Milionis, Moallemi, Roughgarden and Zhang (2022).
    """
    return np.square(volatility) / 8.0


def concentrated_loss(price_ratio: Number, low: float, high: float) -> Number:
    """Impermanent loss of a range around the price at deposit: value over holding the first amounts, less one.

    low, high: ends of the range over the price at deposit, low < 1 < high. With c = ratio clipped to the
    range, a unit of liquidity holds 1/sqrt(c) - 1/sqrt(high) and sqrt(c) - sqrt(low) (Uniswap v3), at price 1 at
    deposit. Fees are not counted.
    """
    ratio = np.asarray(price_ratio)
    root = np.sqrt(np.clip(ratio, low, high))
    inside = ratio * (1.0 / root - 1.0 / np.sqrt(high)) + root - np.sqrt(low)
    return inside / (ratio * (1.0 - 1.0 / np.sqrt(high)) + 1.0 - np.sqrt(low)) - 1.0
