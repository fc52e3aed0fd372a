"""Orders to one StableSwap pool on the ledger, one after the other."""

# mypy: allow-untyped-defs, allow-incomplete-defs

import math

import numpy as np

from protocols.amm.execution import (
    ADD,
    DONE,
    NO_FUNDS,
    NOT_SUPPORTED,
    REMOVE,
    SWAP,
    WRONG_TOKENS,
    exchange,
    fits,
    take_deposit,
)
from protocols.amm.rounding import product_over
from protocols.amm.shares import MINIMUM_LIQUIDITY, matching_deposit, mint_shares, withdraw_pro_rata
from protocols.amm.stableswap_kernels import RATE_UNIT, balance_limit, invariant, marginal_price, quote
from sim.intents import ACCOUNT, ACT, AMOUNT, LIMIT, TOKEN, TOKEN2
from sim.jit import inline, kernel
from sim.ledger import post
from sim.tokens import EXTERNAL


@inline
def _log_price(book, asset, numeraire, pool, rate, ann, last):
    held, money = book.balance[asset, pool], book.balance[numeraire, pool]
    if held <= 0 or money <= 0:
        return last
    unit = float(rate) / RATE_UNIT
    return math.log(unit * marginal_price(float(held) * unit, float(money), float(ann)))


@inline
def _add(book, asset, numeraire, shares, pool, account, amount, rate, ann, event):
    """(status, shares minted); the first deposit mints D, less what is locked."""
    held, money, supply = book.balance[asset, pool], book.balance[numeraire, pool], -book.balance[shares, pool]
    limit, level = balance_limit(ann), math.log(float(rate) / RATE_UNIT)
    given, paid = matching_deposit(book, asset, numeraire, pool, account, amount, level, limit)
    if given <= 0 or paid <= 0:
        return NO_FUNDS, 0
    if supply == 0:
        minted = invariant(product_over(held + given, int(rate), RATE_UNIT), money + paid, ann) - MINIMUM_LIQUIDITY
    else:
        minted = mint_shares(given, paid, held, money, supply, limit)
    status = take_deposit(book, asset, numeraire, shares, pool, account, given, paid, minted, event)
    if status == DONE and supply == 0:
        post(book, shares, pool, EXTERNAL, MINIMUM_LIQUIDITY, event)
    return status, minted


@kernel()
def run_stableswap(
    book, ints, reals, asset, numeraire, shares, pool, rate, ann, fee_num, fee_den, scale, event0, out, log_price
):
    """Run orders in block order; each sees the pool the last one left.

    Parameters
    ----------
    rate: units of the numeraire's atoms per RATE_UNIT asset atoms. ann: A * n. fee_num, fee_den: kept part of the
        output. The others are as in `run_constant_product`.
    """
    log_price[0] = _log_price(book, asset, numeraire, pool, rate, ann, log_price[0])
    for i in range(ints.shape[0]):
        account, amount, act = ints[i, ACCOUNT], ints[i, AMOUNT], ints[i, ACT]
        sold, bought, event = ints[i, TOKEN], ints[i, TOKEN2], event0 + i
        status, received = NOT_SUPPORTED, 0
        if act == SWAP:
            unit = scale if sold == asset else 1.0 / scale
            least = np.float64(amount) * reals[i, LIMIT] * unit
            status = WRONG_TOKENS
            if fits(sold, bought, asset, numeraire):
                held, money = book.balance[asset, pool], book.balance[numeraire, pool]
                received = quote(amount, sold == asset, held, money, rate, ann, fee_num, fee_den)
                status = exchange(book, sold, bought, pool, account, amount, received, least, event)
        elif act == ADD:
            status = WRONG_TOKENS
            if sold == asset:
                status, received = _add(book, asset, numeraire, shares, pool, account, amount, rate, ann, event)
        elif act == REMOVE:
            status = WRONG_TOKENS
            if sold == shares:
                status, received = withdraw_pro_rata(book, asset, numeraire, shares, pool, account, amount, event)
        out[i, 0], out[i, 1] = status, received if status == DONE else 0
        last = log_price[i]
        log_price[i + 1] = _log_price(book, asset, numeraire, pool, rate, ann, last) if status == DONE else last
