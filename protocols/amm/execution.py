"""What orders to all pools have in common: reasons of refusal, and payments between an account and a pool.

A pool's reserves are its account's balances; liquidity is the supply of its share tokens.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

from sim.intents import Act
from sim.jit import inline
from sim.ledger import POSTED, check, post

DONE, WRONG_TOKENS, NO_FUNDS, NO_OUTPUT, BELOW_LIMIT, NOT_SUPPORTED, NO_RANGE, OTHER_SIDE = range(8)
STATUS_TEXT = (
    "done",
    "the pool does not hold this token",
    "the account does not hold that much",
    "the output is less than one atom, or the amount beyond the pool's range",
    "the price is worse than the order's limit",
    "the pool does not know this act",
    "the pool has no range of this number",
    "the range takes none of this token at the present price",
)
SWAP, ADD, REMOVE = int(Act.SWAP), int(Act.ADD_LIQUIDITY), int(Act.REMOVE_LIQUIDITY)


@inline
def exchange(book, sold, bought, pool, account, amount, paid, least, event):
    """Status of trading `amount` for what the curve pays, if the account has it and the limit allows it."""
    if paid <= 0:
        return NO_OUTPUT
    if float(paid) < least:
        return BELOW_LIMIT
    if check(book, bought, pool, account, paid) != POSTED or post(book, sold, account, pool, amount, event) != POSTED:
        return NO_FUNDS
    post(book, bought, pool, account, paid, event)
    return DONE


@inline
def take_deposit(book, asset, numeraire, shares, pool, account, given, paid, minted, event):
    """Status of minting shares for atoms of both tokens."""
    if minted <= 0:
        return NO_OUTPUT
    if check(book, asset, account, pool, given) != POSTED or check(book, numeraire, account, pool, paid) != POSTED:
        return NO_FUNDS
    post(book, asset, account, pool, given, event)
    post(book, numeraire, account, pool, paid, event)
    post(book, shares, pool, account, minted, event)
    return DONE


@inline
def pay_out(book, asset, numeraire, shares, pool, account, burned, held, money, event):
    """Status of burning shares for atoms of both tokens."""
    if check(book, asset, pool, account, held) != POSTED or check(book, numeraire, pool, account, money) != POSTED:
        return NO_OUTPUT
    post(book, shares, account, pool, burned, event)
    post(book, asset, pool, account, held, event)
    post(book, numeraire, pool, account, money, event)
    return DONE


@inline
def fits(sold, bought, asset, numeraire):
    """Whether the pool trades these two tokens."""
    return (sold == asset and bought == numeraire) or (sold == numeraire and bought == asset)
