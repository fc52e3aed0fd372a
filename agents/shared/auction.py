"""Who liquidates what: bidders take lots in turn, each as far as money and capacity allow."""

# mypy: allow-untyped-defs, allow-incomplete-defs

import numpy as np

from sim.jit import inline, kernel


@inline
def _part(flash, money, cash, repay, usd_per_atom, rest_usd):
    """Part of a lot that a bidder can pay; a part must leave enough debt over."""
    if flash:
        return 1.0 if repay <= cash else 0.0
    paid = max(min(money, repay), 0)
    enough = paid == repay or (repay - paid) * usd_per_atom >= rest_usd
    return paid / repay if enough else 0.0


@kernel()
def award(capacity, flash, funds, cash, usd, debt, repay, gross, fixed, rest_usd, private, bidder, lot, part):
    """Let bidders take lots: the first bidder first, its lots in order.

    Parameters
    ----------
    capacity: int64 (b,) lots each bidder can still take. flash: bool (b,) bidders who repay from the pool's cash.
    funds: int64 (b, reserves) atoms of own money, overwritten with what is left.
    cash: int64 (reserves,) atoms in the pool. usd: (reserves,) USD per atom.
    debt: int64 (l,) reserve of each lot's repayment, above 0. repay: int64 (l,) its atoms. gross, fixed: (l,) USD it
        leaves, which must cover its fixed part.
    rest_usd: debt that paying a part leaves over at least. private: whether each lot has only one bidder.
    bidder, lot, part: (k,), overwritten with who takes which part of which lot; k is the sum of the capacities, or the
        number of lots if that is less and private.

    Returns how many are taken.
    """
    taken, count = np.zeros(repay.size, np.bool_), 0
    for b in range(capacity.size):
        room = capacity[b]
        for j in range(repay.size):
            if room == 0:
                break
            r = debt[j]
            share = 0.0 if private and taken[j] else _part(flash[b], funds[b, r], cash[r], repay[j], usd[r], rest_usd)
            if share > 0.0 and share * gross[j] >= fixed[j]:
                bidder[count], lot[count], part[count] = b, j, share
                funds[b, r] -= 0 if flash[b] else min(funds[b, r], repay[j])
                taken[j], count, room = True, count + 1, room - 1
    return count
