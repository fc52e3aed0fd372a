"""Liquidations executed on the ledger, one after the other.

A liquidator pays from its own balance. If that is short the pool advances the whole repayment as a flash loan: the
liquidator then stands below zero in the reserve's flash-debt token until the pool collects (see `PooledLending.mark`),
and no cash has moved. Source: Aave v3 LiquidationLogic, FlashLoanLogic; amounts from `liquidation_kernels`.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

import numpy as np

from protocols.lending.liquidation_kernels import (
    ACCOUNT,
    BOOKS_DEFICIT,
    COLLATERAL,
    DEBT,
    DEBT_BURNED,
    DEBT_INDEX,
    EMPTIED,
    FEE,
    FEE_RECEIPTS,
    OK,
    RECEIPTS_BURNED,
    REPAY,
    REQUEST_FIELDS,
    SEIZED,
    STATUS,
    WANTED,
    _quote,
)
from sim.intents import ACCOUNT as ACTOR
from sim.intents import AMOUNT, SUBJECT, TOKEN, TOKEN2
from sim.jit import inline, kernel
from sim.ledger import post

NO_CASH, UNLISTED = 6, 7
SEIZURE_TEXT = ("the pool has no cash to pay the collateral or to lend the repayment", "the pool lists no such reserve")


@inline
def _find(assets, token):
    for r in range(assets.size):
        if assets[r] == token:
            return r
    return -1


@inline
def _unpaid(book, d_rows, market, account, debt_reserve, repaid, deficits):
    """Atoms of each reserve that nobody will owe once the account's debts are written off."""
    for r in range(d_rows.size):
        owed = np.int64(np.ceil(np.float64(-book.balance[d_rows[r], account]) * market[DEBT_INDEX, r]))
        deficits[r] = owed - repaid if r == debt_reserve else owed


@inline
def _write_off(book, d_rows, pool, account, event):
    for r in range(d_rows.size):
        post(book, d_rows[r], pool, account, -book.balance[d_rows[r], account], event)


@inline
def _pay(book, rows, request, quote, pool, treasury, flash_fee, liquidator, event):
    """Move repayment, collateral and fee; False, with nothing written, if the pool has no cash for it."""
    assets, a_rows, d_rows, flash_rows = rows
    subject, c, d = request[ACCOUNT], request[COLLATERAL], request[DEBT]
    repay, paid_out = quote[REPAY], quote[SEIZED] - quote[FEE]
    flash = book.balance[assets[d], liquidator] < repay
    if book.balance[assets[c], pool] < paid_out or (flash and book.balance[assets[d], pool] < repay):
        return False
    if flash:
        owed = repay + np.int64(np.ceil(np.float64(repay) * flash_fee))
        post(book, flash_rows[d], liquidator, pool, owed, event)
    else:
        post(book, assets[d], liquidator, pool, repay, event)
    post(book, a_rows[c], subject, pool, quote[RECEIPTS_BURNED], event)
    post(book, a_rows[c], subject, treasury, quote[FEE_RECEIPTS], event)
    post(book, assets[c], pool, liquidator, paid_out, event)
    post(book, d_rows[d], pool, subject, quote[DEBT_BURNED], event)
    return True


@kernel()
def run_liquidations(
    book, ints, rows, market, terms, category, rule, pool, treasury, flash_fee, event0, quotes, deficits
):
    """Liquidate in order; each row sees what the ones before it did.

    Parameters
    ----------
    book: sim.ledger.Book. ints: int64 (n, INT_COLUMNS) LIQUIDATE rows of sim.intents.Orders.
    rows: (assets, receipts, debts, flash debts), each int64 (reserves,) of ledger rows.
    market, terms, category, rule: see `liquidation_kernels`.
    pool, treasury: accounts. flash_fee: share of a flash loan.
    event0: event id of row 0; row i posts under event0 + i.
    quotes: int64 (n, QUOTE_FIELDS), overwritten as by `liquidation_quotes`, with NO_CASH and UNLISTED as statuses.
    deficits: int64 (n, reserves), overwritten: atoms that nobody owes any more after row i.
    """
    assets, a_rows, d_rows, _ = rows
    request = np.empty(REQUEST_FIELDS, np.int64)
    deficits[:] = 0
    for i in range(ints.shape[0]):
        quote, subject, liquidator = quotes[i], ints[i, SUBJECT], ints[i, ACTOR]
        c, d = _find(assets, ints[i, TOKEN2]), _find(assets, ints[i, TOKEN])
        if c < 0 or d < 0:
            quote[:] = 0
            quote[STATUS] = UNLISTED
            continue
        request[ACCOUNT], request[COLLATERAL], request[DEBT], request[WANTED] = subject, c, d, ints[i, AMOUNT]
        _quote(book.balance, a_rows, d_rows, market, terms, category[subject], rule, request, quote)
        if quote[STATUS] != OK:
            continue
        hopeless = quote[EMPTIED] * rule[BOOKS_DEFICIT] > 0.0
        if hopeless:
            _unpaid(book, d_rows, market, subject, d, quote[REPAY], deficits[i])
        if not _pay(book, rows, request, quote, pool, treasury, flash_fee, liquidator, event0 + i):
            quote[:] = 0
            quote[STATUS] = NO_CASH
            deficits[i] = 0
        elif hopeless:
            _write_off(book, d_rows, pool, subject, event0 + i)
