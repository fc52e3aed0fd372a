"""Arithmetic of the leveraged-trader market, and postings of a whole population against one account at once.

A trader's cash is its USD less what it borrowed. Amounts are int64 atoms; prices are numeraire atoms per coin atom.
"""

import numpy as np

from sim.jit import inline, kernel
from sim.ledger import OVERDRAWN, OVERFLOW, POSTED
from sim.units import MAX_ATOMS


def _choose_numpy(usd, debt, coins, leverage, luck, price, trend, rule, orders):
    speed, maintenance, reaction, noise = rule
    value = coins * price
    equity = (usd + debt) + value
    breached = equity < maintenance * value
    tilt = 1.0 + reaction * trend + noise * (2.0 * luck - 1.0)
    goal = leverage * np.maximum(tilt, 0.0) * equity / price
    wanted = np.floor(speed * (goal - coins)).astype(np.int64)
    orders[:] = np.where(breached, -coins, wanted)
    return int(orders.sum()), int(orders[breached].sum()), int(np.count_nonzero(breached & (coins > 0)))


@kernel(twin=_choose_numpy)
def choose_orders(usd, debt, coins, leverage, luck, price, trend, rule, orders):
    """What every trader buys (or sells, below zero): a step towards its target, or everything if it is liquidated.

    The target is `leverage` times equity, tilted by the trend of the price and by the trader's own luck; a trader whose
    equity falls below `maintenance` times its position sells all of it.

    Parameters
    ----------
    usd, debt, coins: (n,) int64 atoms, debt below zero. leverage, luck: (n,) float64, luck uniform on [0, 1).
    trend: log return of the price over the look-back. rule: (speed, maintenance, reaction, noise).
    orders: (n,) int64, written.

    Returns (sum of all orders, sum of the forced ones, liquidated traders).
    """
    speed, maintenance, reaction, noise = rule
    net, forced, count = 0, 0, 0
    for i in range(orders.size):
        value = coins[i] * price
        equity = (usd[i] + debt[i]) + value
        breached = equity < maintenance * value
        tilt = 1.0 + reaction * trend + noise * (2.0 * luck[i] - 1.0)
        tilt = tilt if tilt > 0.0 else 0.0
        goal = leverage[i] * tilt * equity / price
        order = np.int64(np.floor(speed * (goal - coins[i])))
        order = -coins[i] if breached else order
        orders[i] = order
        net += order
        forced += order if breached else 0
        count += breached & (coins[i] > 0)
    return net, forced, count


def _pay_numpy(usd, debt, orders, price, usd_change, debt_change):
    left = usd + debt - np.ceil(orders * price).astype(np.int64)
    usd_change[:] = np.maximum(left, 0) - usd
    debt_change[:] = np.minimum(left, 0) - debt


@kernel(twin=_pay_numpy)
def pay(usd, debt, orders, price, usd_change, debt_change):
    """How each trader's USD and debt change by its order: own money first, then a loan; proceeds repay the loan first.

    usd, debt, orders: (n,) int64 atoms. price: average paid, rounded up per trader. The last two are written.
    """
    for i in range(orders.size):
        left = usd[i] + debt[i] - np.int64(np.ceil(orders[i] * price))
        usd_change[i] = max(left, 0) - usd[i]
        debt_change[i] = min(left, 0) - debt[i]


@inline
def _sweep_status(book, token, lowest, highest, left, counterparty):
    """Whether a slice may stand between these balances, and its counterparty at `left`."""
    issues = book.issuer[token] == counterparty
    debt = book.is_debt[token]
    overdrawn = highest > 0 if debt else lowest < 0
    # A debt's issuer stands above zero and nobody else does; any other token's issuer may stand anywhere.
    overdrawn |= (left < 0 if issues else left > 0) if debt else (left < 0 and not issues)
    beyond = highest >= MAX_ATOMS or lowest <= -MAX_ATOMS or left >= MAX_ATOMS or left <= -MAX_ATOMS
    return OVERDRAWN if overdrawn else OVERFLOW if beyond else POSTED


@inline
def _journal(book, token, lo, change, counterparty, event):
    """Write down each row of a sweep, if postings are kept."""
    if book.journal.shape[0] == 0:
        return
    first = book.cursor[0]
    for i in range(change.size):
        given = change[i] < 0
        book.journal[first + i, 0] = event
        book.journal[first + i, 1] = token
        book.journal[first + i, 2] = lo + i if given else counterparty
        book.journal[first + i, 3] = counterparty if given else lo + i
        book.journal[first + i, 4] = abs(change[i])


def _sweep_numpy(book, token, lo, change, counterparty, event):
    row = book.balance[token, lo : lo + change.size]
    after, total = row + change, change.sum()
    left = book.balance[token, counterparty] - total
    status = _sweep_status(book, token, after.min(), after.max(), left, counterparty)
    if status == POSTED:
        row[:] = after
        book.balance[token, counterparty] -= total
        _journal(book, token, lo, change, counterparty, event)
        book.cursor[0] += change.size
    return status


@kernel(twin=_sweep_numpy)
def sweep(book, token, lo, change, counterparty, event):
    """Post `change` between one account and a slice of accounts: all of it, or nothing.

    The same as posting row by row with `sim.ledger.post`, but the counterparty is checked once, for the net.

    Parameters
    ----------
    book: sim.ledger.Book. token: ledger row. lo: first account of the slice, which holds neither issuer nor
    counterparty. change: (n,) int64 atoms that account lo + i receives, or gives where below zero.

    Returns a status code of sim.ledger.
    """
    row = book.balance[token]
    lowest, highest, total = MAX_ATOMS, -MAX_ATOMS, 0
    for i in range(change.size):
        after = row[lo + i] + change[i]
        lowest, highest = min(lowest, after), max(highest, after)
        total += change[i]
    status = _sweep_status(book, token, lowest, highest, row[counterparty] - total, counterparty)
    if status == POSTED:
        for i in range(change.size):
            row[lo + i] += change[i]
        row[counterparty] -= total
        _journal(book, token, lo, change, counterparty, event)
        book.cursor[0] += change.size
    return status
