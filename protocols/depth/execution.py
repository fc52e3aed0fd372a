"""Batch clearing of one book of the depth market on the ledger.

All orders of a batch trade at one average price, so their sequence does not matter. What they sell goes to the outside
world, what they buy comes from it.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

import math

import numpy as np

from protocols.shared.depth.kernels import average_price
from sim.intents import ACCOUNT, AMOUNT, LIMIT, TOKEN
from sim.jit import inline, kernel
from sim.ledger import POSTED, post
from sim.tokens import EXTERNAL

DONE, NO_FUNDS, BELOW_LIMIT, NO_OUTPUT, WRONG_TOKENS, NO_SUPPLY = range(6)
STATUS_TEXT = (
    "done",
    "the account does not hold that much",
    "the price is worse than the order's limit",
    "the output is less than one atom",
    "the market does not trade these tokens against each other",
    "the outside world does not hold that much of the asset",
)
MAX_PRICE_STEPS = 200
_LEAST = 1e-90
"""Smallest average price over fundamental: what a book sold to nothing pays, which is less than any atom."""


@inline
def clearing_price(bought_usd, sold, x, fundamental, depth):
    """(average price, net size) of a batch that spends `bought_usd` and sells `sold` whole tokens.

    The net size depends on the price and the price on it: a fixed point. The book's answer falls as the guess rises,
    so the price lies between the two; where impact is so large that answers do not close in, the gap is halved.
    """
    low, high, gap = _LEAST * fundamental, np.inf, np.inf
    price = max(average_price(x, -sold, fundamental, depth), low)
    for _ in range(MAX_PRICE_STEPS):
        again = max(average_price(x, bought_usd / price - sold, fundamental, depth), _LEAST * fundamental)
        low, high = max(low, min(price, again)), min(high, max(price, again))
        if abs(again - price) <= 1e-15 * price or high <= low:
            break
        closer = abs(again - price) <= 0.5 * gap
        gap = abs(again - price)
        price = again if closer and low < again < high else math.sqrt(low) * math.sqrt(high)
    return price, bought_usd / price - sold


@inline
def _totals(ints, asset, out):
    sold, spent = 0, 0
    for i in range(ints.shape[0]):
        if out[i, 0] == DONE:
            if ints[i, TOKEN] == asset:
                sold += ints[i, AMOUNT]
            else:
                spent += ints[i, AMOUNT]
    return sold, spent


@inline
def _refuse(book, ints, reals, asset, venue, price, kept, units, event0, out):
    """Give back what orders beyond their limit, or for less than an atom, had put up; how many there were."""
    refused = 0
    for i in range(ints.shape[0]):
        beyond = (price * kept if ints[i, TOKEN] == asset else kept / price) < reals[i, LIMIT]
        if out[i, 0] == DONE and (beyond or _received(ints, i, asset, price, kept, units) < 1.0):
            post(book, ints[i, TOKEN], venue, ints[i, ACCOUNT], ints[i, AMOUNT], event0 + i)
            out[i, 0] = BELOW_LIMIT if beyond else NO_OUTPUT
            refused += 1
    return refused


@inline
def _refuse_excess(book, ints, asset, venue, price, kept, units, event0, out):
    """Give back the largest purchases until the outside world has enough of an asset that it cannot create; how many.

    Equal purchases are refused together, so that the sequence of orders does not matter.
    """
    if book.issuer[asset] == EXTERNAL:
        return 0
    room, wanted, largest = book.balance[asset, EXTERNAL] + book.balance[asset, venue], 0.0, 0
    for i in range(ints.shape[0]):
        if out[i, 0] == DONE and ints[i, TOKEN] != asset:
            wanted += np.floor(_received(ints, i, asset, price, kept, units))
            largest = max(largest, ints[i, AMOUNT])
    refused = 0
    for i in range(ints.shape[0]):
        if wanted > room and out[i, 0] == DONE and ints[i, TOKEN] != asset and ints[i, AMOUNT] == largest:
            post(book, 0, venue, ints[i, ACCOUNT], ints[i, AMOUNT], event0 + i)
            out[i, 0] = NO_SUPPLY
            refused += 1
    return refused


@inline
def _received(ints, i, asset, price, kept, units):
    """Atoms an order gets at this price, before rounding down."""
    rate = price * units[1] / units[0] if ints[i, TOKEN] == asset else units[0] / units[1] / price
    return np.float64(ints[i, AMOUNT]) * kept * rate


@kernel()
def run_book(book, ints, reals, asset, venue, fee, units, x, fundamental, depth, impact, event0, out, sizes):
    """Clear one asset's orders against the numeraire (token 0).

    Parameters
    ----------
    book: sim.ledger.Book. ints, reals: rows of sim.intents.Orders that swap `asset` and token 0.
    venue: the protocol's account, which holds what orders put up while the batch clears.
    fee: share of the input kept by the outside world. units: (atoms per asset, atoms per numeraire unit).
    x, fundamental, depth: state and shape of the book, see `kernels`. impact: whether orders move the price.
    event0: event id of row 0.
    out: int64 (n, 2), overwritten with status and atoms received. sizes: (n,) overwritten: signed whole tokens.

    Returns (average price, net size in whole tokens).
    """
    kept = 1.0 - fee
    for i in range(ints.shape[0]):
        put_up = ints[i, AMOUNT] > 0
        put_up = put_up and post(book, ints[i, TOKEN], ints[i, ACCOUNT], venue, ints[i, AMOUNT], event0 + i) == POSTED
        out[i, 0], out[i, 1], sizes[i] = DONE if put_up else NO_FUNDS, 0, 0.0
    price, net, refused = fundamental, 0.0, 1
    while refused > 0:
        sold, spent = _totals(ints, asset, out)
        if impact:
            price, net = clearing_price(spent * kept / units[1], sold / units[0], x, fundamental, depth)
        else:
            price, net = fundamental, spent * kept / units[1] / fundamental - sold / units[0]
        refused = _refuse(book, ints, reals, asset, venue, price, kept, units, event0, out)
        if refused == 0:
            refused = _refuse_excess(book, ints, asset, venue, price, kept, units, event0, out)
    for selling in (True, False):  # what is sold may be all there is to buy
        for i in range(ints.shape[0]):
            if out[i, 0] == DONE and (ints[i, TOKEN] == asset) == selling:
                _pay(book, ints, i, asset, venue, price, kept, units, event0 + i, out, sizes)
    return price, net


@inline
def _pay(book, ints, i, asset, venue, price, kept, units, event, out, sizes):
    account, amount, sold = ints[i, ACCOUNT], ints[i, AMOUNT], ints[i, TOKEN] == asset
    received = np.int64(np.floor(_received(ints, i, asset, price, kept, units)))
    post(book, ints[i, TOKEN], venue, EXTERNAL, amount, event)
    post(book, 0 if sold else asset, EXTERNAL, account, received, event)
    out[i, 1] = received
    sizes[i] = -amount / units[0] if sold else amount * kept / units[1] / price
