"""Concentrated liquidity: swaps across ranges, with a float64 root of the price and whole amounts.

Formulas: Uniswap v3 (Adams et al., 2021; SwapMath.computeSwapStep, SqrtPriceMath): between two initialised ticks the
pool is a constant product of liquidity L, where dx = L (1/sqrt(Pb) - 1/sqrt(Pa)), dy = L (sqrt(Pb) - sqrt(Pa)).

The pool's root of the price is a float64 where v3 has 96 binary digits after the point. It is exact by decree: a swap
moves it no further than what was paid in pays for, and what is paid out is computed from the two roots as they stand,
each amount widened or narrowed by `_SLACK`, which covers the roundings of the few operations in it. So the reserves
are never less than fees and exact amounts of all ranges together, whatever is traded.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

import math

from protocols.amm.rounding import OUTSIDE, RESERVE_LIMIT, product_over, product_over_up
from sim.jit import inline

TICK = 1.0001
"""Ratio of the prices of neighbouring ticks."""
MOST_TICK = 887_272
MOST_LIQUIDITY = 2**55
"""Of one range; a pool has at most MOST_RANGES of them."""
MOST_RANGES = 32
_SLACK = 2.0**-50
_WIDE = 2.0**61


def tick_spacing(fee: float) -> int:
    """Ticks between two that may bound a range, by fee tier of Uniswap v3; 0 for a fee that is no tier."""
    return {0.0001: 1, 0.0005: 10, 0.003: 60, 0.01: 200}.get(fee, 0)


def root_at(tick: int) -> float:
    """Root of the price at a tick."""
    return math.exp(0.5 * tick * math.log(TICK))


@inline
def asset_amount(liquidity, low, high):
    """Asset atoms, real, of liquidity between two roots of the price."""
    return float(liquidity) * (high - low) / (low * high)


@inline
def money_amount(liquidity, low, high):
    """Numeraire atoms, real, of liquidity between two roots of the price."""
    return float(liquidity) * (high - low)


@inline
def amount_down(real):
    """Whole atoms surely not above a real amount."""
    return int(min(real * (1.0 - _SLACK), _WIDE))


@inline
def amount_up(real):
    """Whole atoms surely not below a real amount."""
    return math.ceil(min(real * (1.0 + _SLACK), _WIDE))


@inline
def clip(root, low, high):
    """The root, or the end of the range that is nearest to it."""
    return min(max(root, low), high)


@inline
def active_liquidity(bounds, liquidity, root, down):
    """Liquidity that trades when the price leaves `root` downwards or upwards."""
    total = 0
    for r in range(liquidity.size):
        low, high = bounds[r, 0], bounds[r, 1]
        if (low < root <= high) if down else (low <= root < high):
            total += int(liquidity[r])
    return total


@inline
def next_bound(bounds, liquidity, root, down):
    """Root at the next initialised tick; 0 or infinity if there is none."""
    found = 0.0 if down else math.inf
    for r in range(liquidity.size):
        if liquidity[r] > 0:
            for side in range(2):
                bound = bounds[r, side]
                if (down and found < bound < root) or (not down and root < bound < found):
                    found = bound
    return found


@inline
def amount_in(liquidity, root, target, down):
    """Least input, in atoms, without fee, that surely pays for a move from one root to another."""
    real = asset_amount(liquidity, target, root) if down else money_amount(liquidity, root, target)
    return amount_up(real)


@inline
def amount_out(liquidity, root, target, down):
    """Most atoms that a move from one root to another surely leaves to pay out."""
    real = money_amount(liquidity, target, root) if down else asset_amount(liquidity, root, target)
    return amount_down(real)


@inline
def root_after(liquidity, root, target, kept, down):
    """Where an input without its fee moves the root, surely no further; between root and target."""
    if down:
        moved = root / (1.0 + float(kept) * root / float(liquidity)) * (1.0 + 0.5 * _SLACK)
        return max(min(moved, root), target)
    moved = (root + float(kept) / float(liquidity)) * (1.0 - 0.5 * _SLACK)
    return min(max(moved, root), target)


@inline
def _share_out(fee, bounds, liquidity, root, down, total, fees):
    """Add a fee to the ranges that are active, by liquidity; what does not divide goes to the first of them."""
    rest, first = fee, -1
    for r in range(liquidity.size):
        low, high = bounds[r, 0], bounds[r, 1]
        if liquidity[r] > 0 and ((low < root <= high) if down else (low <= root < high)):
            part = product_over(fee, int(liquidity[r]), total)
            fees[r] += part
            rest -= part
            if first < 0:
                first = r
    fees[first] += rest


@inline
def swap(bounds, liquidity, root, amount, down, fee_num, fee_den, fees):
    """Swap exactly `amount` of the asset (down) or of the numeraire across as many ticks as it takes.

    bounds: (ranges, 2) roots. liquidity: (ranges,) int64. root: where the price stands. fee_num, fee_den: kept part of
    the input. fees: (ranges,) int64, overwritten with the atoms of the input that each range earned.
    Returns (root after, atoms paid); atoms are OUTSIDE if the liquidity does not suffice, and the root stands.
    """
    left, paid, now = int(amount), 0, root
    fee_num, fee_den = int(fee_num), int(fee_den)
    fees[:] = 0
    if left <= 0 or left > RESERVE_LIMIT:
        return root, OUTSIDE
    while left > 0:
        target = next_bound(bounds, liquidity, now, down)
        if target == 0.0 or target == math.inf:
            return root, OUTSIDE
        total = active_liquidity(bounds, liquidity, now, down)
        if total == 0:
            now = target
            continue
        kept = product_over(left, fee_num, fee_den)
        needed = amount_in(total, now, target, down)
        if kept >= needed:
            after, fee = target, min(product_over_up(needed, fee_den - fee_num, fee_num), left - needed)
            left -= needed + fee
        else:
            after = root_after(total, now, target, kept, down)
            fee = left - min(amount_in(total, now, after, down), kept)
            left = 0
        paid += amount_out(total, now, after, down)
        _share_out(fee, bounds, liquidity, now, down, total, fees)
        now = after
    return now, paid


@inline
def input_to_root(bounds, liquidity, root, goal, down, fee_num, fee_den):
    """Input, in atoms, fee included, that moves the price to `goal`, or as far as there is liquidity."""
    spent = 0
    while (root > goal) if down else (root < goal):
        bound = next_bound(bounds, liquidity, root, down)
        if bound == 0.0 or bound == math.inf:
            break
        target = max(bound, goal) if down else min(bound, goal)
        total = active_liquidity(bounds, liquidity, root, down)
        needed = amount_in(total, root, target, down) if total > 0 else 0
        spent += int(min(float(needed) * float(fee_den) / float(fee_num), _WIDE / MOST_RANGES / 4.0))
        root = target
    return spent


@inline
def input_for(bounds, liquidity, root, amount, down, fee_num, fee_den):
    """Input, in atoms, fee included, that brings `amount` and hardly more; OUTSIDE if there is not that much."""
    left, spent = float(amount), 0.0
    while left > 0.0:
        bound = next_bound(bounds, liquidity, root, down)
        if bound == 0.0 or bound == math.inf:
            return OUTSIDE
        total = active_liquidity(bounds, liquidity, root, down)
        if total > 0:
            most = money_amount(total, bound, root) if down else asset_amount(total, root, bound)
            part = min(left, most)
            after = bound
            if left < most:
                after = root - part / float(total) if down else root / (1.0 - part * root / float(total))
            spent += asset_amount(total, after, root) if down else money_amount(total, root, after)
            left -= part
        root = bound
    whole = spent * float(fee_den) / float(fee_num) + 1.0
    return int(whole) if whole < RESERVE_LIMIT else OUTSIDE
