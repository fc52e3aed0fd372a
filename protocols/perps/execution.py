"""Batch execution of one contract against the outside book: who trades, at what price, and what is posted.

All orders of a batch trade at one average price, so their sequence does not matter. `select` finds the largest batch
whose orders all accept its price and can carry their position afterwards; `fill` posts it. The outside world is the
counterparty; contracts move from seller to buyer and their cost, size times unit value, on the quote token back.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

import math
from typing import NamedTuple

import numpy as np

from protocols.perps.tiers import tier_margin, tier_of
from protocols.shared.depth.kernels import average_price, displacement
from protocols.shared.margin_kernels import DONE
from protocols.shared.margin_kernels import STATUS_TEXT as CASH_TEXT
from sim.intents import ACCOUNT, ACT, AMOUNT, LIMIT, SUBJECT, Act, Flag
from sim.jit import inline, kernel
from sim.ledger import post
from sim.tokens import EXTERNAL

_FIRST = len(CASH_TEXT)
NO_MARGIN, BEYOND_LIMIT, EMPTY, NOT_REDUCING, NO_CONTRACT, NO_BACKSTOP, LOCKED, NEEDED = range(_FIRST, _FIRST + 8)
STATUS_TEXT = (
    *CASH_TEXT,
    "the account's equity would be below its initial margin",
    "the price is worse than the order's limit",
    "the amount is zero or below",
    "there is no position that the order would reduce",
    "the venue has no such contract, or it has expired",
    "the venue has no backstop vault",
    "shares of the backstop vault are locked for some time after they are bought",
    "the backstop vault needs the money as margin",
)
STATUS, SIZE, COST, FEE = range(4)
_BUY, _REDUCE = int(Act.BUY), int(Flag.REDUCE_ONLY)
_MOST = 2**60
_ALIKE = 1e-9
"""Orders whose gaps differ by less are refused together."""


class Terms(NamedTuple):
    """What a batch of one contract is executed at."""

    token: int
    quote: int
    fund: int
    treasury: int
    inverse: bool
    scale: float
    """Contract atoms per whole contract."""
    unit: float
    """Margin atoms per contract atom and unit of value."""
    mark: float
    usd: float
    """Margin atoms per USD."""
    fee: float
    to_fund: float
    """Share of the fee that goes to the fund."""
    x: float
    anchor: float
    impact: bool
    forced: bool
    """Orders of the venue itself: no margin is asked, the fee is limited to the equity that is left."""


@inline
def unit_value(price, terms):
    """Margin atoms that one contract atom is worth."""
    return (-1.0 / price if terms.inverse else price) * terms.unit


@inline
def notional(atoms, price, terms):
    """USD of a position."""
    return abs(atoms) / terms.scale * (1.0 if terms.inverse else price)


@inline
def batch_price(net, terms, depth):
    """Average price of a batch that buys `net` atoms."""
    if not terms.impact:
        return terms.anchor
    size = net / terms.scale
    if terms.inverse:
        return 1.0 / max(average_price(-terms.x, -size, 1.0 / terms.anchor, depth), 1e-300)
    return max(average_price(terms.x, size, terms.anchor, depth), 1e-90)


@inline
def initial_requirement(atoms, terms, tiers):
    """Initial margin of one position, in margin atoms."""
    usd = notional(atoms, terms.mark, terms)
    return usd / tiers.max_leverage[tier_of(usd, tiers.begin)] * terms.usd


@inline
def _intend(book, ints, terms, pending, out):
    """Signed size of each order, reductions cut to the position that earlier ones of the account leave."""
    for i in range(ints.shape[0]):
        account, amount = ints[i, ACCOUNT], ints[i, AMOUNT]
        position = book.balance[terms.token, account] + pending[account]
        buys = ints[i, ACT] == _BUY
        out[i, STATUS], out[i, SIZE], out[i, COST], out[i, FEE] = DONE, 0, 0, 0
        if amount <= 0:
            out[i, STATUS] = EMPTY
        elif ints[i, SUBJECT] == _REDUCE:
            if position == 0 or (position > 0) == buys:
                out[i, STATUS] = NOT_REDUCING
            amount = min(amount, abs(position))
        elif amount >= _MOST:
            out[i, STATUS] = NO_MARGIN
        if out[i, STATUS] == DONE:
            out[i, SIZE] = amount if buys else -amount
            pending[account] += out[i, SIZE]
    for i in range(ints.shape[0]):
        pending[ints[i, ACCOUNT]] = 0


@inline
def _net(out):
    net = 0.0
    for i in range(out.shape[0]):
        if out[i, STATUS] == DONE:
            net += out[i, SIZE]
    return net


@inline
def _limit_gap(limit, size, price):
    """How far, relative to the limit, the price is worse than it."""
    if limit == 0.0:
        return 0.0
    return price / limit - 1.0 if size > 0 else 1.0 - price / limit


@inline
def _judge(book, ints, reals, i, price, terms, tiers, extra, equity, initial, pending, gain, out):
    """(reason, gap) of one order at this price given the account's earlier ones; a gap of 0 or less is none."""
    account, size = ints[i, ACCOUNT], out[i, SIZE]
    held = book.balance[terms.token, account]
    before = held + pending[account]
    after = before + size
    if ints[i, SUBJECT] == _REDUCE and (before == 0 or (before > 0) == (size > 0) or abs(size) > abs(before)):
        return NOT_REDUCING, np.inf
    limit = _limit_gap(reals[i, LIMIT], size, price)
    if limit > 0.0:
        return BEYOND_LIMIT, limit
    fee = notional(size, price, terms) * terms.usd * terms.fee
    gain[account] += size * (unit_value(terms.mark, terms) - unit_value(price, terms)) - fee
    pending[account] += size
    if terms.forced or abs(after) <= abs(before):
        return DONE, 0.0
    if math.isnan(extra[i]):
        needed = initial[account] - initial_requirement(held, terms, tiers) + initial_requirement(after, terms, tiers)
    else:
        needed = initial[account] + extra[i]
    short = needed - (equity[account] + gain[account])
    return NO_MARGIN, short / max(notional(size, terms.mark, terms) * terms.usd, 1.0)


