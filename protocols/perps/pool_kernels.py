"""Arithmetic of perpetuals against a pool (GMX v2 synthetics; borrowing of v1): traders' profits are the pool's losses.

Amounts are USD as float64, rates are per 365-day year. A pool charges for the imbalance between longs and shorts: price
impact, funding of the smaller side by the larger, and borrowing for the pool it reserves. Its profits to traders are
bounded by a share of the pool, and beyond a lower share winners are closed. Scalar functions are inlined into kernels.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

from typing import NamedTuple

import numpy as np

from sim.jit import inline, kernel
from sim.units import SECONDS_PER_YEAR

V1_BORROW = 1e-4
"""GMX v1: share of size due per 8 hours at full utilisation."""
_HOURS_8 = 8.0 * 3600.0


class PoolTerms(NamedTuple):
    """Settings of one market; defaults are the base configuration of GMX v2, impact that of its ETH market."""

    impact_positive: float = 1.2e-10
    """Price impact per squared USD of imbalance, for trades that balance; at most impact_negative."""
    impact_negative: float = 1.2e-10
    max_negative_impact: float = 0.005
    """Share of a trade's size."""
    max_positive_impact: float = 0.005
    liquidation_impact: float = 0.0
    """Largest negative impact that counts when asking whether a position can be liquidated, as a share of its size."""
    fee_balancing: float = 4e-4
    fee_unbalancing: float = 6e-4
    liquidation_fee: float = 0.002
    """Share of size, charged on top when a position is liquidated; the check that it can be does not count it."""
    min_collateral: float = 0.01
    """Least collateral after costs, as a share of size."""
    min_collateral_usd: float = 1.0
    optimal_usage: float = 0.75
    borrow_at_optimal: float = 0.45
    """Borrow rate per year at the kink; low set of the configuration, the high one has 0.55 and 1.30."""
    borrow_at_full: float = 1.0
    min_funding: float = 0.01
    max_funding: float = 0.9
    funding_growth: float = 0.89 * SECONDS_PER_YEAR / 10_800.0
    """Change of the funding rate per year at full skew, per year: from the least to the most in 3 hours."""
    funding_decay: float = 0.0
    """Fall of the funding rate per year, per year, while the skew is below decrease_below."""
    stable_skew: float = 0.05
    """Skew above which the rate grows; between the two thresholds it rests."""
    decrease_below: float = 0.0
    reserve_share: float = 0.95
    """Share of the pool that may be reserved, for borrowing and withdrawals."""
    open_interest_share: float = 0.90
    """Share of the pool that new positions may reserve."""
    max_pnl: float = 0.90
    """Traders' profit of one side is paid up to this share of the pool."""
    adl_above: float = 0.85
    adl_down_to: float = 0.77


SYNTHETIC = PoolTerms(max_pnl=0.60, adl_above=0.55, adl_down_to=0.50)
"""A market whose pool does not hold the asset that is traded."""


# ----------------------------------------------------------------------------------------------------- price of a trade


@inline
def price_impact(longs, shorts, change, terms):
    """USD that a trade gains (positive) or loses by changing the imbalance of open interest; before any impact pool.

    factor * imbalance**2 before, less the same after; if the heavier side changes, the way to balance counts with the
    positive factor and the way beyond with the negative one. Between -max_negative and +max_positive shares of size.

    longs, shorts: open interest, USD. change: signed change of longs less shorts: +size for a long opened or a short
    closed, -size for the opposite.
    """
    before = longs - shorts
    after = before + change
    old, new = before * before, after * after
    positive = min(terms.impact_positive, terms.impact_negative)
    same_side = (positive if new < old else terms.impact_negative) * (old - new)
    crossing = positive * old - terms.impact_negative * new
    impact = crossing if before * after < 0.0 else same_side
    size = abs(change)
    return min(max(impact, -terms.max_negative_impact * size), terms.max_positive_impact * size)


@inline
def pay_impact(impact, impact_pool):
    """(impact paid, impact pool after): gains are paid out of what losses brought in, as far as that reaches."""
    paid = min(impact, impact_pool)
    return paid, impact_pool - paid


@inline
def balances(longs, shorts, change):
    """Whether a trade leaves less imbalance than it finds; `change` as in `price_impact`."""
    return abs(longs - shorts + change) < abs(longs - shorts)


@inline
def trade_fee(longs, shorts, change, terms):
    """USD of position fee: the lower rate for trades that balance; `change` as in `price_impact`."""
    return abs(change) * (terms.fee_balancing if balances(longs, shorts, change) else terms.fee_unbalancing)


# -------------------------------------------------------------------------------------------------- borrowing, reserves


@inline
def usage(reserved, pool, terms):
    """Part of the reservable pool that is reserved, in [0, 1]; 1 for an empty pool with anything reserved."""
    room = pool * terms.reserve_share
    return min(reserved / room, 1.0) if room > 0.0 else (1.0 if reserved > 0.0 else 0.0)


@inline
def borrow_rate(used, terms):
    """Yearly rate on reserved USD: linear up to the kink at the optimal usage, steeper beyond."""
    below = min(used, terms.optimal_usage) / terms.optimal_usage
    above = max(used - terms.optimal_usage, 0.0) / (1.0 - terms.optimal_usage)
    return terms.borrow_at_optimal * below + (terms.borrow_at_full - terms.borrow_at_optimal) * above


@inline
def borrow_rate_v1(used):
    """Yearly rate of GMX v1: proportional to utilisation."""
    return V1_BORROW * used * (SECONDS_PER_YEAR / _HOURS_8)


@inline
def open_interest_room(reserved, pool, terms):
    """USD that new positions of a side may still reserve: longs reserve size in tokens at the current price, shorts
    their size in USD."""
    return max(pool * min(terms.open_interest_share, terms.reserve_share) - reserved, 0.0)


