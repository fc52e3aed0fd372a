"""Black-Scholes-Merton prices and Greeks of European options (Black and Scholes 1973; Merton 1973).

Columns of every result, in this order: price; delta, per unit of spot; gamma, per unit of spot squared; vega, per 1.0
of volatility; theta, per year of calendar time passing; rho, per 1.0 of the rate. Divide vega and rho by 100 for a
percentage point, theta by 365 for a day.

The out-of-the-money option is computed and the other follows from put-call parity, so parity holds to rounding and
tiny prices keep their digits. One exponential serves both cdfs: K e^(-rT) phi(d2) = S e^(-qT) phi(d1).

The kernels have no separate twins: row by row is how they read best, and uncompiled they give the same bits.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import ConfigError
from sim.jit import inline, kernel
from sim.pricing.elementary import exp, log_ratio
from sim.pricing.normal import density, mills

PRICE, DELTA, GAMMA, VEGA, THETA, RHO = range(6)
COLUMNS = ("price", "delta", "gamma", "vega", "theta", "rho")
_FAR = 100.0
"""A d1 beyond which both cdfs are zero or one."""
BLOCK = 64
"""Options that are priced together."""
_LANES = 17
_K, _T, _V, _R, _Q, _SIGN, _OWN, _OWED = range(BLOCK, 9 * BLOCK, BLOCK)
_M, _ROOT, _D1, _D2, _BELL, _TAIL1, _TAIL2, _VALUE = range(9 * BLOCK, _LANES * BLOCK, BLOCK)


@inline
def _possible(spot, strike, years, volatility):
    """Whether an option can be priced; not so for NaN either."""
    return (spot > 0.0) & (strike > 0.0) & (years >= 0.0) & (volatility >= 0.0)


@inline
def _checked(spot, strike, years, volatility):
    """The spot, which is NaN for terms that cannot be priced, and the root of the years."""
    spot = spot if _possible(spot, strike, years, volatility) else np.nan
    return spot, math.sqrt(years if years > 0.0 else 0.0)


@inline
def _distances(moneyness, width):
    """d1 and d2."""
    beyond = 0.0 if moneyness == 0.0 else _FAR if moneyness > 0.0 else -_FAR
    d1 = moneyness / width + 0.5 * width if width > 0.0 else beyond
    return d1, d1 - width


@inline
def _value(own, owed, moneyness, d1, d2, tail1, tail2, sign):
    """Price, S e^(-qT) N(+-d1) and K e^(-rT) N(+-d2) of a call (sign 1) or a put (sign -1)."""
    side = 1.0 if moneyness <= 0.0 else -1.0
    inner1, inner2 = side * d1 < 0.0, side * d2 < 0.0
    rest1, rest2 = own - tail1, owed - tail2
    held, paid = tail1 if inner1 else rest1, tail2 if inner2 else rest2
    out = side * (held - paid)
    out = 0.0 if out < 0.0 else out
    outside = side == sign
    mine = held if outside else rest1 if inner1 else tail1
    theirs = paid if outside else rest2 if inner2 else tail2
    return out if outside else out + sign * (own - owed), mine, theirs


@inline
def _slopes(spot, years, volatility, rate, dividend, root, bell, mine, theirs, sign):
    """Delta, gamma, vega, theta and rho."""
    width = volatility * root
    alive = width > 0.0
    bell = bell if alive else 0.0 * bell
    gamma = bell / (spot * spot * (width if alive else 1.0))
    decay = 0.5 * bell * volatility / (root if alive else 1.0)
    theta = sign * (dividend * mine - rate * theirs) - decay
    return sign * mine / spot, gamma, bell * root, theta, sign * years * theirs


@inline
def bsm(spot, strike, years, volatility, rate, dividend, is_call):
    """Price and five Greeks of one option: a tuple in the order of COLUMNS.

    At expiry or without volatility these are the payoff's: on the forward, with no gamma and no vega, and with half a
    delta exactly at the strike. All NaN for a spot or strike not above zero, or for negative years or volatility.
    """
    sign = 1.0 if is_call else -1.0
    spot, root = _checked(spot, strike, years, volatility)
    own, owed = spot * exp(-dividend * years), strike * exp(-rate * years)
    moneyness = log_ratio(spot, strike) + (rate - dividend) * years
    d1, d2 = _distances(moneyness, volatility * root)
    bell = own * density(d1)
    tail1, tail2 = bell * mills(abs(d1)), bell * mills(abs(d2))
    price, mine, theirs = _value(own, owed, moneyness, d1, d2, tail1, tail2, sign)
    slopes = _slopes(spot, years, volatility, rate, dividend, root, bell, mine, theirs, sign)
    return price, slopes[0], slopes[1], slopes[2], slopes[3], slopes[4]


@inline
def _lay_out(work):
    """Fill the lanes from the terms to the tails; every loop is short enough to be inlined and vectorised whole."""
    for i in range(BLOCK):
        work[i], work[_ROOT + i] = _checked(work[i], work[_K + i], work[_T + i], work[_V + i])
    for i in range(BLOCK):
        work[_OWN + i] = work[i] * exp(-work[_Q + i] * work[_T + i])
    for i in range(BLOCK):
        work[_OWED + i] = work[_K + i] * exp(-work[_R + i] * work[_T + i])
    for i in range(BLOCK):
        drift = (work[_R + i] - work[_Q + i]) * work[_T + i]
        work[_M + i] = log_ratio(work[i], work[_K + i]) + drift
    for i in range(BLOCK):
        work[_D1 + i], work[_D2 + i] = _distances(work[_M + i], work[_V + i] * work[_ROOT + i])
    for i in range(BLOCK):
        work[_BELL + i] = work[_OWN + i] * density(work[_D1 + i])
    for i in range(BLOCK):
        work[_TAIL1 + i] = work[_BELL + i] * mills(abs(work[_D1 + i]))
    for i in range(BLOCK):
        work[_TAIL2 + i] = work[_BELL + i] * mills(abs(work[_D2 + i]))


@inline
def _block(work):
    """The formula of `bsm` for BLOCK options in lanes of one flat array; results in the first six lanes.

    Lanes of one array at constant distances are what the compiler can prove to be apart, so each loop is vectorised.
    """
    _lay_out(work)
    for i in range(BLOCK):
        middle = work[_M + i], work[_D1 + i], work[_D2 + i], work[_TAIL1 + i], work[_TAIL2 + i]
        row = _value(work[_OWN + i], work[_OWED + i], *middle, work[_SIGN + i])
        work[_VALUE + i], work[_OWN + i], work[_OWED + i] = row
    for i in range(BLOCK):
        terms = work[i], work[_T + i], work[_V + i], work[_R + i], work[_Q + i], work[_ROOT + i]
        row = _slopes(*terms, work[_BELL + i], work[_OWN + i], work[_OWED + i], work[_SIGN + i])
        work[i] = work[_VALUE + i]
        work[_K + i], work[_T + i], work[_V + i], work[_R + i], work[_Q + i] = row


@inline
def _load(work, lane, values, first, count):
    for i in range(count):
        work[lane + i] = values[first + i]


@inline
def _unload(work, out, first, count):
    for i in range(count):
        for column in range(6):
            out[first + i, column] = work[column * BLOCK + i]


@kernel()
def bsm_greeks(spot, strike, years, volatility, rate, dividend, is_call, out):
    """Price and Greeks of n options.

    Parameters
    ----------
    spot, strike, years, volatility, rate, dividend: (n,) float64; see `bsm` for the edges.
    is_call: (n,) bool. out: (n, 6) float64, written; see COLUMNS.
    """
    work = np.ones(_LANES * BLOCK)
    for first in range(0, out.shape[0], BLOCK):
        count = min(BLOCK, out.shape[0] - first)
        _load(work, 0, spot, first, count)
        _load(work, _K, strike, first, count)
        _load(work, _T, years, first, count)
        _load(work, _V, volatility, first, count)
        _load(work, _R, rate, first, count)
        _load(work, _Q, dividend, first, count)
        for i in range(count):
            work[_SIGN + i] = 1.0 if is_call[first + i] else -1.0
        _block(work)
        _unload(work, out, first, count)


@kernel()
def bsm_book(spot, years, rate, dividend, strike, volatility, is_call, out):
    """Price and Greeks of one expiry's book: scalars for what its options share.

    Parameters
    ----------
    spot, years, rate, dividend: float. strike, volatility: (n,) float64. is_call: (n,) bool. out: (n, 6), written.
    """
    work = np.ones(_LANES * BLOCK)
    for first in range(0, out.shape[0], BLOCK):
        count = min(BLOCK, out.shape[0] - first)
        work[:BLOCK], work[_T : _T + BLOCK] = spot, years
        work[_R : _R + BLOCK], work[_Q : _Q + BLOCK] = rate, dividend
        _load(work, _K, strike, first, count)
        _load(work, _V, volatility, first, count)
        for i in range(count):
            work[_SIGN + i] = 1.0 if is_call[first + i] else -1.0
        _block(work)
        _unload(work, out, first, count)


def price_and_greeks(
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    volatility: ArrayLike,
    rate: ArrayLike = 0.0,
    dividend: ArrayLike = 0.0,
    is_call: ArrayLike = True,
) -> NDArray[np.float64]:
    """Price and Greeks of options whose terms broadcast against each other: their shape, and 6 COLUMNS.

    dividend: continuous yield of the underlying (dividends, staking, carry); equal to `rate` the spot is a forward.
    Raises ConfigError if the shapes do not broadcast.
    """
    try:
        terms = np.broadcast_arrays(spot, strike, years, volatility, rate, dividend, is_call)
    except ValueError as error:
        raise ConfigError(f"terms of options do not fit together ({error}); give scalars or equal shapes") from None
    flat = [np.ascontiguousarray(term, dtype=np.float64).ravel() for term in terms[:6]]
    out = np.empty((flat[0].size, 6))
    bsm_greeks(*flat, np.ascontiguousarray(terms[6], dtype=np.bool_).ravel(), out)
    return out.reshape(*terms[0].shape, 6)
