"""Implied volatility: the Black-Scholes formula solved for its volatility.

Prices are reduced to an out-of-the-money call of normalised price b(x, s), x = log(F / K) <= 0, s = volatility times
the root of time. The equation is solved in whichever of three shapes is nearly straight there: 1 / log b below the
inflection of b in s, b itself around it, and the log of the distance to the upper bound above (the partition of
Jaeckel, "Let's be rational", Wilmott 2015, with simpler first guesses). Steps are Householder's of third order,
inside a bracket that every evaluation narrows.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import ConfigError
from sim.jit import inline, kernel
from sim.pricing.elementary import exp, log_ratio
from sim.pricing.normal import DENSITY_AT_ZERO, mills

SOLVED, AT_INTRINSIC, BELOW_INTRINSIC, ABOVE_MAXIMUM, UNDEFINED = range(5)
"""Statuses: solved; worth its intrinsic value (volatility 0); less than it, or not less than the discounted spot (call)
or strike (put): NaN; no option (a term out of range, NaN, or no time left): NaN."""
_LOW, _MIDDLE, _HIGH = range(3)
_STEPS = 60
_CLOSE = 1e-6
"""Relative step after which one more step of fourth order changes nothing."""
_LEAST = 1e-290
"""Normalised prices below this are none: they are next to where doubles lose their digits."""
_WIDEST = 75.0
"""Total volatility at which every price is at its upper bound in double precision."""


@inline
def _normalised(x, s):
    """b(x, s), its distance to the upper bound, and its slope in s; x <= 0 < s."""
    up = exp(0.5 * x)
    h, t = x / s, 0.5 * s
    bell = up * (DENSITY_AT_ZERO * exp(-0.5 * (h + t) * (h + t)))
    tail, missing = bell * mills(abs(h + t)), bell * mills(abs(h - t))
    if h + t < 0.0:
        value = tail - missing
        return value, up - value, bell
    return up - tail - missing, tail + missing, bell


@inline
def _region(x, target, ceiling):
    """Which shape to solve in, and a first guess.

    The tangent at the inflection of b meets zero at `foot`, below which prices fall like exp(-x^2 / 2 s^2).
    """
    if x == 0.0:
        turn, value, rest, slope = 0.0, 0.0, ceiling, DENSITY_AT_ZERO
    else:
        turn = math.sqrt(-2.0 * x)
        value, rest, slope = _normalised(x, turn)
    if ceiling - target < 0.5 * rest:
        return _HIGH, turn + 2.0 * math.sqrt(-2.0 * log_ratio(ceiling - target, rest))
    if x == 0.0 or target >= value:
        return _MIDDLE, turn + (target - value) / slope
    foot = turn - value / slope
    least, _, _ = _normalised(x, foot)
    if target >= least:
        return _MIDDLE, foot + (turn - foot) * (target - least) / (value - least)
    return _LOW, -x / math.sqrt(x * x / (foot * foot) + 2.0 * log_ratio(least, target))


@inline
def _step(x, s, target, ceiling, shape, value, rest, slope):
    """Householder's third-order step towards the root."""
    bend = x * x / (s * s * s) - 0.25 * s
    twist = bend * bend - 3.0 * x * x / (s * s * s * s) - 0.25
    if shape == _LOW:
        depth, goal = log_ratio(value, 1.0), log_ratio(target, 1.0)
        rate, turn = slope / value, 1.0 + 2.0 / depth
        newton = (goal - depth) * (depth / goal) / rate
        second = bend - rate * turn
        third = twist + 2.0 * rate * rate * (1.0 + 3.0 / depth * (1.0 + 1.0 / depth)) - 3.0 * bend * rate * turn
    elif shape == _HIGH:
        rate = slope / rest
        newton = log_ratio(rest, ceiling - target) / rate
        second, third = bend + rate, twist + rate * (3.0 * bend + 2.0 * rate)
    else:
        newton, second, third = (target - value) / slope, bend, twist
    return newton * (1.0 + 0.5 * second * newton) / (1.0 + newton * (second + third * newton / 6.0))


@inline
def _solve(x, target, ceiling):
    """s with b(x, s) = target, 0 < target < ceiling = e^(x / 2)."""
    shape, s = _region(x, target, ceiling)
    low, high = 0.0, _WIDEST
    for _ in range(_STEPS):
        value, rest, slope = _normalised(x, s)
        if value < target:
            low = s
        else:
            high = s
        following = math.nan
        if slope > 0.0 and value > 0.0 and rest > 0.0:
            following = s + _step(x, s, target, ceiling, shape, value, rest, slope)
        if abs(following - s) <= _CLOSE * s:
            return following
        s = following if low <= following <= high else 0.5 * (low + high)
    return s


@inline
def implied(price, spot, strike, years, rate, dividend, is_call):
    """Implied volatility of one option, and a status; see `implied_volatilities`."""
    if not (spot > 0.0 and strike > 0.0 and years > 0.0 and price == price):
        return math.nan, UNDEFINED
    own, owed = spot * exp(-dividend * years), strike * exp(-rate * years)
    x = log_ratio(spot, strike) + (rate - dividend) * years
    bound = own if is_call else owed
    if price >= bound:
        return math.nan, ABOVE_MAXIMUM
    inside = (x > 0.0) == is_call and x != 0.0
    gain = own - owed if is_call else owed - own
    worth = price - gain if inside else price
    if worth < 0.0:
        return math.nan, BELOW_INTRINSIC
    x = -abs(x)
    target, ceiling = worth / (math.sqrt(own) * math.sqrt(owed)), exp(0.5 * x)
    if target < _LEAST:
        return 0.0, AT_INTRINSIC
    if target >= ceiling:
        return math.nan, ABOVE_MAXIMUM
    return _solve(x, target, ceiling) / math.sqrt(years), SOLVED


@kernel()
def implied_volatilities(price, spot, strike, years, rate, dividend, is_call, out, status):
    """Implied volatilities of n options.

    A price outside the bounds that no arbitrage sets has none: NaN with its status. A price at the lower bound has
    volatility zero. The answer is as exact as the price is: a relative error e of what the price is worth beyond its
    intrinsic value moves it by e times that worth over vega, which deep in the money is everything.

    Parameters
    ----------
    price, spot, strike, years, rate, dividend: (n,) float64. is_call: (n,) bool.
    out: (n,) float64, written. status: (n,) int8, written: SOLVED, AT_INTRINSIC, BELOW_INTRINSIC, ABOVE_MAXIMUM or
        UNDEFINED.
    """
    for i in range(out.size):
        terms = price[i], spot[i], strike[i], years[i], rate[i], dividend[i], is_call[i]
        out[i], status[i] = implied(*terms)


def implied_volatility(
    price: ArrayLike,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike = 0.0,
    dividend: ArrayLike = 0.0,
    is_call: ArrayLike = True,
) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """Implied volatilities and statuses of options whose terms broadcast; see `implied_volatilities`.

    Raises ConfigError if the shapes do not broadcast.
    """
    try:
        terms = np.broadcast_arrays(price, spot, strike, years, rate, dividend, is_call)
    except ValueError as error:
        raise ConfigError(f"terms of options do not fit together ({error}); give scalars or equal shapes") from None
    flat = [np.ascontiguousarray(term, dtype=np.float64).ravel() for term in terms[:6]]
    out, status = np.empty(flat[0].size), np.empty(flat[0].size, np.int8)
    implied_volatilities(*flat, np.ascontiguousarray(terms[6], dtype=np.bool_).ravel(), out, status)
    return out.reshape(terms[0].shape), status.reshape(terms[0].shape)
