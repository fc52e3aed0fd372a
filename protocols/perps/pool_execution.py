"""Orders and liquidations against a pool on the ledger, row after row, each seeing what the last one left.

Contracts move between trader and pool at the index price; price impact is settled with the impact pool, fees and what a
profit cap withholds with the pool itself. Formulas: `pool_kernels`.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

import math
from typing import NamedTuple

import numpy as np

from protocols.perps.execution import new_cost
from protocols.perps.pool_kernels import open_interest_room, pay_impact, price_impact, trade_fee
from protocols.shared.margin_kernels import DONE
from protocols.shared.margin_kernels import STATUS_TEXT as CASH_TEXT
from sim.intents import ACCOUNT, ACT, AMOUNT, LIMIT, SUBJECT, Act, Flag
from sim.jit import inline, kernel
from sim.ledger import post

_FIRST = len(CASH_TEXT)
NO_MARGIN, BEYOND_LIMIT, EMPTY, NOT_REDUCING, NO_CONTRACT, NO_ROOM, RESERVED = range(_FIRST, _FIRST + 7)
STATUS_TEXT = (
    *CASH_TEXT,
    "the collateral left would be below the initial margin",
    "the price with its impact is worse than the order's limit",
    "the amount is zero or below",
    "there is no position that the order would reduce",
    "the pool trades no such contract",
    "the pool cannot reserve that much more for this side",
    "the pool has reserved what these shares would take out",
)
STATUS, SIZE, FEE = range(3)
LONGS, SHORTS, LONG_ATOMS, SHORT_ATOMS = range(4)
_BUY, _REDUCE = int(Act.BUY), int(Flag.REDUCE_ONLY)
_MOST = 2**60


class PoolBook(NamedTuple):
    """Tokens, accounts and prices that pool orders are executed with."""

    token: int
    margin: int
    quote: int
    pool: int
    impact: int
    """Account of the impact pool."""
    scale: float
    """Contract atoms per whole contract."""
    money: float
    """Margin atoms per USD."""
    price: float
    value: float
    """USD of the pool, open profits of traders deducted."""
    paid_long: float
    paid_short: float
    """Part of its profit that each side is paid."""
    max_leverage: float
    opening: bool
    forced: float
    """Fee on top of liquidations, as a share of size; below zero for orders of accounts themselves."""


@inline
def _reduced(before, size):
    """Atoms of a position that a trade closes."""
    return 0 if before == 0 or (before > 0) == (size > 0) else min(abs(before), abs(size))


@inline
def _room(state, long, added, at, terms):
    """Whether a side may grow by so many atoms."""
    reserved = state[LONG_ATOMS] / at.scale * at.price if long else state[SHORTS]
    return added / at.scale * at.price <= open_interest_room(reserved, at.value, terms)


@inline
def _money(usd, at):
    return np.int64(math.ceil(usd * at.money))


@inline
def _effects(before, size, cost, state, impact_pool, at, terms):
    """(impact paid to the trader, fee, profit withheld) of a trade in USD."""
    if at.opening:
        return 0.0, 0.0, 0.0
    change = size / at.scale * at.price
    impact = price_impact(state[LONGS], state[SHORTS], change, terms)
    impact = pay_impact(impact, impact_pool)[0] if impact > 0.0 else impact
    fee = trade_fee(state[LONGS], state[SHORTS], change, terms) + max(at.forced, 0.0) * abs(change)
    closed, withheld = _reduced(before, size), 0.0
    if closed > 0:
        part = closed / abs(before)
        profit = part * (before / at.scale * at.price - cost / at.money)
        withheld = max(profit, 0.0) * (1.0 - (at.paid_long if before > 0 else at.paid_short))
    return impact, fee, withheld


@inline
def _wanted(ints, i, before):
    """(status, signed atoms)."""
    amount, buys = ints[i, AMOUNT], ints[i, ACT] == _BUY
    if amount <= 0:
        return EMPTY, 0
    if ints[i, SUBJECT] == _REDUCE:
        if before == 0 or (before > 0) == buys:
            return NOT_REDUCING, 0
        amount = min(amount, abs(before))
    if amount >= _MOST:
        return NO_MARGIN, 0
    return DONE, amount if buys else -amount


@inline
def _shift(state, before, after, old_cost, cost, at):
    """Open interest after a position has changed."""
    if before > 0:
        state[LONGS] -= old_cost / at.money
        state[LONG_ATOMS] -= before
    elif before < 0:
        state[SHORTS] += old_cost / at.money
        state[SHORT_ATOMS] += before
    if after > 0:
        state[LONGS] += cost / at.money
        state[LONG_ATOMS] += after
    elif after < 0:
        state[SHORTS] -= cost / at.money
        state[SHORT_ATOMS] -= after


@inline
def _refusal(book, account, before, after, size, impact, fee, limit, state, at, terms):
    paid = at.price - impact / (size / at.scale)
    if limit > 0.0 and (paid > limit if size > 0 else paid < limit):
        return BEYOND_LIMIT
    added = abs(size) - _reduced(before, size)
    if at.forced >= 0.0 or added == 0:
        return DONE
    settled = (book.balance[at.margin, account] + book.balance[at.quote, account]) / at.money
    equity = settled + before / at.scale * at.price + impact - fee
    if equity < abs(after) / at.scale * at.price / at.max_leverage:
        return NO_MARGIN
    return DONE if _room(state, size > 0, added, at, terms) else NO_ROOM


@inline
def _give(book, token, src, dst, amount, event):
    if amount >= 0:
        post(book, token, src, dst, amount, event)
    else:
        post(book, token, dst, src, -amount, event)


@kernel()
def run_pool_orders(book, ints, reals, at, terms, events, state, cost, fees, out):
    """Execute BUY and SELL rows against the pool in their order.

    Parameters
    ----------
    book: sim.ledger.Book, with room for 4 postings a row. ints, reals: (n, ...) rows of sim.intents.Orders.
    at, terms: PoolBook and PoolTerms. events: int64 (n,) event of each row.
    state: float64 (4,) longs and shorts in USD at entry and in atoms, updated.
    cost: int64 (accounts,) margin atoms paid for open positions; fees: int64 (accounts,) running total; both updated.
    out: int64 (n, 3), overwritten: status, signed atoms traded, fee in margin atoms.
    """
    for i in range(ints.shape[0]):
        account = ints[i, ACCOUNT]
        before = book.balance[at.token, account]
        status, size = _wanted(ints, i, before)
        out[i, STATUS], out[i, SIZE], out[i, FEE] = status, 0, 0
        if status != DONE:
            continue
        pool = max(book.balance[at.quote, at.impact], 0) / at.money
        impact, fee, withheld = _effects(before, size, cost[account], state, pool, at, terms)
        limit = reals[i, LIMIT]
        out[i, STATUS] = _refusal(book, account, before, before + size, size, impact, fee, limit, state, at, terms)
        if out[i, STATUS] != DONE:
            continue
        paid, event = _money(size / at.scale * at.price, at), events[i]
        _give(book, at.token, at.pool, account, size, event)
        _give(book, at.quote, account, at.pool, paid, event)
        _give(book, at.quote, account, at.impact, _money(-impact, at), event)
        charged = _money(fee, at)
        post(book, at.quote, account, at.pool, charged + _money(withheld, at), event)
        old, cost[account] = cost[account], new_cost(cost[account], before, size, paid)
        _shift(state, before, before + size, old, cost[account], at)
        fees[account] += charged
        out[i, SIZE], out[i, FEE] = size, charged


def _charge_numpy(position, cash_per_atom, side, amounts):
    mine = position * side > 0
    amounts[:] = np.where(mine, np.ceil(np.abs(position) * cash_per_atom).astype(np.int64), 0)
    return int(amounts.sum())


@kernel(twin=_charge_numpy)
def charge_side(position, cash_per_atom, side, amounts):
    """What each holder of one side pays, rounded up: |position| * cash_per_atom.

    position: int64 (accounts,). cash_per_atom: margin atoms, not negative. side: +1 longs, -1 shorts.
    amounts: int64 (accounts,), overwritten. Returns their sum.
    """
    total = 0
    for a in range(position.size):
        amounts[a] = np.int64(math.ceil(abs(position[a]) * cash_per_atom)) if position[a] * side > 0 else 0
        total += amounts[a]
    return total
