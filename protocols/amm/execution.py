"""Swaps and liquidity of one constant-product pool on the ledger, one order after the other.

The pool's reserves are its account's balances; nothing else is kept. Amounts come from `kernels`.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

import math

import numpy as np

from protocols.amm.kernels import MINIMUM_LIQUIDITY, burn_amounts, deposit_amounts, mint_shares, quote, reserve_limit
from sim.intents import ACCOUNT, ACT, AMOUNT, LIMIT, TOKEN, TOKEN2, Act
from sim.jit import inline, kernel
from sim.ledger import POSTED, check, post
from sim.tokens import EXTERNAL

DONE, WRONG_TOKENS, NO_FUNDS, NO_OUTPUT, BELOW_LIMIT, NOT_SUPPORTED = range(6)
STATUS_TEXT = (
    "done",
    "the pool does not hold this token",
    "the account does not hold that much",
    "the output is less than one atom, or the amount beyond the pool's range",
    "the price is worse than the order's limit",
    "the pool does not know this act",
)
_SWAP, _ADD, _REMOVE = int(Act.SWAP), int(Act.ADD_LIQUIDITY), int(Act.REMOVE_LIQUIDITY)


@inline
def _log_price(book, asset, numeraire, pool, last):
    held, money = book.balance[asset, pool], book.balance[numeraire, pool]
    return math.log(float(money) / float(held)) if held > 0 and money > 0 else last


@inline
def _swap(book, sold, bought, pool, account, amount, least, fee_num, fee_den, event):
    """(status, atoms paid)"""
    paid = quote(amount, book.balance[sold, pool], book.balance[bought, pool], fee_num, fee_den)
    if paid <= 0:
        return NO_OUTPUT, 0
    if float(paid) < least:
        return BELOW_LIMIT, 0
    if post(book, sold, account, pool, amount, event) != POSTED:
        return NO_FUNDS, 0
    post(book, bought, pool, account, paid, event)
    return DONE, paid


@inline
def _add(book, asset, numeraire, shares, pool, account, amount, log_price, limit, event):
    """(status, shares minted): `amount` of the asset, or what the account's numeraire can match.

    An empty pool is opened at the price it last stood at.
    """
    held, money, supply = book.balance[asset, pool], book.balance[numeraire, pool], -book.balance[shares, pool]
    cash = max(book.balance[numeraire, account], 0)
    if held > 0 and money > 0:
        given, paid = deposit_amounts(amount, cash, held, money)
    else:
        matching = min(np.floor(np.float64(amount) * math.exp(log_price)), np.float64(limit) + 1.0)
        short = matching > cash
        given = np.int64(np.floor(np.float64(cash) * math.exp(-log_price))) if short else amount
        paid = cash if short else np.int64(matching)
    if given <= 0 or paid <= 0:
        return NO_FUNDS, 0
    minted = mint_shares(given, paid, held, money, supply, limit)
    if minted <= 0:
        return NO_OUTPUT, 0
    if check(book, asset, account, pool, given) != POSTED or check(book, numeraire, account, pool, paid) != POSTED:
        return NO_FUNDS, 0
    post(book, asset, account, pool, given, event)
    post(book, numeraire, account, pool, paid, event)
    post(book, shares, pool, account, minted, event)
    if supply == 0:
        post(book, shares, pool, EXTERNAL, MINIMUM_LIQUIDITY, event)
    return DONE, minted


@inline
def _remove(book, asset, numeraire, shares, pool, account, amount, event):
    """(status, asset atoms paid out)"""
    burned = min(amount, book.balance[shares, account])
    held, money = book.balance[asset, pool], book.balance[numeraire, pool]
    out0, out1 = burn_amounts(burned, held, money, -book.balance[shares, pool])
    if out0 <= 0 or out1 <= 0:
        return NO_OUTPUT, 0
    post(book, shares, account, pool, burned, event)
    post(book, asset, pool, account, out0, event)
    post(book, numeraire, pool, account, out1, event)
    return DONE, out0


@kernel()
def run_pool(book, ints, reals, asset, numeraire, shares, pool, fee_num, fee_den, scale, event0, out, log_price):
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
        if act == _SWAP:
            fits = (sold == asset and bought == numeraire) or (sold == numeraire and bought == asset)
            unit = scale if sold == asset else 1.0 / scale
            least = np.float64(amount) * reals[i, LIMIT] * unit
            status = WRONG_TOKENS
            if fits:
                status, received = _swap(book, sold, bought, pool, account, amount, least, fee_num, fee_den, event)
        elif act == _ADD:
            status = WRONG_TOKENS
            if sold == asset:
                price = log_price[i]
                status, received = _add(book, asset, numeraire, shares, pool, account, amount, price, limit, event)
        elif act == _REMOVE:
            status = WRONG_TOKENS
            if sold == shares:
                status, received = _remove(book, asset, numeraire, shares, pool, account, amount, event)
        out[i, 0], out[i, 1] = status, received
        log_price[i + 1] = _log_price(book, asset, numeraire, pool, log_price[i]) if status == DONE else log_price[i]
