"""Closing failing accounts: by market orders, or by handing them over whole to the vault or the insurance fund."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from protocols.perps.contracts import Contract
from protocols.perps.desk import Desk
from protocols.perps.execution import SIZE, STATUS, new_cost
from protocols.shared.depth.kernels import size_for_price
from protocols.shared.margin_kernels import DONE
from sim.events import Kind
from sim.fields import Duration, NonNegative, Share
from sim.flows import Motive
from sim.intents import MOTIVE

if TYPE_CHECKING:
    from sim.world import World

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_WORTHLESS = 1e-300
"""A limit that no price is below."""
_COOL_DOWN = Duration(30.0)


@dataclass(kw_only=True, eq=False)
class PartialLiquidation:
    """Large positions are closed in two steps (Hyperliquid)."""

    above_usd: NonNegative = 100_000.0
    share: Share = 0.2
    """Part that is closed first."""
    cool_down: Duration = _COOL_DOWN
    """Time before the rest is closed, if the account still fails."""


def bankruptcy_limits(contract: Contract, held: Ints, equity: Floats) -> Floats:
    """(n,) USD prices at which closing positions of `held` atoms uses up their part of the accounts' equity.

    equity: (n,) margin atoms that stand behind each position. 0 where any price will do, infinite where none will for a
    long, next to nothing where none will for a short.
    """
    value = contract.value(contract.mark) - equity / held
    if not contract.inverse:
        price = value / contract.unit
        return np.where(price > 0.0, price, np.where(held > 0, 0.0, _WORTHLESS))
    price = np.where(value < 0.0, -contract.unit / np.where(value < 0.0, value, -1.0), np.inf)
    return np.where((held < 0) & np.isinf(price), 0.0, price)


def shares_of_equity(desk: Desk, world: "World", accounts: Ints) -> Floats:
    """(contracts, n) margin atoms of each account's equity behind each of its positions, by maintenance margin."""
    parts = desk.maintenance(world, accounts)
    total = parts.sum(axis=0)
    even = np.where(total > 0.0, parts / np.where(total > 0.0, total, 1.0), 1.0 / len(parts))
    return even * desk.accounts.equity[accounts]


def close(world: "World", desk: Desk, accounts: Ints, limited: bool = True) -> tuple[Ints, bool]:
    """Close accounts by market orders, at no worse than their bankruptcy prices if `limited`.

    Without, they are closed as far as the venue's price band allows; what is left waits until the book has refilled.
    Returns (accounts of which an order did not trade, whether anything traded).
    """
    failed, acted = np.zeros(accounts.size, dtype=np.bool_), False
    behind = shares_of_equity(desk, world, accounts)
    for contract, equity in zip(desk.contracts, behind, strict=True):
        held = world.ledger.balance[contract.token, accounts]
        rows = np.flatnonzero(held != 0)
        if not rows.size:
            continue
        if limited:
            size = _first_step(world, desk, contract, accounts[rows], -held[rows])
            limits = bankruptcy_limits(contract, held[rows], equity[rows])
        else:
            size, limits = _within_band(desk, contract, -held[rows], world.clock.tick), np.zeros(rows.size)
        ok = _trade(world, desk, contract, accounts[rows], size, limits)
        failed[rows[~ok]] = True
        acted |= bool(ok.any())
    return accounts[failed], acted


def _first_step(world: "World", desk: Desk, contract: Contract, accounts: Ints, size: Ints) -> Ints:
    """Sizes to close now: a part of large positions that are closed for the first time."""
    rules = desk.venue.partial_liquidation
    if rules is None:
        return size
    large = (contract.usd(size) > rules.above_usd) & ~desk.partial[accounts]
    if large.any():
        desk.waits[accounts[large]] = world.clock.tick + max(1, math.ceil(rules.cool_down / world.clock.dt - 1e-9))
        part = np.ceil(np.abs(size) * rules.share).astype(np.int64) * np.sign(size)
        size = np.where(large, part, size)
    return size


def _within_band(desk: Desk, contract: Contract, size: Ints, tick: int) -> Ints:
    """Sizes cut, all alike, so that they leave the book within the price band around the index; once per tick."""
    book, net = contract.book, float(size.sum()) / contract.scale
    if not contract.settings.impact or net == 0.0:
        return size
    edge = contract.index * math.exp(math.copysign(desk.venue.price_band, net))
    room = size_for_price(book.x, math.exp(book.anchor), edge, book.depth)
    if room * net <= 0.0 or contract.forced_at == tick:
        return np.zeros_like(size)
    contract.forced_at = tick
    kept = np.floor(np.abs(size) * min(1.0, room / net)).astype(np.int64)
    return kept * np.sign(size)


