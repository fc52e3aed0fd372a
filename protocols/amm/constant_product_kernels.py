"""Constant-product pool in whole atoms, equal to Uniswap v2 to the atom.

Formulas: Uniswap v2 core and periphery (UniswapV2Pair swap; UniswapV2Library getAmountOut, getAmountIn), with the fee
997/1000 generalised to fee_num/fee_den, the part of the input that is kept over the whole. The optional protocol fee
of v2 (a sixth of the growth of sqrt k, off on mainnet) is left out. Deposits are in `shares`.

Every result is floor(N / D) of products too wide for int64. A float64 estimate of the quotient is off by less than
one atom, and N - q*D, computed modulo 2^64, is then the true residual and corrects it. Two conditions make that so
and are enforced: each amount stays within `reserve_limit(fee_den)`, that is below 2^51 (estimate) and below
2^62 / fee_den (residual). A denominator up to 2048 leaves the full 2^51 - 1 = 2.25e15 atoms.

Scalar helpers return an amount of at least 1, or 0 where Uniswap v2 reverts for an insufficient amount, or OUTSIDE
where an argument is outside the range above. They take Python integers or int64, compiled or not.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

import math

import numpy as np

from protocols.amm.rounding import OUTSIDE, RESERVE_LIMIT, exact
from sim.jit import inline, kernel

OK, ZERO_OUTPUT, BELOW_MINIMUM, OUT_OF_RANGE = range(4)
"""Statuses of a swap: executed, output would be zero, output would be below the minimum, amounts beyond the limit."""

_RESIDUAL_LIMIT = 2**62


@inline
def reserve_limit(fee_den):
    """Largest reserve, in atoms, for which swaps at this fee denominator are exact."""
    return min(RESERVE_LIMIT, _RESIDUAL_LIMIT // int(fee_den))


@inline
def _amount_out(amount_in, reserve_in, reserve_out, fee_num, fee_den):
    kept = amount_in * fee_num
    share = float(kept) / float(fee_den)
    estimate = share * float(reserve_out) / (float(reserve_in) + share)
    return exact(estimate, kept * reserve_out, reserve_in * fee_den + kept)


@inline
def quote(amount_in, reserve_in, reserve_out, fee_num, fee_den):
    """Atoms a pool pays for exactly `amount_in` (getAmountOut). Changes nothing.

    0 if the output would be less than an atom; OUTSIDE if an amount is not positive or a reserve would pass the limit.
    """
    amount_in, reserve_in, reserve_out = int(amount_in), int(reserve_in), int(reserve_out)
    fee_num, fee_den = int(fee_num), int(fee_den)
    limit = reserve_limit(fee_den)
    if amount_in <= 0 or reserve_in <= 0 or reserve_out <= 0 or amount_in > limit - reserve_in or reserve_out > limit:
        return OUTSIDE
    return _amount_out(amount_in, reserve_in, reserve_out, fee_num, fee_den)


@inline
def quote_exact_out(amount_out, reserve_in, reserve_out, fee_num, fee_den):
    """Least input, in atoms, for which the pool pays `amount_out` (getAmountIn, which rounds up and adds one).

    0 if the pool does not hold that much; OUTSIDE if an amount is not positive or the input would pass the limit.
    """
    amount_out, reserve_in, reserve_out = int(amount_out), int(reserve_in), int(reserve_out)
    fee_num, fee_den = int(fee_num), int(fee_den)
    limit = reserve_limit(fee_den)
    if amount_out <= 0 or reserve_in <= 0 or reserve_out <= 0 or reserve_in > limit or reserve_out > limit:
        return OUTSIDE
    if amount_out >= reserve_out:
        return 0
    scaled, divisor = reserve_in * fee_den, (reserve_out - amount_out) * fee_num
    estimate = float(scaled) * float(amount_out) / float(divisor)
    if estimate >= RESERVE_LIMIT + 1:
        return OUTSIDE
    amount_in = exact(estimate, scaled * amount_out, divisor) + 1
    return amount_in if amount_in <= limit - reserve_in else OUTSIDE


def _swap_batch_python(reserves, amount_in, zero_for_one, minimum_out, fee_num, fee_den, amount_out, log_price, status):
    pool = [int(reserves[0]), int(reserves[1])]
    limit, done = reserve_limit(fee_den), 0
    known = min(pool) > 0
    log_price[0] = math.log(pool[1] / pool[0]) if known else np.nan
    for i in range(amount_in.size):
        enters, leaves = (0, 1) if zero_for_one[i] else (1, 0)
        given, paid = int(amount_in[i]), 0
        if not known or given <= 0 or given > limit - pool[enters] or pool[leaves] > limit:
            status[i] = OUT_OF_RANGE
        else:
            paid = given * fee_num * pool[leaves] // (pool[enters] * fee_den + given * fee_num)
            status[i] = ZERO_OUTPUT if paid == 0 else BELOW_MINIMUM if paid < minimum_out[i] else OK
        amount_out[i], log_price[i + 1] = 0, log_price[i]
        if status[i] == OK:
            pool[enters], pool[leaves] = pool[enters] + given, pool[leaves] - paid
            amount_out[i], log_price[i + 1] = paid, math.log(pool[1] / pool[0])
            done += 1
    reserves[:] = pool
    return done


@kernel(twin=_swap_batch_python)
def swap_batch(reserves, amount_in, zero_for_one, minimum_out, fee_num, fee_den, amount_out, log_price, status):
    """Swaps of exact inputs one after another against one pool; a refused swap leaves the pool as it is.

    Parameters
    ----------
    reserves: (2,) int64 atoms of token 0 and 1, updated in place.
    amount_in: (n,) int64 atoms. zero_for_one: (n,) bool, token 0 is sold. minimum_out: (n,) int64 atoms.
    fee_num, fee_den: part of the input kept, see `fee_fraction`.
    amount_out: (n,) int64, written: atoms paid, 0 where refused.
    log_price: (n + 1,) float64, written: log of atoms of token 1 per atom of token 0 before the first swap and after
        each, so swap i moved it by log_price[i + 1] - log_price[i]; nan while the pool is empty.
    status: (n,) int8, written: OK, ZERO_OUTPUT, BELOW_MINIMUM or OUT_OF_RANGE.

    Returns the number of swaps executed.
    """
    reserve0, reserve1 = reserves[0], reserves[1]
    limit, done = reserve_limit(fee_den), 0
    known = reserve0 > 0 and reserve1 > 0
    log_price[0] = math.log(float(reserve1) / float(reserve0)) if known else np.nan
    for i in range(amount_in.size):
        sells0 = zero_for_one[i]
        enters = reserve0 if sells0 else reserve1
        leaves = reserve1 if sells0 else reserve0
        given = amount_in[i]
        amount_out[i] = 0
        log_price[i + 1] = log_price[i]
        if not known or given <= 0 or given > limit - enters or leaves > limit:
            status[i] = OUT_OF_RANGE
            continue
        paid = _amount_out(given, enters, leaves, fee_num, fee_den)
        if paid <= 0:
            status[i] = ZERO_OUTPUT
        elif paid < minimum_out[i]:
            status[i] = BELOW_MINIMUM
        else:
            enters += given
            leaves -= paid
            reserve0 = enters if sells0 else leaves
            reserve1 = leaves if sells0 else enters
            amount_out[i], status[i] = paid, OK
            log_price[i + 1] = math.log(float(reserve1) / float(reserve0))
            done += 1
    reserves[0], reserves[1] = reserve0, reserve1
    return done


def _swap_pools_numpy(reserve0, reserve1, amount_in, zero_for_one, minimum_out, fee_num, fee_den, amount_out, status):
    limit = reserve_limit(fee_den)
    enters, leaves = np.where(zero_for_one, reserve0, reserve1), np.where(zero_for_one, reserve1, reserve0)
    within = (amount_in > 0) & (enters > 0) & (leaves > 0) & (leaves <= limit) & (amount_in <= limit - enters)
    given, enters, leaves = np.where(within, amount_in, 0), np.where(within, enters, 1), np.where(within, leaves, 1)
    kept = given * fee_num
    share = kept / np.float64(fee_den)
    paid = (share * leaves / (enters + share)).astype(np.int64)
    divisor = enters * fee_den + kept
    rest = kept * leaves - paid * divisor
    paid += (rest >= divisor).astype(np.int64) - (rest < 0)
    status[:] = np.where(paid <= 0, ZERO_OUTPUT, np.where(paid < minimum_out, BELOW_MINIMUM, OK))
    status[~within] = OUT_OF_RANGE
    moved = status == OK
    amount_out[:] = np.where(moved, paid, 0)
    given = np.where(moved, given, 0)
    reserve0 += np.where(zero_for_one, given, -amount_out)
    reserve1 += np.where(zero_for_one, -amount_out, given)


@kernel(twin=_swap_pools_numpy)
def swap_pools(reserve0, reserve1, amount_in, zero_for_one, minimum_out, fee_num, fee_den, amount_out, status):
    """One swap of an exact input on each of n pools of equal fee; branchless, so that it runs in vector registers.

    Parameters
    ----------
    reserve0, reserve1: (n,) int64 atoms, updated in place.
    The others are as in `swap_batch`: amount_in, minimum_out (n,) int64; zero_for_one (n,) bool; amount_out (n,)
    int64 and status (n,) int8 are written.
    """
    limit = reserve_limit(fee_den)
    whole = np.float64(fee_den)
    for i in range(amount_in.size):
        sells0, own0, own1 = zero_for_one[i], reserve0[i], reserve1[i]
        enters = own0 if sells0 else own1
        leaves = own1 if sells0 else own0
        given = amount_in[i]
        within = (given > 0) & (enters > 0) & (leaves > 0) & (leaves <= limit) & (given <= limit - enters)
        given = given if within else 0
        enters = enters if within else 1
        leaves = leaves if within else 1
        kept = given * fee_num
        share = np.float64(kept) / whole
        paid = np.int64(share * np.float64(leaves) / (np.float64(enters) + share))
        divisor = enters * fee_den + kept
        rest = kept * leaves - paid * divisor
        paid += np.int64(rest >= divisor) - np.int64(rest < 0)
        code = BELOW_MINIMUM if paid < minimum_out[i] else OK
        code = ZERO_OUTPUT if paid <= 0 else code
        code = code if within else OUT_OF_RANGE
        paid = paid if code == OK else np.int64(0)
        given = given if code == OK else 0
        amount_out[i], status[i] = paid, code
        reserve0[i] = own0 + (given if sells0 else -paid)
        reserve1[i] = own1 + (-paid if sells0 else given)
