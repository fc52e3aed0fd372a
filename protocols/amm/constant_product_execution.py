"""Orders to one constant-product pool on the ledger, one after the other."""

# mypy: allow-untyped-defs, allow-incomplete-defs

import math

import numpy as np

from protocols.amm.constant_product_kernels import quote, reserve_limit
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
from protocols.amm.shares import MINIMUM_LIQUIDITY, matching_deposit, mint_shares, withdraw_pro_rata
from sim.intents import ACCOUNT, ACT, AMOUNT, LIMIT, TOKEN, TOKEN2
from sim.jit import inline, kernel
from sim.ledger import post
from sim.tokens import EXTERNAL


@inline
def _log_price(book, asset, numeraire, pool, last):
    held, money = book.balance[asset, pool], book.balance[numeraire, pool]
    return math.log(float(money) / float(held)) if held > 0 and money > 0 else last


@inline
def _add(book, asset, numeraire, shares, pool, account, amount, log_price, limit, event):
    """(status, shares minted)"""
    held, money, supply = book.balance[asset, pool], book.balance[numeraire, pool], -book.balance[shares, pool]
    given, paid = matching_deposit(book, asset, numeraire, pool, account, amount, log_price, limit)
    if given <= 0 or paid <= 0:
        return NO_FUNDS, 0
    minted = mint_shares(given, paid, held, money, supply, limit)
    status = take_deposit(book, asset, numeraire, shares, pool, account, given, paid, minted, event)
    if status == DONE and supply == 0:
        post(book, shares, pool, EXTERNAL, MINIMUM_LIQUIDITY, event)
    return status, minted


@kernel()
def run_constant_product(
    book, ints, reals, asset, numeraire, shares, pool, fee_num, fee_den, scale, event0, out, log_price
):
    """Run orders in block order; each sees the pool the last one left.

    Parameters
    ----------
    book: sim.ledger.Book. ints, reals: rows of sim.intents.Orders.
    asset, numeraire, shares: ledger rows. pool: the protocol's account. scale: atoms of numeraire per whole unit over
        atoms of asset per whole unit.
    fee_num, fee_den: kept part of the input. event0: event id of row 0.
    out: int64 (n, 2), overwritten with status and the amount received (swap), minted (add) or paid out (remove).
    log_price: (n + 1,), log of numeraire atoms per asset atom before the first order and after each; overwritten, but
        the first entry stands while the pool is empty.
    """
    limit = reserve_limit(fee_den)
    log_price[0] = _log_price(book, asset, numeraire, pool, log_price[0])
    for i in range(ints.shape[0]):
        account, amount, act = ints[i, ACCOUNT], ints[i, AMOUNT], ints[i, ACT]
        sold, bought, event = ints[i, TOKEN], ints[i, TOKEN2], event0 + i
        status, received = NOT_SUPPORTED, 0
        if act == SWAP:
            unit = scale if sold == asset else 1.0 / scale
            least = np.float64(amount) * reals[i, LIMIT] * unit
            status = WRONG_TOKENS
            if fits(sold, bought, asset, numeraire):
                received = quote(amount, book.balance[sold, pool], book.balance[bought, pool], fee_num, fee_den)
                status = exchange(book, sold, bought, pool, account, amount, received, least, event)
        elif act == ADD:
            status = WRONG_TOKENS
            if sold == asset:
                price = log_price[i]
                status, received = _add(book, asset, numeraire, shares, pool, account, amount, price, limit, event)
        elif act == REMOVE:
            status = WRONG_TOKENS
            if sold == shares:
                status, received = withdraw_pro_rata(book, asset, numeraire, shares, pool, account, amount, event)
        out[i, 0], out[i, 1] = status, received if status == DONE else 0
        log_price[i + 1] = _log_price(book, asset, numeraire, pool, log_price[i]) if status == DONE else log_price[i]
