"""The next step of accounts that look after a loan: what each sends now, told from its loan and its wallet.

A way leads through the wallet: an entry brings its first token in, swaps lead along the path between collateral and
debt, an exit takes the last token out. An account sends the step furthest along its way that its wallet allows, so
whatever was liquidated, failed or moved in between, the next step is the right one.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.shared.reactions import NEVER
from agents.shared.wallets import spendable
from sim.jit import inline, kernel

IGNORE, TOP_UP, DELEVERAGE, EXPAND = range(4)
"""Ways. TOP_UP deposits spare collateral. DELEVERAGE repays from spare cash, then withdraws collateral, sells it and
repays. EXPAND borrows, buys and deposits."""
PLACES = 8
"""A step is PLACES * way + place: place 0 is the entry, 1 the first token of the way. 0 is no step."""
_NOWHERE = -1
_ROOM = 0.999
"""Part of the borrowing limit that is used, so that a price move before execution does not refuse the loan."""
_MOST = 2.0**61


class Holders(NamedTuple):
    """Account state, arrays of one entry per account; `watch`, `due`, `sent` and `expanding` change."""

    response: NDArray[np.int8]
    """What the account does when alarmed: a way."""
    alarm_at: NDArray[np.float64]
    goal: NDArray[np.float64]
    opening: NDArray[np.float64]
    """Health that expanding goes back to."""
    watch: NDArray[np.float64]
    delay: NDArray[np.int64]
    due: NDArray[np.int64]
    sent: NDArray[np.int8]
    expanding: NDArray[np.bool_]


class Terms(NamedTuple):
    """What holds for all accounts in one tick."""

    tick: int
    patience: int
    receipt: int
    """Ledger row of the collateral's receipts."""
    debt: int
    """Ledger row of the debt."""
    backing: float
    """USD per atom of receipt."""
    owing: float
    """USD per atom of debt."""
    threshold: float
    ltv: float
    kept: float
    """Part of a sale that the venue does not keep, all swaps of the way together."""
    floor: float
    least_usd: float


@inline
def _atoms(usd, usd_per_atom):
    return np.int64(np.ceil(min(usd * (1.0 / usd_per_atom), _MOST)))


@inline
def _furthest(row, purse, terms, path, usd, first, stride, places, need, entry):
    """(place, atoms) of the step that a wallet allows; _NOWHERE if there is none.

    first, stride, places: where the way starts on the path, its direction and its number of tokens.
    need: USD wanted at the end of the way. entry: USD to bring in where the wallet is empty.
    """
    for place in range(places, 0, -1):
        p = first + (place - 1) * stride
        held = spendable(purse, path[p], row)
        if held >= max(1.0, terms.least_usd / usd[p]):
            wanted = need if place == places else need / terms.kept
            return place, min(held, _atoms(wanted, usd[p]))
    brought = _atoms(entry, usd[first]) - 1
    if entry >= terms.least_usd and brought > 0:
        return 0, brought
    return _NOWHERE, np.int64(0)


@inline
def _choose(row, purse, holders, terms, path, usd, collateral, debt, missing):
    """(way, place, atoms) of the next step of an account that is not content."""
    goal, last = holders.goal[row], path.size - 1
    if holders.expanding[row]:
        # (C + b) LT = opening health (D + b)
        opening = holders.opening[row]
        loan = (terms.threshold * collateral - opening * debt) / (opening - terms.threshold)
        entry = min(loan, _ROOM * terms.ltv * collateral - debt)
        place, atoms = _furthest(row, purse, terms, path, usd, last, -1, path.size, np.inf, entry)
        return EXPAND, place, atoms
    if holders.response[row] == TOP_UP:
        need = missing * goal / terms.threshold
        place, atoms = _furthest(row, purse, terms, path, usd, 0, 1, 1, need, 0.0)
        return TOP_UP, place, atoms
    # Selling x of collateral of which the part k is kept brings the goal when (C - x) LT = goal (D - k x).
    sale = (goal * debt - terms.threshold * collateral) / max(goal * terms.kept - terms.threshold, 1e-9)
    free = debt * (collateral * terms.threshold / debt - terms.floor) / terms.threshold
    place, atoms = _furthest(row, purse, terms, path, usd, 0, 1, path.size, missing, min(sale, free))
    return DELEVERAGE, place, atoms


@inline
def _takes_turn(row, holders, tick):
    """Whether an alarmed account acts now; the delay of a new alarm starts."""
    if holders.sent[row] == 0 and holders.due[row] < tick:
        holders.due[row] = tick + holders.delay[row]
    return holders.sent[row] != 0 or holders.due[row] == tick


@inline
def _calm(row, holders):
    holders.watch[row], holders.due[row], holders.sent[row] = holders.alarm_at[row], NEVER, 0


@inline
def _wait(row, holders, terms):
    """Look again at the next multiple of the patience, so that such accounts are looked at together."""
    holders.due[row] = (terms.tick // terms.patience + 1) * terms.patience
    holders.sent[row] = 0


@inline
def _record(row, holders, terms, way, place):
    """Note what becomes of a chosen step; the step that is sent, or 0."""
    if place == _NOWHERE:
        # A wallet without anything to top up with stays empty: never look again.
        holders.watch[row] = -np.inf if way == TOP_UP else holders.alarm_at[row]
        holders.expanding[row] = False
        _wait(row, holders, terms)
        return 0
    step = PLACES * way + place
    if step == holders.sent[row]:  # the same step again: the transaction had no effect
        _wait(row, holders, terms)
        return 0
    holders.watch[row], holders.sent[row] = np.inf, step
    return step


@kernel()
def next_steps(rows, purse, holders, terms, path, usd, step, amount):
    """Choose and record the next step of accounts that are alarmed or under way, with no transaction waiting.

    Parameters
    ----------
    rows: int64 (m,), ascending. purse: Wallets. holders: Holders. terms: Terms.
    path: int64 (k,) ledger rows of the tokens between collateral and debt. usd: (k,) USD per atom of each.
    step: int64 (m,), overwritten with the step each sends, 0 for none. amount: int64 (m,), with its atoms.
    """
    for j in range(rows.size):
        row = rows[j]
        step[j], amount[j] = 0, 0
        if not _takes_turn(row, holders, terms.tick):
            continue
        collateral = np.float64(purse.balances[terms.receipt, row]) * terms.backing
        debt = max(np.float64(-purse.balances[terms.debt, row]) * terms.owing, 1e-12)
        health = collateral * terms.threshold / debt
        if holders.expanding[row] and health < holders.alarm_at[row]:
            holders.expanding[row], holders.sent[row] = False, 0
        missing = debt * (1.0 - health / holders.goal[row])
        if missing <= terms.least_usd and not holders.expanding[row]:
            _calm(row, holders)
            continue
        way, place, atoms = _choose(row, purse, holders, terms, path, usd, collateral, debt, missing)
        step[j] = _record(row, holders, terms, way, place)
        if step[j] != 0:
            amount[j] = atoms
