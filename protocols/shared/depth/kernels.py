"""Arithmetic of the depth market: a book of general shape with exponential resilience.

The state x is the displaced volume, in whole tokens: what was bought net of what was sold and has not been refilled.
With u = |x|/V + epsilon the log price stands above its fundamental by

    displacement(x) = sign(x) Y sigma [u^delta - epsilon^delta]

Shifting by epsilon gives every market a finite slope at rest: the first epsilon * V tokens move the price linearly, by
Y sigma delta epsilon^(delta - 1) per V. A trade of net size Q pays the integral of the price over [x, x + Q], so
splitting it changes nothing, and x decays at a rate per unit of time. Shape and resilience: Alfonsi, Fruth and Schied
(2010); size law Y sigma (Q/V)^delta: Donier and Bonart (2015) for delta = 1/2.

The integral is that of exp(s w), w = scale u^delta, which is a confluent hypergeometric function of u^delta; its series
has positive terms only (for sales after Kummer's transformation). Short stretches use Gauss-Legendre, where the
difference of two series would cancel. Average prices are good to 1e-13 while |displacement| <= 4; far beyond they
stay finite, and orders that sell a book to nothing get nothing.
"""

import math
from typing import NamedTuple

import numpy as np

from sim.jit import inline, kernel


class Depth(NamedTuple):
    """Shape of one depth market.

    scale: Y times daily volatility, log price per u^delta. volume: V, whole tokens a day. delta: exponent, positive.
    epsilon: half-width of the linear region as a part of volume, positive.
    """

    scale: float
    volume: float
    delta: float
    epsilon: float


HIGHEST = 200.0
"""Largest log price over fundamental that averages count, so that none overflows."""
_NOTHING_LEFT = 50.0
"""Log discount below which the rest of a book adds no digit to a sale."""

_NODES = (
    (0.12523340851146891, 0.24914704581340277),
    (0.36783149899818019, 0.23349253653835481),
    (0.58731795428661745, 0.20316742672306592),
    (0.76990267419430469, 0.16007832854334622),
    (0.90411725637047486, 0.10693932599531843),
    (0.98156063424671925, 0.04717533638651183),
)
"""Positive nodes and weights of the 12-point Gauss-Legendre rule on [-1, 1]."""


@inline
def _rise(start, step, depth):
    """Log price added by moving u from start + epsilon to start + epsilon + step, start and step not negative."""
    u = start + depth.epsilon
    return depth.scale * u**depth.delta * math.expm1(depth.delta * math.log1p(step / u))


@inline
def _integral(u, side, depth):
    """Integral over 0..u of exp(side * scale * v^delta) dv; side is +1 or -1."""
    w = depth.scale * u**depth.delta
    power, total, k = 1.0, 1.0, 0
    if side > 0.0:
        w, term = min(w, HIGHEST), 1.0
        while term > 1e-17 * total:
            k += 1
            power *= w / k
            term = power / (k * depth.delta + 1.0)
            total += term
        return u * total
    if w > _NOTHING_LEFT:
        u, w = u * (_NOTHING_LEFT / w) ** (1.0 / depth.delta), _NOTHING_LEFT
    while power > 1e-17 * total:
        k += 1
        power *= w / (k + 1.0 / depth.delta)
        total += power
    return u * math.exp(-w) * total


@inline
def _price(log):
    return math.exp(min(log, HIGHEST))


@inline
def _mean_price(start, step, side, depth):
    """Mean of exp(displacement) over |x|/V in start..start + step, on the side the price is displaced to."""
    u = start + depth.epsilon
    rest = depth.scale * depth.epsilon**depth.delta
    if step > u:
        area = _integral(u + step, side, depth) - _integral(u, side, depth)
        return math.exp(-side * rest) * max(area, 0.0) / step
    half = 0.5 * step
    middle = u + half
    total = 0.0
    for node, weight in _NODES:
        below = depth.scale * (middle - half * node) ** depth.delta
        above = depth.scale * (middle + half * node) ** depth.delta
        total += 0.5 * weight * (_price(side * (below - rest)) + _price(side * (above - rest)))
    return total


@inline
def displacement(x, depth):
    """Log price above the fundamental at state x (whole tokens)."""
    return math.copysign(_rise(0.0, abs(x) / depth.volume, depth), x)


