"""Requirements of accounts in options: Deribit's standard margin, capped by what an expiry can lose at most.

Equity counts options at their mark, short ones below zero. A requirement here is what equity must be, so that it is
Deribit's requirement (which counts cash only) plus the marks: long options must be paid for, shorts need their margin.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

import numpy as np

from sim.jit import inline, kernel


def short_margin(is_call, spot, strike, mark, first=0.15, least=0.10, maintenance=0.075):
    """Initial and maintenance margin of one short option in coins, its mark included (Deribit, standard margin).

    Parameters
    ----------
    is_call: bool. spot, strike: USD. mark: coins. All (n,). first: of the spot, less the distance out of the money;
    least: it never falls below; maintenance: of the spot.

    Returns two (n,) arrays.
    """
    outside = np.maximum(np.where(is_call, strike - spot, spot - strike), 0.0) / spot
    initial = np.maximum(first - outside, least) + mark
    kept = np.where(is_call, maintenance, np.maximum(maintenance, maintenance * mark)) + mark
    return np.where(is_call, initial, np.maximum(initial, kept)), kept


def volatility_shock(years, at_month=0.38, power=0.30):
    """Relative volatility move of Deribit's portfolio margin: (30 / days)^0.30 * 38%; (n,) years of at least a day."""
    return at_month * (30.0 / np.maximum(np.asarray(years) * 365.0, 1.0)) ** power


@inline
def _calls(held, is_call, lo, hi):
    """Calls held net: the slope of the payoff far above."""
    slope = 0.0
    for s in range(lo, hi):
        slope += held[s] if is_call[s] else 0.0
    return slope


@inline
def _payoff(held, strike, is_call, lo, hi, x):
    value = 0.0
    for s in range(lo, hi):
        gain = x - strike[s] if is_call[s] else strike[s] - x
        value += held[s] * max(gain, 0.0)
    return value


@inline
def _lowest(held, strike, is_call, lo, hi, cover):
    """Least payoff in USD at expiry with `cover` of the underlying held beside; minus infinity if there is none."""
    if _calls(held, is_call, lo, hi) + cover < 0.0:
        return -np.inf
    least = _payoff(held, strike, is_call, lo, hi, 0.0)
    for s in range(lo, hi):
        if held[s] != 0.0:
            least = min(least, _payoff(held, strike, is_call, lo, hi, strike[s]) + cover * strike[s])
    return least


@inline
def _lowest_coins(held, strike, is_call, lo, hi):
    """Least payoff in coins at expiry. Between strikes it is a / S + b, so it is least at a strike or at an end."""
    at_zero, puts = 0.0, 0.0
    for s in range(lo, hi):
        if not is_call[s]:
            at_zero += held[s] * strike[s]
            puts += held[s]
    if at_zero < 0.0:
        return -np.inf
    least = _calls(held, is_call, lo, hi)
    if at_zero == 0.0:
        least = min(least, -puts)
    for s in range(lo, hi):
        if held[s] != 0.0:
            least = min(least, _payoff(held, strike, is_call, lo, hi, strike[s]) / strike[s])
    return least


@kernel()
def net_requirements(positions, strike, is_call, mark, initial, maintenance, start, owner, terms, coins, out):
    """Requirements of accounts, the smaller of standard margin and the worst loss at expiry, expiry by expiry.

    Parameters
    ----------
    positions: (n, series) atoms held, short below zero. strike: (series,) USD. is_call: bool (series,).
    mark: (series,) value of one atom. initial, maintenance: (series,) margin of one short atom, without its mark.
    start: int64 (groups + 1,) first series of each group. owner: int64 (groups,) its underlying.
    terms: (underlyings, 3) spot in USD; value of one USD on one atom of an option; whether it settles in coins.
    coins: (n, underlyings) option atoms that collateral in the underlying covers, used up group after group.
    out: (n, 2), overwritten with initial and maintenance requirement. Values in atoms of the margin asset.
    """
    for i in range(positions.shape[0]):
        held = positions[i]
        out[i, 0] = out[i, 1] = 0.0
        for g in range(owner.size):
            lo, hi, u = start[g], start[g + 1], owner[g]
            first, kept, marks, busy = 0.0, 0.0, 0.0, False
            for s in range(lo, hi):
                value = held[s] * mark[s]
                marks += value
                first += value if held[s] > 0.0 else -held[s] * initial[s]
                kept += value if held[s] > 0.0 else -held[s] * maintenance[s]
                busy = busy or held[s] != 0.0
            if not busy:
                continue
            spot, dollar = terms[u, 0], terms[u, 1]
            if terms[u, 2] != 0.0:
                worst = marks - _lowest_coins(held, strike, is_call, lo, hi) * dollar * spot
            else:
                worst = marks - _lowest(held, strike, is_call, lo, hi, 0.0) * dollar
                cover = min(max(-_calls(held, is_call, lo, hi), 0.0), coins[i, u])
                covered = marks + (cover * spot - _lowest(held, strike, is_call, lo, hi, cover)) * dollar
                if cover > 0.0 and covered < min(first, worst):
                    coins[i, u] -= cover
                    worst = covered
            worst = max(worst, 0.0)
            out[i, 0] += min(first, worst)
            out[i, 1] += min(kept, worst)


def _scenario_gains_numpy(positions, gains, out):
    out[:] = 0.0
    for s in range(positions.shape[1]):
        out += positions[:, s, None] * gains[s]


@kernel(twin=_scenario_gains_numpy)
def scenario_gains(positions, gains, out):
    """Gain of each account in each scenario; positions: (n, series). gains: (series, k) per atom. out: (n, k)."""
    out[:] = 0.0
    for s in range(positions.shape[1]):
        for i in range(positions.shape[0]):
            for k in range(gains.shape[1]):
                out[i, k] += positions[i, s] * gains[s, k]
