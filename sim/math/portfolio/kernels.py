"""The active set that every quadratic portfolio problem here is solved by.

minimise 1/2 w'Sw + q'w + c'|w - home| over lower <= w <= upper, with the sum of w fixed, bounded or left alone. The
cost of moving away from home is part of the search, not an approximation: a weight is fixed at a bound or at home,
or free on one side of home, and every step solves the free weights exactly (Nocedal and Wright, Numerical
Optimization, 2006, algorithm 16.3, with kinks beside bounds).
"""

import math

import numpy as np

from sim.jit import inline, kernel

EXACT, AT_MOST, ANY = 0, 1, 2
"""Whether weights sum to the total, to no more than it, or to anything."""
TOLERANCE = 1e-13
"""Slopes this small, relative to the problem's largest numbers, are rounding."""
SINGULAR = 1e-14
"""A pivot this small, relative to the variance, says that the free assets are linearly dependent."""


@inline
def _factor(S, p, free, m, good, L):
    """Extend the Cholesky factor of the free assets' covariance from `good` to m rows; False if it is singular."""
    for a in range(good, m):
        i = free[a]
        for b in range(a + 1):
            rest = S[p, i, free[b]]
            for c in range(b):
                rest -= L[a, c] * L[b, c]
            if b < a:
                L[a, b] = rest / L[b, b]
            elif rest > SINGULAR * S[p, i, i]:
                L[a, a] = math.sqrt(rest)
            else:
                return False
    return True


@inline
def _direction(L, free, m, side, slope, cost, balanced, d, one):
    """Fill d (m,) with the step to the minimum over the free assets; returns the multiplier of the sum."""
    along = across = 0.0
    for a in range(m):
        i = free[a]
        rest, unit = -(slope[i] + side[i] * cost[i]), 1.0
        for c in range(a):
            rest -= L[a, c] * d[c]
            unit -= L[a, c] * one[c]
        d[a], one[a] = rest / L[a, a], unit / L[a, a]
        along += one[a] * d[a]
        across += one[a] * one[a]
    multiplier = -along / across if balanced and m > 0 else 0.0
    for a in range(m - 1, -1, -1):
        rest = d[a] + multiplier * one[a]
        for c in range(a + 1, m):
            rest -= L[c, a] * d[c]
        d[a] = rest / L[a, a]
    return multiplier


@inline
def _blocked(free, m, side, d, w, lower, upper, home):
    """(length, place): how far the step may go, and the place of the free asset that stops it, -1 if none does."""
    length, place = 1.0, -1
    for a in range(m):
        i = free[a]
        if d[a] < 0.0:
            room = (home[i] if side[i] > 0 else lower[i]) - w[i]
        elif d[a] > 0.0:
            room = (home[i] if side[i] < 0 else upper[i]) - w[i]
        else:
            continue
        if room / d[a] < length:
            length, place = room / d[a], a
    return max(length, 0.0), place


@inline
def _move(S, p, free, m, d, length, w, slope):
    """Go along the step, and let the slopes follow."""
    for a in range(m):
        i = free[a]
        change = length * d[a]
        w[i] += change
        for j in range(w.size):
            slope[j] += S[p, i, j] * change


@inline
def _best(w, side, slope, lower, upper, home, cost, multiplier, tolerance):
    """(asset, direction) of the fixed asset whose release pays most; asset -1 if none pays."""
    best, who, way = -tolerance, -1, 0
    for i in range(w.size):
        if side[i] != 0:
            continue
        up = slope[i] - multiplier + (cost[i] if w[i] >= home[i] else -cost[i])
        down = multiplier - slope[i] + (cost[i] if w[i] <= home[i] else -cost[i])
        if w[i] < upper[i] and up < best:
            best, who, way = up, i, 1
        if w[i] > lower[i] and down < best:
            best, who, way = down, i, -1
    return who, way


@inline
def _pivot(w, slope, lower, upper, home, cost):
    """A multiplier between the asset that gains most from rising and the one that gains most from falling."""
    least, most = math.inf, -math.inf
    for i in range(w.size):
        if w[i] < upper[i]:
            least = min(least, slope[i] + (cost[i] if w[i] >= home[i] else -cost[i]))
        if w[i] > lower[i]:
            most = max(most, slope[i] - (cost[i] if w[i] <= home[i] else -cost[i]))
    if math.isinf(least):
        return most
    return least if math.isinf(most) else 0.5 * (least + most)


@inline
def _free(i, way, w, home, free, m, side):
    """Let asset i go up or down; returns how many are free."""
    if way > 0:
        side[i] = 1 if w[i] >= home[i] else -1
    else:
        side[i] = -1 if w[i] <= home[i] else 1
    free[m] = i
    return m + 1


@inline
def _fix(place, d, free, m, side, w, lower, upper, home):
    """Fix a free asset at what stopped it, exactly; returns how many are free."""
    i = free[place]
    if d[place] < 0.0:
        w[i] = home[i] if side[i] > 0 else lower[i]
    else:
        w[i] = home[i] if side[i] < 0 else upper[i]
    side[i] = 0
    for a in range(place, m - 1):
        free[a] = free[a + 1]
    return m - 1