@inline
def _forget(ints, pending, gain):
    for i in range(ints.shape[0]):
        pending[ints[i, ACCOUNT]], gain[ints[i, ACCOUNT]] = 0, 0.0


@inline
def _widest(book, ints, reals, price, terms, tiers, extra, equity, initial, pending, gain, out, gaps):
    """Judge all orders that still stand; writes the gap of each and returns the largest."""
    widest = 0.0
    for i in range(ints.shape[0]):
        gaps[i, 0], gaps[i, 1] = 0.0, DONE
        if out[i, STATUS] == DONE:
            why, gap = _judge(book, ints, reals, i, price, terms, tiers, extra, equity, initial, pending, gain, out)
            gaps[i, 0], gaps[i, 1] = gap, why
            widest = max(widest, gap)
    _forget(ints, pending, gain)
    return widest


@inline
def _refuse(gaps, above, only_margin, out):
    for i in range(out.shape[0]):
        if out[i, STATUS] == DONE and gaps[i, 0] > above and not (only_margin and gaps[i, 1] == BEYOND_LIMIT):
            out[i, STATUS] = np.int64(gaps[i, 1])


@kernel()
def select(book, ints, reals, terms, tiers, depth, extra, equity, initial, pending, gain, gaps, out):
    """Decide which orders trade, and at what price.

    Who could not carry its order at the mid price is refused first, so that orders beyond anybody's means move nothing.
    Then, while some orders do not accept the batch's price, the half of them farthest from it go, and it is found anew.

    Parameters
    ----------
    book: sim.ledger.Book. ints, reals: (n, ...) rows of sim.intents.Orders, BUY or SELL of this contract.
    terms, tiers, depth: Terms, Tiers and Depth. extra: (n,) initial margin that each order adds; NaN: by the tiers.
    equity, initial: (accounts,) margin atoms as of now. pending, gain: int64 and float64 (accounts,) of zeros; scratch.
    gaps: (n, 2) scratch. out: int64 (n, 4), overwritten: status, signed size, cost and fee (zero).

    Returns (average price, net size in whole contracts).
    """
    _intend(book, ints, terms, pending, out)
    rest = terms.anchor * math.exp(displacement(terms.x, depth)) if terms.impact else terms.anchor
    if not terms.forced:
        _widest(book, ints, reals, rest, terms, tiers, extra, equity, initial, pending, gain, out, gaps)
        _refuse(gaps, 0.0, True, out)
    while True:
        net = _net(out)
        price = batch_price(net, terms, depth)
        widest = _widest(book, ints, reals, price, terms, tiers, extra, equity, initial, pending, gain, out, gaps)
        if not widest > 0.0:
            return price, net / terms.scale
        _refuse(gaps, 0.5 * widest if 0.0 < widest < np.inf and widest > _ALIKE else 0.0, False, out)


