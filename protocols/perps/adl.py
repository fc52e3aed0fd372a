"""Auto-deleveraging: a failing account's positions are closed against opposing ones, chosen by a rule, at its
bankruptcy price, so that nothing of its equity is left and nothing is owed."""

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.perps.contracts import Contract
from protocols.perps.deleveraging import allocate
from protocols.perps.desk import Desk
from protocols.perps.liquidation import shares_of_equity
from protocols.perps.prices import bitmex_score, hyperliquid_score
from sim.events import Kind
from sim.tokens import EXTERNAL

if TYPE_CHECKING:
    from sim.world import World

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Score = Literal["bitmex", "hyperliquid"]
_MOST_LEVERAGE = 1e12


class Close(NamedTuple):
    """One position to be closed: `held` atoms of a contract for `cash` margin atoms that its holder receives."""

    contract: Contract
    account: int
    held: int
    cash: int
    cause: int


def deleverage(world: "World", desk: Desk, account: int, cause: int) -> bool:
    """Close all of an account's positions against others; True if nothing is left open.

    Equity and requirements must be up to date. cause: event that the DELEVERAGE events name.
    """
    _seize_collateral(world, desk, account, cause)
    lacking = -float(desk.accounts.equity[account])
    closes = _closes(world, desk, account, cause)
    done = [_close(world, desk, each) for each in closes]
    if closes:
        desk.square(world, np.array([account]), world.events.count - 1)
        if all(done):
            desk.venue.pass_on(lacking * float(world.prices.atom_price[desk.accounts.token]), "deleveraged")
    return all(done)


def settled(world: "World", desk: Desk, account: int) -> int:
    """Margin atoms that an account has apart from its contracts; for the venue's own, of the vault."""
    if account == desk.venue.account:
        return round(desk.venue.vault.equity(world, desk) - open_value(world, desk, account))
    balance = world.ledger.balance
    return int(balance[desk.accounts.margin, account]) + int(balance[desk.accounts.quote, account])


def open_value(world: "World", desk: Desk, account: int) -> float:
    """Margin atoms that an account's contracts are worth at the mark."""
    row = world.ledger.balance[:, account]
    return float(sum(float(row[contract.token]) * contract.value(contract.mark) for contract in desk.contracts))


def _seize_collateral(world: "World", desk: Desk, account: int, cause: int) -> None:
    """Sell other collateral; what cannot be sold goes to the insurance fund, so that margin alone stands behind."""
    accounts, venue = desk.accounts, desk.venue
    if account == venue.account or not world.ledger.balance[accounts.claims[1:], account].any():
        return
    if venue.collateral_market is not None:
        accounts.sell_collateral(world, account, world.protocol(venue.collateral_market).index, cause)
    for claim in accounts.claims[1:].tolist():
        held = int(world.ledger.balance[claim, account])
        if held and account != accounts.fund:
            world.ledger.move(claim, account, accounts.fund, held, cause)
    desk.evaluate(world)


def _closes(world: "World", desk: Desk, account: int, cause: int) -> list[Close]:
    """The account's positions with the cash each brings at its bankruptcy price; all together leave exactly nothing."""
    row = world.ledger.balance[:, account]
    behind = shares_of_equity(desk, world, np.array([account]))[:, 0]
    open_ = [(c, float(part)) for c, part in zip(desk.contracts, behind, strict=True) if row[c.token] != 0]
    due = -settled(world, desk, account)
    closes = []
    for number, (contract, part) in enumerate(open_):
        held = int(row[contract.token])
        last = number == len(open_) - 1
        cash = due if last else round(held * contract.value(contract.mark) - part)
        due -= cash
        closes.append(Close(contract, account, held, cash, cause))
    return closes


def _close(world: "World", desk: Desk, close: Close) -> bool:
    row = world.ledger.balance[close.contract.token]
    opposing = np.flatnonzero((row < 0) if close.held > 0 else (row > 0))
    opposing = opposing[(opposing != EXTERNAL) & (opposing != close.account)]
    taken = _allocate(world, desk, close, opposing) if opposing.size else np.empty(0, np.int64)
    missing = abs(close.held) - int(taken.sum())
    outside = max(0, -int(row[EXTERNAL]) * (1 if close.held > 0 else -1))
    if missing and desk.venue.outside_deleveraged and outside:
        opposing, taken = np.append(opposing, EXTERNAL), np.append(taken, min(missing, outside))
    some = taken > 0
    if some.any():
        _settle(world, desk, close, opposing[some], taken[some])
    return int(taken.sum()) == abs(close.held)