def _trade(
    world: "World", desk: Desk, contract: Contract, accounts: Ints, size: Ints, limits: Floats
) -> NDArray[np.bool_]:
    ints, reals = desk.order_rows(contract, accounts, size, limits)
    batch = desk.select(world, contract, ints, reals, forced=True)
    ok = batch.out[:, STATUS] == DONE
    events = np.zeros(accounts.size, dtype=np.int64)
    events[ok] = world.events.add_many(
        int(ok.sum()),
        Kind.LIQUIDATION,
        actor=desk.venue.account,
        subject=accounts[ok],
        protocol=desk.venue.index,
        token=contract.token,
        amount=-batch.out[ok, SIZE],
        value=batch.usd[ok],
        cause=desk.breach[accounts[ok]],
    )
    desk.partial[accounts[ok]] |= desk.waits[accounts[ok]] > world.clock.tick
    desk.post(world, contract, batch, events)
    return ok


# ------------------------------------------------------------------------------------------------------------ takeover


def take_over(world: "World", desk: Desk, accounts: Ints, heir: int, kind: Kind) -> tuple[Ints, bool]:
    """Hand accounts over whole, the soundest first, as long as the heir stands above its margin requirement afterwards.

    Returns (accounts that it could not carry, whether any was taken over).
    """
    order = accounts[np.argsort(desk.accounts.equity[accounts], kind="stable")[::-1]]
    left, acted = [], False
    for account in order.tolist():
        if _carries(world, desk, account, heir):
            _inherit(world, desk, account, heir, kind)
            acted = True
            desk.evaluate(world)
        else:
            left.append(account)
    return np.array(sorted(left), dtype=np.int64), acted


def _carries(world: "World", desk: Desk, account: int, heir: int) -> bool:
    both = np.array([account, heir])
    held = [world.ledger.balance[contract.token, both] for contract in desk.contracts]
    needed = 0.0
    for contract, pair in zip(desk.contracts, held, strict=True):
        row, part = np.array([int(pair.sum())]), np.zeros(1)
        desk.require_of(contract, row, part)
        needed += float(part[0])
    equity = float(desk.accounts.equity[both].sum())
    return equity > 0.0 and float(desk.accounts.equity[heir]) > 0.0 and equity >= needed


def _inherit(world: "World", desk: Desk, account: int, heir: int, kind: Kind) -> None:
    """Move everything on a margin account to the heir; its positions are carried at the mark from there on."""
    ledger, accounts = world.ledger, desk.accounts
    usd = float(sum(contract.usd(int(ledger.balance[contract.token, account])) for contract in desk.contracts))
    equity = int(accounts.equity[account])
    cause = int(desk.breach[account])
    event = world.events.add(kind, heir, account, desk.venue.index, accounts.token, equity, usd, cause)
    for contract in desk.contracts:
        held = int(ledger.balance[contract.token, account])
        if held:
            worth = round(held * contract.value(contract.mark))
            before = int(ledger.balance[contract.token, heir])
            contract.cost[heir] = new_cost(int(contract.cost[heir]), before, held, worth)
            contract.cost[account] = 0
            _give(world, contract.token, account, heir, held, event)
    settled = int(ledger.balance[accounts.quote, account])
    desk.cash[account] -= settled
    desk.cash[heir] += settled
    for token in accounts.tokens:
        _give(world, token, account, heir, int(ledger.balance[token, account]), event)


def _give(world: "World", token: int, src: int, dst: int, amount: int, event: int) -> None:
    """Move a balance of either sign."""
    if amount:
        world.ledger.move(token, *((src, dst) if amount > 0 else (dst, src)), abs(amount), event)


# -------------------------------------------------------------------------------------------------------------- unwind


def unwind(world: "World", desk: Desk, account: int, share: float) -> bool:
    """Sell a part of what the vault or the fund has taken over in the market, free of fees; True if it traded."""
    acted = False
    for contract in desk.contracts:
        held = int(world.ledger.balance[contract.token, account])
        size = -int(math.copysign(math.ceil(abs(held) * share), held)) if held else 0
        if not size or contract.settled:
            continue
        who = np.array([account])
        ints, reals = desk.order_rows(contract, who, np.array([size]), np.zeros(1))
        ints[:, MOTIVE] = Motive.UNWIND
        batch = desk.select(world, contract, ints, reals, forced=True)
        batch = batch._replace(terms=batch.terms._replace(fee=0.0))
        event = world.events.add(
            Kind.TRADE, account, -1, desk.venue.index, contract.token, int(batch.out[0, SIZE]), float(batch.usd[0]),
            int(desk.breach[account]),
        )  # fmt: skip
        desk.post(world, contract, batch, np.array([event]))
        acted = True
    return acted
