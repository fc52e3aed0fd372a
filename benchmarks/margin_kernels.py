"""Arithmetic of the leveraged-trader market, and postings of a whole population against one account at once.

A trader's cash is its USD less what it borrowed. Amounts are int64 atoms; prices are numeraire atoms per coin atom.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs, disable-error-code=assignment

import numpy as np

from sim.jit import inline, kernel
from sim.ledger import OVERDRAWN, OVERFLOW, POSTED, post
from sim.tokens import EXTERNAL, TokenKind
from sim.units import MAX_ATOMS

_DEBT = int(TokenKind.DEBT)

BLOCK = 2048
"""Accounts settled at a time, so that what changes stays in the first-level cache."""


def _choose_numpy(usd, debt, coins, leverage, luck, price, trend, rule, orders):
    speed, maintenance, reaction, noise = rule
    value = coins * price
    equity = (usd + debt) + value
    breached = equity < maintenance * value
    tilt = 1.0 + reaction * trend + noise * (2.0 * luck - 1.0)
    goal = leverage * np.maximum(tilt, 0.0) * equity * (1.0 / price)
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
    per_usd = 1.0 / price
    net, forced, count = 0, 0, 0
    for i in range(orders.size):
        value = coins[i] * price
        equity = (usd[i] + debt[i]) + value
        breached = equity < maintenance * value
        tilt = 1.0 + reaction * trend + noise * (2.0 * luck[i] - 1.0)
        tilt = tilt if tilt > 0.0 else 0.0
        goal = leverage[i] * tilt * equity * per_usd
        order = np.int64(np.floor(speed * (goal - coins[i])))
        order = -coins[i] if breached else order
        orders[i] = order
        net += order
        forced += order if breached else 0
        count += breached & (coins[i] > 0)
    return net, forced, count


@inline
def _pay(usd, debt, orders, price, usd_change, debt_change):
    """How USD and debts change by the orders: own money first, then a loan; proceeds repay the loan first."""
    for i in range(orders.size):
        left = usd[i] + debt[i] - np.int64(np.ceil(orders[i] * price))
        usd_change[i] = max(left, 0) - usd[i]
        debt_change[i] = min(left, 0) - debt[i]


@inline
def _stands(book, token, lowest, highest, left, counterparty):
    """Status of a slice whose balances span these two, with its counterparty at `left`."""
    issues, debt = book.issuer[token] == counterparty, book.kind[token] == _DEBT
    # A debt's issuer stands above zero and nobody else does; the issuer of another token may stand anywhere.
    wrong = (highest > 0) | ((left < 0) == issues) & (left != 0) if debt else (lowest < 0) | ((left < 0) & (not issues))
    beyond = highest >= MAX_ATOMS or lowest <= -MAX_ATOMS or abs(left) >= MAX_ATOMS
    return OVERDRAWN if wrong else OVERFLOW if beyond else POSTED


@inline
def _write_down(book, token, lo, change, counterparty, event):
    """Journal a sweep row by row, if postings are kept."""
    first = book.cursor[0]
    for i in range(change.size if book.journal.shape[0] > 0 else 0):
        given = change[i] < 0
        book.journal[first + i, 0] = event
        book.journal[first + i, 1] = token
        book.journal[first + i, 2] = lo + i if given else counterparty
        book.journal[first + i, 3] = counterparty if given else lo + i
        book.journal[first + i, 4] = abs(change[i])
    book.cursor[0] = first + change.size


def _sweep_numpy(book, token, lo, change, counterparty, event):
    after = book.balance[token, lo : lo + change.size] + change
    left = book.balance[token, counterparty] - change.sum()
    status = _stands(book, token, after.min(), after.max(), left, counterparty)
    if status == POSTED:
        book.balance[token, lo : lo + change.size] = after
        book.balance[token, counterparty] = left
        _write_down(book, token, lo, change, counterparty, event)
    return status


@kernel(twin=_sweep_numpy)
def sweep(book, token, lo, change, counterparty, event):
    """Post `change` between one account and a slice of accounts: all of it, or nothing.

    The same as posting row by row with `sim.ledger.post`, but the counterparty is checked once, for the net.

    Parameters
    ----------
    book: sim.ledger.Book. token: ledger row. lo: first account of the slice, which holds neither issuer nor
    counterparty. change: (n,) int64 atoms that account lo + i receives, or gives where below zero; n at least 1.

    Returns a status code of sim.ledger.
    """
    row = book.balance[token, lo : lo + change.size]
    lowest, highest, total = MAX_ATOMS, -MAX_ATOMS, 0
    for i in range(change.size):
        row[i] += change[i]
        lowest, highest = min(lowest, row[i]), max(highest, row[i])
        total += change[i]
    left = book.balance[token, counterparty] - total
    status = _stands(book, token, lowest, highest, left, counterparty)
    if status == POSTED:
        book.balance[token, counterparty] = left
        _write_down(book, token, lo, change, counterparty, event)
    else:
        for i in range(change.size):
            row[i] -= change[i]
    return status


@inline
def _hedge(book, coin, usd, net, price, desk, event):
    """Buy the net from the outside world, or sell it there."""
    payer, payee = (desk, EXTERNAL) if net > 0 else (EXTERNAL, desk)
    status = post(book, coin, payee, payer, abs(net), event)
    return max(status, post(book, usd, payer, payee, np.int64(np.floor(abs(net) * price)), event))


def _settle_numpy(book, coin, usd, debt, lo, orders, net, price, desk, event):
    changes = np.empty((2, orders.size), dtype=np.int64)
    mine = slice(lo, lo + orders.size)
    left = book.balance[usd, mine] + book.balance[debt, mine] - np.ceil(orders * price).astype(np.int64)
    changes[0] = np.maximum(left, 0) - book.balance[usd, mine]
    changes[1] = np.minimum(left, 0) - book.balance[debt, mine]
    for token, change in ((coin, orders), (usd, changes[0]), (debt, changes[1])):
        status = _sweep_numpy(book, token, lo, change, desk, event)
        if status != POSTED:
            return status
    return _hedge(book, coin, usd, net, price, desk, event)


@kernel(twin=_settle_numpy)
def settle(book, coin, usd, debt, lo, orders, net, price, desk, event):
    """Exchange coins, USD and loans between the desk and all its clients, a block of accounts at a time.

    Parameters
    ----------
    book: sim.ledger.Book. coin, usd, debt: ledger rows. lo: first client's account. orders: (n,) int64 coin atoms.
    price: average price paid, rounded up for each client. desk: the counterparty. event: what all postings name.

    The desk takes the net to the outside world, for its price rounded down.

    Returns a status code of sim.ledger; what was posted before a refusal stays posted.
    """
    usd_buffer, debt_buffer = np.empty(BLOCK, dtype=np.int64), np.empty(BLOCK, dtype=np.int64)
    status = POSTED
    for start in range(0, orders.size, BLOCK):
        part = orders[start : start + BLOCK]
        first, last = lo + start, lo + start + part.size
        paid, lent = usd_buffer[: part.size], debt_buffer[: part.size]
        _pay(book.balance[usd, first:last], book.balance[debt, first:last], part, price, paid, lent)
        status = max(status, sweep(book, coin, first, part, desk, event))
        status = max(status, sweep(book, usd, first, paid, desk, event))
        status = max(status, sweep(book, debt, first, lent, desk, event))
    return max(status, _hedge(book, coin, usd, net, price, desk, event))