@inline
def _open(S, p, linear, lower, upper, home, w, free, side, slope):
    """Slopes at w, and which assets are free; (how many, scale of the problem's numbers)."""
    m, scale = 0, 0.0
    for i in range(w.size):
        slope[i] = linear[i]
        for j in range(w.size):
            slope[i] += S[p, i, j] * w[j]
        scale = max(scale, abs(linear[i]) + S[p, i, i] + abs(slope[i]))
        side[i] = 0
        if lower[i] < w[i] < upper[i] and w[i] != home[i]:
            side[i] = 1 if w[i] > home[i] else -1
            free[m] = i
            m += 1
    return m, scale


@inline
def _partner(w, slope, lower, upper, home, cost, way):
    """(asset, direction): with nothing free, what moves against the first asset so that the sum stays."""
    best, who = math.inf, 0
    for i in range(w.size):
        if way > 0 and w[i] > lower[i]:
            value = -slope[i] + (cost[i] if w[i] <= home[i] else -cost[i])
        elif way < 0 and w[i] < upper[i]:
            value = slope[i] + (cost[i] if w[i] >= home[i] else -cost[i])
        else:
            continue
        if value < best:
            best, who = value, i
    return who, -way


@inline
def _descend(S, p, linear, lower, upper, home, cost, balanced, w, free, side, L, slope, d, one):
    """Take w (k,), which is feasible, to the minimum; returns the steps it took, -1 if the covariance is singular."""
    m, scale = _open(S, p, linear, lower, upper, home, w, free, side, slope)
    good = 0
    for step in range(20 + 20 * w.size):
        if not _factor(S, p, free, m, good, L):
            return -1
        good = m
        multiplier = _direction(L, free, m, side, slope, cost, balanced, d, one)
        length, place = _blocked(free, m, side, d, w, lower, upper, home)
        _move(S, p, free, m, d, length, w, slope)
        if place >= 0:
            m, good = _fix(place, d, free, m, side, w, lower, upper, home), place
            continue
        if balanced and m == 0:
            multiplier = _pivot(w, slope, lower, upper, home, cost)
        who, way = _best(w, side, slope, lower, upper, home, cost, multiplier, TOLERANCE * scale)
        if who < 0:
            return step
        if balanced and m == 0:
            other, back = _partner(w, slope, lower, upper, home, cost, way)
            m = _free(other, back, w, home, free, m, side)
        m = _free(who, way, w, home, free, m, side)
    return -1


@inline
def _begin(S, p, linear, lower, upper, home, total, balanced, w):
    """Fill w with home within the bounds; balanced: raise the safest assets, or lower the riskiest, to the total."""
    gap = total
    for i in range(w.size):
        w[i] = min(max(home[i], lower[i]), upper[i])
        gap -= w[i]
    for _ in range(w.size if balanced else 0):
        best, who = math.inf, -1
        for i in range(w.size):
            risk = linear[i] + 0.5 * total * S[p, i, i]
            room = upper[i] - w[i] if gap > 0.0 else w[i] - lower[i]
            if room > 0.0 and (risk if gap > 0.0 else -risk) < best:
                best, who = (risk if gap > 0.0 else -risk), i
        if who < 0 or gap == 0.0:
            break
        change = min(gap, upper[who] - w[who]) if gap > 0.0 else max(gap, lower[who] - w[who])
        w[who] += change
        gap -= change


@kernel()
def solve_portfolios(covariance, linear, lower, upper, home, cost, total, balance, weights, steps):
    """Minimise 1/2 w'Sw + q'w + c'|w - home| within bounds, for n portfolios of k assets at once.

    Parameters
    ----------
    covariance: S, (1, k, k) for all portfolios or (n, k, k), positive definite. linear: q (n, k). lower, upper: (k,);
        there must be weights within them that reach the total. home: (n, k). cost: (k,), at least 0.
    total: of the weights. balance: EXACT, AT_MOST or ANY.
    weights: float64 (n, k), overwritten. steps: int64 (n,), overwritten with how many steps each took, -1 for a
        covariance that is singular on some of the assets, whose weights then mean nothing.
    """
    n, k = weights.shape
    w, L, slope, d, one = np.empty(k), np.empty((k, k)), np.empty(k), np.empty(k), np.empty(k)
    q, origin, free, side = np.empty(k), np.empty(k), np.empty(k, np.int64), np.empty(k, np.int64)
    for p in range(n):
        here = p % covariance.shape[0]
        q[:], origin[:] = linear[p], home[p]
        for balanced in (balance == EXACT, balance == AT_MOST):
            _begin(covariance, here, q, lower, upper, origin, total, balanced, w)
            steps[p] = _descend(
                covariance, here, q, lower, upper, origin, cost, balanced, w, free, side, L, slope, d, one
            )
            reached = 0.0
            for i in range(k):
                reached += w[i]
            if balance != AT_MOST or reached <= total:
                break
        weights[p] = w
