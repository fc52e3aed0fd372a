"""Coin-settled (inverse) options: quoted, margined and paid in the underlying coin, as on Deribit.

A call pays max(S - K, 0) / S coins. Its price in coins is that of the ordinary option over the spot: what is paid can
be sold for what the ordinary option pays (Teng and Haerdle, "Financial analytics of inverse BTC options in a stochastic
volatility world", 2022).
"""

# mypy: allow-untyped-defs, allow-incomplete-defs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.jit import inline
from sim.pricing.black_scholes import DELTA, PRICE, bsm, price_and_greeks


@inline
def inverse_option(spot, strike, years, volatility, rate, dividend, is_call):
    """Price in coins, delta and net delta of one option; see `inverse_prices`."""
    row = bsm(spot, strike, years, volatility, rate, dividend, is_call)
    coins = row[0] / spot
    return coins, row[1], row[1] - coins


def inverse_prices(
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    volatility: ArrayLike,
    rate: ArrayLike = 0.0,
    dividend: ArrayLike = 0.0,
    is_call: ArrayLike = True,
) -> NDArray[np.float64]:
    """Coin-settled options: their broadcast shape, and 3 columns.

    Columns
    -------
    price: coins per option. delta: of the USD value, coins to short against a holder who counts in USD; venues display
    this one. net delta: delta less the price; coins to short when the premium itself is held in coins, and the
    derivative of the coin value by the log of the spot.

    Raises ConfigError if the shapes do not broadcast.
    """
    table = price_and_greeks(spot, strike, years, volatility, rate, dividend, is_call)
    coins = table[..., PRICE] / np.asarray(spot, dtype=np.float64)
    return np.stack([coins, table[..., DELTA], table[..., DELTA] - coins], axis=-1)


def inverse_payoff(settlement: ArrayLike, strike: ArrayLike, is_call: ArrayLike = True) -> NDArray[np.float64]:
    """Coins paid at expiry for a settlement price in USD."""
    settled, struck = np.asarray(settlement, dtype=np.float64), np.asarray(strike, dtype=np.float64)
    gain = np.where(is_call, settled - struck, struck - settled)
    return np.asarray(np.maximum(gain, 0.0) / settled)
