"""Fungible shares of both reserves of a pool, in whole atoms: deposits in the pool's ratio, withdrawals pro rata.

Formulas: Uniswap v2 core and periphery (UniswapV2Pair mint, burn; UniswapV2Router02 addLiquidity). Helpers return an
amount of at least 1, or 0 where Uniswap v2 reverts for an insufficient amount, or OUTSIDE beyond the exact range.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

import math

import numpy as np

from protocols.amm.execution import NO_OUTPUT, pay_out
from protocols.amm.rounding import OUTSIDE, RESERVE_LIMIT, exact
from sim.jit import inline

MINIMUM_LIQUIDITY = 1000
"""Shares that the first deposit locks for ever, so that one share can never become too dear."""


@inline
def _product_share(amount, part, whole):
    """floor(amount * part / whole), or a value beyond RESERVE_LIMIT if that is where it lies."""
    estimate = float(amount) * float(part) / float(whole)
    if estimate >= RESERVE_LIMIT + 2:
        return RESERVE_LIMIT + 1
    return exact(estimate, amount * part, whole)


@inline
def _square_root(left, right):
    """floor(sqrt(left * right))."""
    root = int(math.sqrt(float(left) * float(right)))
    rest = left * right - root * root
    while rest < 0:
        root -= 1
        rest += 2 * root + 1
    while rest > 2 * root:
        rest -= 2 * root + 1
        root += 1
    return root


@inline
def mint_shares(amount0, amount1, reserve0, reserve1, supply, limit):
    """Shares the pool mints for a deposit; reserves and supply as they stand before it.

    The first deposit mints sqrt(amount0 * amount1) - MINIMUM_LIQUIDITY, and the caller issues MINIMUM_LIQUIDITY more
    to nobody. Later ones mint the smaller of the two proportions, so what does not match the ratio is a gift to all.

    limit: `reserve_limit(fee_den)` of the pool. Returns 0 if less than a share; OUTSIDE if an amount is negative,
    reserves and supply do not belong together, or a reserve would pass the limit.
    """
    amount0, amount1, supply, limit = int(amount0), int(amount1), int(supply), int(limit)
    reserve0, reserve1 = int(reserve0), int(reserve1)
    if amount0 < 0 or amount1 < 0 or reserve0 < 0 or reserve1 < 0 or supply < 0:
        return OUTSIDE
    if reserve0 > limit or reserve1 > limit or amount0 > limit - reserve0 or amount1 > limit - reserve1:
        return OUTSIDE
    if supply == 0:
        return max(_square_root(amount0, amount1) - MINIMUM_LIQUIDITY, 0)
    if reserve0 == 0 or reserve1 == 0 or supply > RESERVE_LIMIT:
        return OUTSIDE
    shares = min(_product_share(amount0, supply, reserve0), _product_share(amount1, supply, reserve1))
    return shares if shares <= RESERVE_LIMIT - supply else OUTSIDE


@inline
def burn_amounts(shares, reserve0, reserve1, supply):
    """Atoms of both tokens that the pool pays for burned shares, each rounded down.

    (0, 0) if either would be less than an atom, as v2 reverts; (OUTSIDE, OUTSIDE) if shares are not within 1..supply
    or a reserve is beyond RESERVE_LIMIT.
    """
    shares, supply, reserve0, reserve1 = int(shares), int(supply), int(reserve0), int(reserve1)
    if shares <= 0 or shares > supply or supply > RESERVE_LIMIT:
        return OUTSIDE, OUTSIDE
    if reserve0 < 0 or reserve1 < 0 or reserve0 > RESERVE_LIMIT or reserve1 > RESERVE_LIMIT:
        return OUTSIDE, OUTSIDE
    amount0, amount1 = _product_share(shares, reserve0, supply), _product_share(shares, reserve1, supply)
    return (amount0, amount1) if amount0 > 0 and amount1 > 0 else (0, 0)


@inline
def deposit_amounts(desired0, desired1, reserve0, reserve1):
    """The most of two desired amounts that matches the pool's ratio (the router's addLiquidity).

    An empty pool takes both as they are. (OUTSIDE, OUTSIDE) if an argument is negative or beyond RESERVE_LIMIT.
    """
    desired0, desired1, reserve0, reserve1 = int(desired0), int(desired1), int(reserve0), int(reserve1)
    if min(desired0, desired1, reserve0, reserve1) < 0 or max(desired0, desired1, reserve0, reserve1) > RESERVE_LIMIT:
        return OUTSIDE, OUTSIDE
    if reserve0 == 0 or reserve1 == 0:
        return desired0, desired1
    matching1 = _product_share(desired0, reserve1, reserve0)
    if matching1 <= desired1:
        return desired0, matching1
    return _product_share(desired1, reserve0, reserve1), desired1


@inline
def matching_deposit(book, asset, numeraire, pool, account, amount, log_price, limit):
    """Atoms of both tokens of a deposit: `amount` of the asset, or what the account's numeraire can match.

    An empty pool is opened at `log_price`, of numeraire atoms per asset atom.
    """
    held, money = int(book.balance[asset, pool]), int(book.balance[numeraire, pool])
    cash, amount = max(int(book.balance[numeraire, account]), 0), int(amount)
    if held > 0 and money > 0:
        return deposit_amounts(amount, cash, held, money)
    matching = min(np.floor(np.float64(amount) * math.exp(log_price)), np.float64(limit) + 1.0)
    if matching > cash:
        return int(np.floor(np.float64(cash) * math.exp(-log_price))), cash
    return amount, int(matching)


@inline
def withdraw_pro_rata(book, asset, numeraire, shares, pool, account, amount, event):
    """(status, asset atoms paid out) of burning `amount` shares, or all the account has."""
    burned = min(int(amount), int(book.balance[shares, account]))
    held, money = book.balance[asset, pool], book.balance[numeraire, pool]
    out0, out1 = burn_amounts(burned, held, money, -book.balance[shares, pool])
    if out0 <= 0 or out1 <= 0:
        return NO_OUTPUT, 0
    return pay_out(book, asset, numeraire, shares, pool, account, burned, out0, out1, event), out0
