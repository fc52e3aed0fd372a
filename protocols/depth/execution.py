"""Batch clearing of one book of the depth market on the ledger.

All orders of a batch trade at one average price, so their sequence does not matter. What they sell goes to the outside
world, what they buy comes from it.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

import numpy as np

from protocols.depth.kernels import average_price
from sim.intents import ACCOUNT, AMOUNT, LIMIT, TOKEN
from sim.jit import inline, kernel
from sim.ledger import POSTED, post
from sim.tokens import EXTERNAL

DONE, NO_FUNDS, BELOW_LIMIT, NO_OUTPUT = range(4)
STATUS_TEXT = (
    "done",
    "the account does not hold that much",
    "the price is worse than the order's limit",
    "the output is less than one atom",
)
MAX_PRICE_STEPS = 100


@inline
def clearing_price(bought_usd, sold, x, fundamental, depth):
    """(average price, net size) of a batch that spends `bought_usd` and sells `sold` whole tokens.

    The net size depends on the price and the price on it: a fixed point, which contracts because impact is small.
    """
    price = average_price(x, -sold, fundamental, depth)
    for _ in range(MAX_PRICE_STEPS):
        net = bought_usd / price - sold
        again = average_price(x, net, fundamental, depth)
        if abs(again - price) <= 1e-15 * price:
            break
        price = 0.5 * (price + again) if abs(again - price) > 0.5 * price else again
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
def _refuse_beyond_limit(book, ints, reals, asset, venue, price, kept, event0, out):
    """Give back what orders beyond their limit had put up; how many there were."""
    refused = 0
    for i in range(ints.shape[0]):
        achieved = price * kept if ints[i, TOKEN] == asset else kept / price
        if out[i, 0] == DONE and achieved < reals[i, LIMIT]:
            post(book, ints[i, TOKEN], venue, ints[i, ACCOUNT], ints[i, AMOUNT], event0 + i)
            out[i, 0] = BELOW_LIMIT
            refused += 1
    return refused


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
        refused = _refuse_beyond_limit(book, ints, reals, asset, venue, price, kept, event0, out)
    for i in range(ints.shape[0]):
        if out[i, 0] == DONE:
            _pay(book, ints, i, asset, venue, price, kept, units, event0 + i, out, sizes)
    return price, net


@inline
def _pay(book, ints, i, asset, venue, price, kept, units, event, out, sizes):
    account, amount, sold = ints[i, ACCOUNT], ints[i, AMOUNT], ints[i, TOKEN] == asset
    rate = price * units[1] / units[0] if sold else units[0] / units[1] / price
    received = np.int64(np.floor(np.float64(amount) * kept * rate))
    post(book, ints[i, TOKEN], venue, EXTERNAL, amount, event)
    post(book, 0 if sold else asset, EXTERNAL, account, received, event)
    out[i, 1] = received
    sizes[i] = -amount / units[0] if sold else amount * kept / units[1] / price
