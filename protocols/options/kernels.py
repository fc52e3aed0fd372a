"""Postings of options: premiums against contracts, allocation to dealers, exercise and assignment."""

# mypy: allow-untyped-defs, allow-incomplete-defs

import math

from sim.jit import kernel
from sim.ledger import post


@kernel()
def run_legs(book, token, account, size, cash, fee, quote, hub, treasury, event):
    """Exchange contracts against cash between accounts and the hub.

    Parameters
    ----------
    book: sim.ledger.Book, with room for 3 postings a leg. All but the scalars: int64 (n,).
    token: contract. account: who trades. size: atoms received, below zero given. cash: margin atoms paid, below zero
    received. fee: margin atoms paid to the treasury. quote: token of cash. hub, treasury: accounts.
    """
    for i in range(token.size):
        who = account[i]
        if size[i] > 0:
            post(book, token[i], hub, who, size[i], event[i])
        elif size[i] < 0:
            post(book, token[i], who, hub, -size[i], event[i])
        if cash[i] > 0:
            post(book, quote, who, hub, cash[i], event[i])
        elif cash[i] < 0:
            post(book, quote, hub, who, -cash[i], event[i])
        if fee[i] > 0:
            post(book, quote, who, treasury, fee[i], event[i])


@kernel()
def run_expiry(book, token, payoff, quote, hub, fund, event):
    """Exercise and assignment of one contract: longs receive its payoff, shorts pay it, and all positions end.

    Longs are rounded down and shorts up; the atoms in between go to the insurance fund. payoff: margin atoms per atom,
    not negative. book: with room for 2 postings per holder and 1. quote: token paid in. hub: venue's account. fund:
    account. Returns the atoms paid to longs.
    """
    paid, taken = 0, 0
    for account in range(book.balance.shape[1]):
        held = book.balance[token, account]
        if held == 0 or account == hub:
            continue
        if held > 0:
            gain = math.floor(held * payoff)
            post(book, token, account, hub, held, event)
            post(book, quote, hub, account, gain, event)
            paid += gain
        else:
            loss = math.ceil(-held * payoff)
            post(book, token, hub, account, -held, event)
            post(book, quote, account, hub, loss, event)
            taken += loss
    if taken >= paid:
        post(book, quote, hub, fund, taken - paid, event)
    else:  # products beyond 2^53 atoms are not exact
        post(book, quote, fund, hub, paid - taken, event)
    return paid