def _allocate(world: "World", desk: Desk, close: Close, opposing: Ints) -> Ints:
    venue = desk.venue
    row = world.ledger.balance[close.contract.token, opposing]
    keys = venue.keys(world)[opposing]
    start = int(keys[int(venue.draw(world) * keys.size)]) if venue.adl_rule == "random_start" else 0
    score = scores(world, desk, close.contract, opposing)
    return allocate(venue.adl_rule, abs(close.held), np.abs(row), score, keys, venue.adl_cap, start)


def scores(world: "World", desk: Desk, contract: Contract, accounts: Ints) -> Floats:
    """(n,) rank of open positions: by the venue's score for the queue, else their leverage."""
    venue = desk.venue
    held = world.ledger.balance[contract.token, accounts].astype(np.float64)
    value = held * contract.value(contract.mark)
    equity = desk.accounts.equity[accounts]
    leverage = np.minimum(np.abs(value) / np.maximum(equity, np.abs(value) / _MOST_LEVERAGE), _MOST_LEVERAGE)
    if venue.adl_rule != "queue":
        return leverage
    cost = contract.cost[accounts].astype(np.float64)
    if venue.adl_score == "bitmex":
        return bitmex_score((value - cost) / np.maximum(np.abs(cost), 1.0), leverage)
    entry = np.clip(contract.price_of(cost / held), contract.mark * 1e-6, contract.mark * 1e6)
    dollars = equity * contract.mark / abs(contract.value(contract.mark)) / contract.scale
    return hyperliquid_score(held / contract.scale, entry, contract.mark, dollars)


def _settle(world: "World", desk: Desk, close: Close, accounts: Ints, taken: Ints) -> None:
    """Move `taken` atoms from the account to each counterparty, and the cash they bring the other way.

    The account's side is logged as its liquidation, which the others' DELEVERAGE events name as their cause.
    """
    ledger, contract, size = world.ledger, close.contract, int(taken.sum())
    cash = close.cash if size == abs(close.held) else close.cash * size // abs(close.held)
    paid = _split(cash, taken)
    forced = world.events.add(
        Kind.LIQUIDATION,
        actor=desk.venue.account,
        subject=close.account,
        protocol=desk.venue.index,
        token=contract.token,
        amount=size if close.held > 0 else -size,
        value=float(contract.usd(size)),
        cause=close.cause,
    )
    events = world.events.add_many(
        accounts.size,
        Kind.DELEVERAGE,
        actor=close.account,
        subject=accounts,
        protocol=desk.venue.index,
        token=contract.token,
        amount=taken,
        value=contract.usd(taken),
        cause=forced,
    )
    before = ledger.balance[contract.token, accounts]
    contract.cost[accounts] -= np.rint(contract.cost[accounts] * (taken / np.abs(before))).astype(np.int64)
    contract.cost[close.account] -= round(int(contract.cost[close.account]) * (size / abs(close.held)))
    here = np.full(accounts.size, close.account)
    moves = ((contract.token, taken, close.held > 0), (desk.accounts.quote, np.abs(paid), cash < 0))
    for token, amount, gives in moves:
        src, dst = (here, accounts) if gives else (accounts, here)
        ledger.move(token, src, dst, amount, events)
    desk.cash[accounts] -= paid
    desk.cash[close.account] += cash
    inside = accounts[accounts != EXTERNAL]
    desk.square(world, inside, int(events[-1]))


def _split(cash: int, taken: Ints) -> Ints:
    """Cash in proportion to what is taken, exact in total."""
    size, running, paid, so_far = int(taken.sum()), 0, [], 0
    for part in taken.tolist():
        running += part
        upto = cash * running // size
        paid.append(upto - so_far)
        so_far = upto
    return np.array(paid, dtype=np.int64)