# -------------------------------------------------------------------------------------------------------------- funding


@inline
def adapt_funding(rate, longs, shorts, elapsed, terms):
    """Yearly funding rate after `elapsed` years; positive: longs pay shorts.

    It grows towards the heavier side at a speed proportional to the skew |L - S| / (L + S), from once the skew passes
    `stable_skew`; at once if the rate still points the other way. Below `decrease_below` it decays to zero. Its size
    stays within max_funding.
    """
    total = longs + shorts
    skew = (longs - shorts) / total if total > 0.0 else 0.0
    grows = abs(skew) > terms.stable_skew or rate * skew < 0.0 or (rate == 0.0 and skew != 0.0)
    grown = rate + skew * terms.funding_growth * elapsed
    decayed = max(abs(rate) - terms.funding_decay * elapsed, 0.0) * (1.0 if rate >= 0.0 else -1.0)
    moved = grown if grows else (decayed if abs(skew) < terms.decrease_below else rate)
    return min(max(moved, -terms.max_funding), terms.max_funding)


@inline
def charged_funding(rate, terms):
    """Yearly rate the paying side is charged: the adaptive rate, at least min_funding in size unless it is zero."""
    size = max(abs(rate), terms.min_funding)
    return size if rate > 0.0 else (-size if rate < 0.0 else 0.0)


@inline
def funding_received_rate(rate, longs, shorts):
    """Yearly rate the receiving side gets on its size, so that what is paid is received; zero if nobody receives."""
    payers, receivers = (longs, shorts) if rate > 0.0 else (shorts, longs)
    return abs(rate) * payers / receivers if receivers > 0.0 else 0.0


# -------------------------------------------------------------------------------------------- profit caps, deleveraging


@inline
def pnl_paid_share(pnl, pool, limit):
    """Part of each trader's profit that is paid when a side's profit may take at most `limit` of the pool."""
    return limit * max(pool, 0.0) / pnl if pnl > limit * max(pool, 0.0) and pnl > 0.0 else 1.0


@inline
def share_to_close(pnl, pool, terms):
    """Part of a side's profit to realise so that profit falls from above adl_above to adl_down_to of the pool.

    Realised profit leaves the pool: (1 - f) pnl = adl_down_to (pool - f pnl). Zero while profit is at or below
    adl_above, one where the pool cannot be restored.
    """
    if pnl <= terms.adl_above * pool or pnl <= 0.0:
        return 0.0
    target = terms.adl_down_to
    return min((pnl - target * pool) / (pnl * (1.0 - target)), 1.0)


# ---------------------------------------------------------------------------------------------------------- liquidation


@inline
def remaining_collateral(size, side, tokens, collateral, due, price, longs, shorts, paid, terms):
    """(USD left of a position's collateral if it were closed at `price`, least it needs).

    Closing costs its fee and `due` (borrowing and funding owed). Positive impact is ignored and negative impact counts
    up to `liquidation_impact` of size, so that a lopsided market does not liquidate positions by its own impact.
    """
    pnl = side * (tokens * price - size)
    pnl = pnl * paid if pnl > 0.0 else pnl
    impact = price_impact(longs, shorts, -side * size, terms)
    impact = max(min(impact, 0.0), -terms.liquidation_impact * size)
    left = collateral + pnl + impact - due - trade_fee(longs, shorts, -side * size, terms)
    return left, max(terms.min_collateral * size, terms.min_collateral_usd)


def _margin_numpy(size, side, tokens, collateral, due, price, longs, shorts, paid, terms, excess):
    before, change = longs - shorts, -side * size
    after = before + change
    old, new = before * before, after * after
    positive = min(terms.impact_positive, terms.impact_negative)
    same_side = np.where(new < old, positive, terms.impact_negative) * (old - new)
    impact = np.where(before * after < 0.0, positive * old - terms.impact_negative * new, same_side)
    impact = np.minimum(np.maximum(impact, -terms.max_negative_impact * size), terms.max_positive_impact * size)
    impact = np.maximum(np.minimum(impact, 0.0), -terms.liquidation_impact * size)
    fee = size * np.where(np.abs(after) < abs(before), terms.fee_balancing, terms.fee_unbalancing)
    pnl = side * (tokens * price - size)
    pnl = np.where(pnl > 0.0, pnl * np.where(side > 0.0, paid[0], paid[1]), pnl)
    left = collateral + pnl + impact - due - fee
    excess[:] = np.where(size > 0.0, left - np.maximum(terms.min_collateral * size, terms.min_collateral_usd), np.inf)
    return int(np.count_nonzero(excess < 0.0))


@kernel(twin=_margin_numpy)
def pool_margin(size, side, tokens, collateral, due, price, longs, shorts, paid, terms, excess):
    """Collateral of n positions beyond the least they need; those below zero can be liquidated.

    Parameters
    ----------
    size: float64 (n,) USD at entry, not negative; zero marks an empty row. side: (n,) +1.0 long, -1.0 short.
    tokens: (n,) size in whole tokens. collateral: (n,) USD. due: (n,) USD of borrowing and funding owed.
    price: USD. longs, shorts: open interest, USD. paid: (2,) `pnl_paid_share` of longs and of shorts.
    terms: PoolTerms. excess: (n,), overwritten, USD; infinite in empty rows.

    Returns the number of positions that can be liquidated.
    """
    below = 0
    for i in range(size.size):
        share = paid[0] if side[i] > 0.0 else paid[1]
        left, least = remaining_collateral(
            size[i], side[i], tokens[i], collateral[i], due[i], price, longs, shorts, share, terms
        )
        excess[i] = left - least if size[i] > 0.0 else np.inf
        below += excess[i] < 0.0
    return below