@inline
def new_cost(cost, before, size, paid):
    """Cost of the open position after a trade of `size` atoms for `paid`: what is closed takes its part along."""
    if before == 0 or (before > 0) == (size > 0):
        return cost + paid
    if abs(size) <= abs(before):
        return cost - np.int64(np.rint(cost * (abs(size) / abs(before))))
    return np.int64(np.rint(paid * ((abs(size) - abs(before)) / abs(size))))


@kernel()
def fill(book, ints, price, terms, tiers, events, equity, initial, cost, fees, cash, out):
    """Post what `select` let stand. Costs are rounded up for who pays and down for who receives.

    Parameters
    ----------
    price: of the batch. events: int64 (n,) event of each row. book has room for 4 postings a row.
    equity, initial: (accounts,), brought up to date. cost: int64 (accounts,) of open positions in this contract.
    fees, cash: int64 (accounts,) running totals of fees paid and of what trades brought in.
    out: of `select`; cost and fee are written.
    """
    value, mark = unit_value(price, terms), unit_value(terms.mark, terms)
    for i in range(ints.shape[0]):
        if out[i, STATUS] != DONE:
            continue
        account, size = ints[i, ACCOUNT], out[i, SIZE]
        before = book.balance[terms.token, account]
        paid = np.int64(math.ceil(size * value))
        fee = np.int64(math.ceil(notional(size, price, terms) * terms.usd * terms.fee))
        gain = size * mark - paid
        if terms.forced:
            fee = min(fee, np.int64(max(0.0, math.floor(equity[account] + gain))))
        _exchange(book, terms.token, EXTERNAL, account, size, events[i])
        _exchange(book, terms.quote, account, EXTERNAL, paid, events[i])
        part = np.int64(math.floor(fee * terms.to_fund))
        post(book, terms.quote, account, terms.fund, part, events[i])
        post(book, terms.quote, account, terms.treasury, fee - part, events[i])
        cost[account] = new_cost(cost[account], before, size, paid)
        cost[EXTERNAL] -= paid
        initial[account] += initial_requirement(before + size, terms, tiers) - initial_requirement(before, terms, tiers)
        equity[account] += gain - fee
        fees[account] += fee
        cash[account] -= paid
        out[i, COST], out[i, FEE] = paid, fee


@inline
def _exchange(book, token, src, dst, amount, event):
    """Post an amount of either sign."""
    if amount >= 0:
        post(book, token, src, dst, amount, event)
    else:
        post(book, token, dst, src, -amount, event)


def _require_numpy(row, terms, tiers, lo, hi, initial, maintenance):
    usd = np.abs(row[lo:hi]) / terms.scale * (1.0 if terms.inverse else terms.mark)
    tier = np.searchsorted(tiers.begin, usd, side="right") - 1
    initial[lo:hi] += usd / tiers.max_leverage[tier] * terms.usd
    maintenance[lo:hi] += (usd * tiers.rate[tier] - tiers.deduction[tier]) * terms.usd


@kernel(twin=_require_numpy)
def require(row, terms, tiers, lo, hi, initial, maintenance):
    """Add the requirements of one contract's positions in accounts [lo, hi).

    row: int64 (accounts,) positions. initial, maintenance: (accounts,) margin atoms, added to.
    """
    for a in range(lo, hi):
        if row[a] != 0:
            usd = notional(row[a], terms.mark, terms)
            initial[a] += usd / tiers.max_leverage[tier_of(usd, tiers.begin)] * terms.usd
            maintenance[a] += tier_margin(usd, tiers.begin, tiers.rate, tiers.deduction) * terms.usd