@inline
def log_price_change(x, size, depth):
    """displacement(x + size) - displacement(x), accurate relative to itself however small the size is."""
    y, step = x / depth.volume, size / depth.volume
    end = y + step
    if y * end >= 0.0:
        return math.copysign(_rise(min(abs(y), abs(end)), abs(step), depth), step)
    return math.copysign(_rise(0.0, abs(y), depth) + _rise(0.0, abs(end), depth), step)


@inline
def average_price(x, size, fundamental, depth):
    """Price per token that a trade of net `size` pays (bought > 0) or gets (sold < 0) from state x; marginal for 0."""
    y, step = x / depth.volume, size / depth.volume
    end = y + step
    from_side, to_side = math.copysign(1.0, y), math.copysign(1.0, end)
    before, after = abs(y), abs(end)
    if y * end >= 0.0:
        side = from_side if before > after else to_side
        return fundamental * _mean_price(min(before, after), abs(step), side, depth)
    back = before * _mean_price(0.0, before, from_side, depth)
    forth = after * _mean_price(0.0, after, to_side, depth)
    return fundamental * (back + forth) / (before + after)


@inline
def clear(x, net, fundamental, depth):
    """Clear a batch: all its orders trade at the one average price of their net.

    Parameters
    ----------
    x: state in whole tokens. net: sum of signed order sizes in whole tokens (sum the atoms: integers add up the same
    in every order, so the result does not depend on it). fundamental: its price. depth: shape of the market.

    Returns (state after, average price, change of log price).
    """
    return x + net, average_price(x, net, fundamental, depth), log_price_change(x, net, depth)


@inline
def slope(x, net, dlog, depth):
    """Log price per token over a batch: the secant dlog / net, and the tangent at x where net moves nothing."""
    if dlog == 0.0:
        u = abs(x) / depth.volume + depth.epsilon
        return depth.scale * depth.delta * u ** (depth.delta - 1.0) / depth.volume
    return dlog / net


def _attribute_numpy(sizes, net, x, dlog, depth, parts):
    np.multiply(sizes, slope(x, net, dlog, depth), out=parts)


@kernel(twin=_attribute_numpy)
def attribute(sizes, net, x, dlog, depth, parts):
    """Share a batch's change of log price among its orders, each its size times the slope, so that they sum to it.

    Parameters
    ----------
    sizes: (n,) signed whole tokens, summing to net. x: state before the batch. dlog: as returned by `clear`.
    parts: (n,) float64, written: log price moved by each order.
    """
    share = slope(x, net, dlog, depth)
    for i in range(sizes.size):
        parts[i] = sizes[i] * share


@inline
def size_for_price(x, fundamental, target, depth):
    """Net size, in whole tokens, that moves the price from state x to `target`; the inverse of `clear`.

    Needs a positive scale: a market that does not move reaches no other price.
    """
    wanted = math.log(target / fundamental)
    rest = depth.scale * depth.epsilon**depth.delta
    u = depth.epsilon * math.expm1(math.log1p(abs(wanted) / rest) / depth.delta)
    return math.copysign(u * depth.volume, wanted) - x


@inline
def recover(x, rate, elapsed, depth):
    """Resilience: the state decays as exp(-rate * elapsed). Returns (state after, change of log price)."""
    return x * math.exp(-rate * elapsed), log_price_change(x, x * math.expm1(-rate * elapsed), depth)


def _clear_markets_python(x, net, fundamental, shape, average, dlog):
    for i in range(x.size):
        depth = Depth(*(float(value) for value in shape[i]))
        x[i], average[i], dlog[i] = clear(float(x[i]), float(net[i]), float(fundamental[i]), depth)


@kernel(twin=_clear_markets_python)
def clear_markets(x, net, fundamental, shape, average, dlog):
    """`clear` for m markets at once.

    Parameters
    ----------
    x: (m,) whole tokens, updated in place. net: (m,) whole tokens. fundamental: (m,) prices.
    shape: (m, 4) columns scale, volume, delta, epsilon as in `Depth`.
    average, dlog: (m,) written: price all orders of the market's batch trade at, change of its log price.
    """
    for i in range(x.size):
        depth = Depth(shape[i, 0], shape[i, 1], shape[i, 2], shape[i, 3])
        x[i], average[i], dlog[i] = clear(x[i], net[i], fundamental[i], depth)
