"""Deposits, withdrawals, loans and repayments, one after the other on the ledger.

Layout of tables as in `liquidation_kernels`. Rounding favours the pool: receipts minted and debt burned are rounded
down, receipts burned and debt minted are rounded up. Source: Aave v3 SupplyLogic, BorrowLogic, ValidationLogic.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

import numpy as np

from protocols.lending.liquidation_kernels import COLL_VALUE, DEBT_INDEX, DEBT_VALUE, LTV, SUPPLY_INDEX, account_health
from sim.intents import ACCOUNT, ACT, AMOUNT, TOKEN, Act
from sim.jit import inline, kernel
from sim.ledger import POSTED, check, post

DONE, UNLISTED, EMPTY, NO_FUNDS, NO_CASH, CAPPED, UNHEALTHY, NOT_BORROWABLE, NO_MODE = range(9)
ACTION_TEXT = (
    "done",
    "the pool does not list this asset",
    "nothing to move",
    "the account does not hold that much",
    "the pool has no cash",
    "a supply or borrow cap is reached",
    "the account's collateral would not cover its debt",
    "the asset cannot be borrowed in this mode",
    "there is no such efficiency mode",
)
_DEPOSIT, _BORROW, _REPAY = int(Act.DEPOSIT), int(Act.BORROW), int(Act.REPAY)
_WITHDRAW, _SET_MODE = int(Act.WITHDRAW), int(Act.SET_MODE)
SUPPLY_CAP, BORROW_CAP = 0, 1


@inline
def _reserve_of(assets, token):
    for r in range(assets.size):
        if assets[r] == token:
            return r
    return -1


@inline
def _room(book, a_rows, d_rows, market, terms, account, mode):
    """USD the account could still borrow under its loan-to-value limits; negative beyond them."""
    power, owed = 0.0, 0.0
    for r in range(a_rows.size):
        power += np.float64(book.balance[a_rows[r], account]) * (market[COLL_VALUE, r] * terms[LTV, mode, r])
        owed -= np.float64(book.balance[d_rows[r], account]) * market[DEBT_VALUE, r]
    return power - owed


@inline
def _deposit(book, asset, a_row, index, cap, pool, account, amount, event):
    scaled = np.int64(np.floor(amount / index))
    if scaled < 1:
        return EMPTY
    supplied = np.float64(-book.balance[a_row, pool]) * index
    if supplied + amount > cap:
        return CAPPED
    if post(book, asset, account, pool, amount, event) != POSTED:
        return NO_FUNDS
    post(book, a_row, pool, account, scaled, event)
    return DONE


@inline
def _repay(book, asset, d_row, index, pool, account, amount, event):
    """(status, atoms repaid)"""
    debt = -book.balance[d_row, account]
    owed = np.int64(np.ceil(np.float64(debt) * index))
    if owed < 1:
        return EMPTY, 0
    paid = min(amount, owed)
    burned = debt if paid == owed else min(debt, np.int64(np.floor(paid / index)))
    if post(book, asset, account, pool, paid, event) != POSTED:
        return NO_FUNDS, 0
    post(book, d_row, pool, account, burned, event)
    return DONE, paid


@inline
def _withdraw(book, asset, a_row, index, pool, account, amount, event):
    """(status, atoms withdrawn, receipts burned)"""
    held = book.balance[a_row, account]
    owned = np.int64(np.floor(np.float64(held) * index))
    taken = min(amount, owned)
    if taken < 1:
        return EMPTY, 0, 0
    burned = held if taken == owned else min(held, np.int64(np.ceil(taken / index)))
    if check(book, asset, pool, account, taken) != POSTED:
        return NO_CASH, 0, 0
    post(book, a_row, account, pool, burned, event)
    post(book, asset, pool, account, taken, event)
    return DONE, taken, burned


@inline
def _borrow(book, asset, d_row, index, cap, pool, account, amount, event):
    """(status, scaled debt minted)"""
    scaled = np.int64(np.ceil(amount / index))
    if scaled < 1:
        return EMPTY, 0
    if np.float64(book.balance[d_row, pool]) * index + amount > cap:
        return CAPPED, 0
    if check(book, asset, pool, account, amount) != POSTED:
        return NO_CASH, 0
    post(book, d_row, account, pool, scaled, event)
    post(book, asset, pool, account, amount, event)
    return DONE, scaled


@inline
def _act(book, act, r, rows, market, terms, category, caps, borrowable, pool, opening, account, amount, event):
    """Run one intent; (status, atoms moved). What would leave the account uncovered is undone."""
    assets, a_rows, d_rows = rows
    mode, asset, a_row, d_row = category[account], assets[r], a_rows[r], d_rows[r]
    supply_index, debt_index = market[SUPPLY_INDEX, r], market[DEBT_INDEX, r]
    if act == _DEPOSIT:
        return _deposit(book, asset, a_row, supply_index, caps[SUPPLY_CAP, r], pool, account, amount, event), amount
    if act == _REPAY:
        return _repay(book, asset, d_row, debt_index, pool, account, amount, event)
    if act == _WITHDRAW:
        status, taken, burned = _withdraw(book, asset, a_row, supply_index, pool, account, amount, event)
        if status == DONE:
            health, owed = account_health(book.balance, a_rows, d_rows, market, terms, account, mode)
            if owed > 0.0 and health < 1.0:
                post(book, asset, account, pool, taken, event)
                post(book, a_row, pool, account, burned, event)
                return UNHEALTHY, 0
        return status, taken
    if not borrowable[mode, r]:
        return NOT_BORROWABLE, 0
    status, scaled = _borrow(book, asset, d_row, debt_index, caps[BORROW_CAP, r], pool, account, amount, event)
    if status == DONE:
        health, _ = account_health(book.balance, a_rows, d_rows, market, terms, account, mode)
        room = _room(book, a_rows, d_rows, market, terms, account, mode)
        if health < 1.0 or (room < 0.0 and not opening):
            post(book, asset, account, pool, amount, event)
            post(book, d_row, pool, account, scaled, event)
            return UNHEALTHY, 0
    return status, amount


@kernel()
def run_actions(
    book, ints, assets, a_rows, d_rows, market, terms, category, caps, borrowable, pool, opening, event0, out
):
    """Run intents in order; each sees what the ones before it did.

    Parameters
    ----------
    book: sim.ledger.Book. ints: int64 (n, INT_COLUMNS) rows of sim.intents.Orders, of the acts below LIQUIDATE.
    assets, a_rows, d_rows: (reserves,) ledger rows of the asset, its receipts and its debts.
    market, terms: see `liquidation_kernels`. category: uint8 (accounts,), changed by SET_MODE.
    caps: (2, reserves) supply and borrow caps in atoms. borrowable: bool (categories, reserves).
    pool: the protocol's account. opening: positions may start beyond their loan-to-value limit.
    event0: event id of row 0; row i posts under event0 + i.
    out: int64 (n, 2), overwritten with status (see ACTION_TEXT) and atoms moved.
    """
    rows = (assets, a_rows, d_rows)
    for i in range(ints.shape[0]):
        account, act, amount = ints[i, ACCOUNT], ints[i, ACT], ints[i, AMOUNT]
        out[i, 1] = 0
        if act == _SET_MODE:
            out[i, 0] = _set_mode(book, rows, market, terms, category, borrowable, account, amount)
            continue
        r = _reserve_of(assets, ints[i, TOKEN])
        if r < 0:
            out[i, 0] = UNLISTED
            continue
        status, moved = _act(
            book, act, r, rows, market, terms, category, caps, borrowable, pool, opening, account, amount, event0 + i
        )
        out[i, 0] = status
        out[i, 1] = moved if status == DONE else 0


@inline
def _set_mode(book, rows, market, terms, category, borrowable, account, mode):
    _, a_rows, d_rows = rows
    if mode < 0 or mode >= terms.shape[1]:
        return NO_MODE
    for r in range(d_rows.size):
        if book.balance[d_rows[r], account] < 0 and not borrowable[mode, r]:
            return NOT_BORROWABLE
    health, _ = account_health(book.balance, a_rows, d_rows, market, terms, account, mode)
    if health < 1.0:
        return UNHEALTHY
    category[account] = mode
    return DONE
