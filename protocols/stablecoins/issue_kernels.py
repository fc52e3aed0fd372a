"""Minting and asking for redemption on the ledger, row after row."""

# mypy: allow-untyped-defs, allow-incomplete-defs

from typing import NamedTuple

import numpy as np

from sim.intents import ACCOUNT, ACT, ALL, AMOUNT, LIMIT, TOKEN, TOKEN2, Act
from sim.jit import inline, kernel
from sim.ledger import POSTED, post

DONE, NO_FUNDS, NOT_ALLOWED, OVER_CAP, WORSE, NO_OUTPUT, WRONG_TOKEN = range(7)
STATUS_TEXT = (
    "done",
    "the account does not hold that much",
    "the account may neither mint nor redeem",
    "the tick's limit of new units is used up",
    "the rate is worse than the order's limit",
    "the output is less than one atom",
    "the issuer takes the numeraire for its own asset, and its own asset, only",
)
_MINT = int(Act.MINT)


class Terms(NamedTuple):
    """What units cost and bring at the moment."""

    venue: int
    """The issuer's account."""
    unit: int
    ticket: int
    """Token of the units issued, and of the claim of those who wait for their redemption."""
    price: float
    """USD per whole unit."""
    mint_fee: float
    redeem_fee: float
    scale: float
    """Atoms of the numeraire per atom of a unit at 1 USD."""
    mintable: int
    """Atoms of the numeraire that are taken for new units."""


@inline
def _mint(book, ints, i, limit, terms, used, event):
    """(status, atoms of units) of paying for new units."""
    paid = ints[i, AMOUNT]
    if ints[i, TOKEN] != 0 or ints[i, TOKEN2] != terms.unit:
        return WRONG_TOKEN, 0
    if paid <= 0:
        return NO_FUNDS, 0
    if paid > terms.mintable - used:
        return OVER_CAP, 0
    per = (1.0 - terms.mint_fee) / terms.price
    units = np.int64(np.floor(paid * per / terms.scale))
    if units < 1:
        return NO_OUTPUT, 0
    if per < limit:
        return WORSE, 0
    if post(book, 0, ints[i, ACCOUNT], terms.venue, paid, event) != POSTED:
        return NO_FUNDS, 0
    post(book, terms.unit, terms.venue, ints[i, ACCOUNT], units, event)
    return DONE, units


@inline
def _ask(book, ints, i, limit, terms, event):
    """(status, atoms of units) of giving units back for a place in the queue."""
    account = ints[i, ACCOUNT]
    held = book.balance[terms.unit, account]
    if ints[i, TOKEN] != terms.unit:
        return WRONG_TOKEN, 0
    units = held if ints[i, AMOUNT] == ALL else ints[i, AMOUNT]
    if units <= 0:
        return NO_FUNDS, 0
    if terms.price * (1.0 - terms.redeem_fee) < limit:
        return WORSE, 0
    if post(book, terms.unit, account, terms.venue, units, event) != POSTED:
        return NO_FUNDS, 0
    post(book, terms.ticket, terms.venue, account, units, event)
    return DONE, units


@kernel()
def run_issue(book, ints, reals, allowed, terms, event0, out):
    """Mint and redeem in the order of the rows.

    Parameters
    ----------
    book: sim.ledger.Book. ints, reals: rows of sim.intents.Orders. allowed: bool (accounts,). terms: Terms.
    event0: event id of row 0. out: int64 (n, 2), overwritten with status and atoms of units issued or given back.

    Returns atoms of the numeraire paid in.
    """
    used = 0
    for i in range(ints.shape[0]):
        status, units = NOT_ALLOWED, 0
        if allowed[ints[i, ACCOUNT]]:
            if ints[i, ACT] == _MINT:
                status, units = _mint(book, ints, i, reals[i, LIMIT], terms, used, event0 + i)
                used += ints[i, AMOUNT] if status == DONE else 0
            else:
                status, units = _ask(book, ints, i, reals[i, LIMIT], terms, event0 + i)
        out[i, 0], out[i, 1] = status, units
    return used
