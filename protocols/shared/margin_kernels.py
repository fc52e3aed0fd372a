"""Arithmetic of margin accounts on the ledger: what accounts are worth, and cash in, out and back to par."""

# mypy: allow-untyped-defs, allow-incomplete-defs

import math

import numpy as np

from sim.intents import ACCOUNT, ACT, ALL, AMOUNT, TOKEN, Act
from sim.jit import inline, kernel
from sim.ledger import POSTED, check, post

DONE, NO_FUNDS, NOT_FREE, NO_CASH, WRONG_TOKEN = range(5)
STATUS_TEXT = (
    "done",
    "the account does not hold that much",
    "the amount is needed as margin",
    "the venue does not hold that much cash",
    "the venue takes no such token as margin",
)
_DEPOSIT = int(Act.DEPOSIT)


def _weigh_numpy(balance, tokens, units, lo, hi, out):
    out[lo:hi] = 0.0
    for token, unit in zip(tokens, units, strict=True):
        out[lo:hi] += balance[token, lo:hi] * unit


@kernel(twin=_weigh_numpy)
def weigh(balance, tokens, units, lo, hi, out):
    """Value of what each account in [lo, hi) holds of some tokens.

    Parameters
    ----------
    balance: int64 (token, account). tokens: int64 (k,). units: (k,) value of one atom of each.
    out: (accounts,), overwritten from lo to hi.
    """
    out[lo:hi] = 0.0
    for k in range(tokens.size):
        token, unit = tokens[k], units[k]
        for a in range(lo, hi):
            out[a] += balance[token, a] * unit


def _engaged_numpy(balance, tokens, lo, hi, out):
    out[lo:hi] = (balance[tokens, lo:hi] != 0).any(axis=0)


@kernel(twin=_engaged_numpy)
def engaged(balance, tokens, lo, hi, out):
    """Which accounts in [lo, hi) hold any of some tokens, long or short; out: bool (accounts,), overwritten there."""
    out[lo:hi] = False
    for k in range(tokens.size):
        token = tokens[k]
        for a in range(lo, hi):
            out[a] |= balance[token, a] != 0


@inline
def redeem_quote(book, quote, margin, venue, account, event):
    """Turn an account's settled gains or losses into margin, at par; what a loss leaves unpaid stays on the quote."""
    gain = book.balance[quote, account]
    if gain > 0:
        post(book, quote, account, venue, gain, event)
        post(book, margin, venue, account, gain, event)
    elif gain < 0:
        paid = min(-gain, book.balance[margin, account])
        post(book, margin, account, venue, paid, event)
        post(book, quote, venue, account, paid, event)


@kernel()
def redeem_quotes(book, quote, margin, venue, accounts, event):
    """`redeem_quote` for accounts without open positions; event: int64 (n,). Returns the loss left unpaid, in atoms."""
    left = 0
    for i in range(accounts.size):
        redeem_quote(book, quote, margin, venue, accounts[i], event[i])
        left += max(0, -book.balance[quote, accounts[i]])
    return left


@inline
def _withdraw(book, asset, claim, margin, quote, venue, account, amount, free, weight, event):
    """(status, atoms paid out); weight: margin value of one atom."""
    held = book.balance[claim, account]
    most = held + max(0, book.balance[quote, account]) if claim == margin else held
    wanted = most if amount >= ALL else amount
    if weight > 0.0 and wanted * weight > free:
        if amount < ALL:
            return NOT_FREE, 0
        wanted = max(0, np.int64(math.floor(free / weight)))
    if wanted <= 0 or wanted > most:
        return NO_FUNDS, 0
    if check(book, asset, venue, account, wanted) != POSTED:
        return NO_CASH, 0
    if wanted > held:
        post(book, quote, account, venue, wanted - held, event)
        post(book, margin, venue, account, wanted - held, event)
    post(book, claim, account, venue, wanted, event)
    post(book, asset, venue, account, wanted, event)
    return DONE, wanted


@kernel()
def run_cash(book, ints, assets, claims, weights, quote, venue, equity, initial, event0, out):
    """Deposits into and withdrawals from margin accounts, in block order.

    Parameters
    ----------
    book: sim.ledger.Book, with room for 4 postings a row. ints: (n, ...) rows of sim.intents.Orders.
    assets, claims: int64 (k,) what is deposited and the claim given for it; the margin asset comes first.
    weights: (k,) margin value of one atom of each. quote: token of settled gains. venue: its account.
    equity, initial: (accounts,) as of the last mark; equity is brought up to date.
    out: int64 (n, 2), overwritten with status and atoms moved.
    """
    for i in range(ints.shape[0]):
        account, amount = ints[i, ACCOUNT], ints[i, AMOUNT]
        out[i, 0], out[i, 1] = WRONG_TOKEN, 0
        for k in range(assets.size):
            if assets[k] != ints[i, TOKEN]:
                continue
            if ints[i, ACT] == _DEPOSIT:
                out[i, 0] = NO_FUNDS
                if amount > 0 and post(book, assets[k], account, venue, amount, event0 + i) == POSTED:
                    post(book, claims[k], venue, account, amount, event0 + i)
                    out[i, 0], out[i, 1] = DONE, amount
                    equity[account] += amount * weights[k]
            else:
                free = equity[account] - initial[account]
                status, paid = _withdraw(
                    book, assets[k], claims[k], claims[0], quote, venue, account, amount, free, weights[k], event0 + i
                )
                out[i, 0], out[i, 1] = status, paid
                equity[account] -= paid * weights[k]


@kernel()
def charge_shares(book, quote, payers, weights, debtor, loss, fund, event):
    """Share a loss out over payers in proportion to weights, each rounded up; what rounding leaves goes to the fund.

    Nobody pays more than its weight. payers: int64 (n,) accounts. weights: (n,) atoms, not negative. debtor: account
    whose loss it is. Returns the atoms of the loss that were paid.
    """
    total = 0.0
    for i in range(weights.size):
        total += weights[i]
    covered = min(float(loss), total)
    if covered <= 0.0:
        return 0
    left = int(min(loss, math.floor(total)))
    paid = 0
    for i in range(payers.size):
        part = int(min(math.ceil(weights[i] / total * left), math.floor(weights[i])))
        post(book, quote, payers[i], fund, part, event)
        paid += part
    given = min(paid, left)
    post(book, quote, fund, debtor, given, event)
    return given
