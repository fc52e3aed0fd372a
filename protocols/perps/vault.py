"""The backstop vault: takes over failing accounts with money that the holders of its shares have put up.

It trades on the venue's own ledger account, whose assets less liabilities are therefore the vault's equity. Modelled on
Hyperliquid's HLP: shares are bought and returned at their fair value, and locked for some days after a purchase.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from protocols.perps.execution import EMPTY, LOCKED, NEEDED, NO_BACKSTOP
from protocols.shared.margin_kernels import DONE, NO_CASH, NO_FUNDS, WRONG_TOKEN
from sim.events import Kind
from sim.fields import Duration, NonNegative, Share
from sim.intents import ACCOUNT, ACT, ALL, AMOUNT, CAUSE, TOKEN, TOKEN2, Act
from sim.ledger import POSTED
from sim.tokens import EXTERNAL, TokenKind

if TYPE_CHECKING:
    from protocols.perps.desk import Desk
    from protocols.perps.venue import Perpetuals
    from sim.world import World

_LOCK = Duration(4 * 86_400.0)


@dataclass(kw_only=True, eq=False)
class BackstopSettings:
    """Terms of the backstop vault."""

    threshold: Share = 2.0 / 3.0
    """Accounts whose equity is below this part of their maintenance margin go to the vault instead of the market."""
    capital: NonNegative = 0.0
    """Whole margin tokens that holders outside the model have put up."""
    lock: Duration = _LOCK
    """Time after a purchase during which an account's shares cannot be returned."""


class Vault:
    """The venue's own account and the claims on it.

    Attributes
    ----------
    shares: token of the shares; -1 without a backstop. locked: int64 (accounts,) first tick at which shares are free.
    """

    def __init__(self, venue: "Perpetuals") -> None:
        self.venue, self.settings, self.shares = venue, venue.backstop, -1

    def declare(self, world: "World", margin: int) -> None:
        """Declare the shares, if there is a backstop. margin: token of the margin asset."""
        self.token = margin
        if self.settings is not None:
            decimals = world.tokens.rows[margin].decimals
            name = f"{self.venue.name}.backstop"
            self.shares = world.tokens.declare(name, TokenKind.CLAIM, decimals, self.venue.account).index

    def open(self, world: "World") -> None:
        """Take in the first capital."""
        self.locked = np.zeros(world.accounts.count, dtype=np.int64)
        if self.settings is not None:
            capital = round(self.settings.capital * 10.0 ** world.tokens.rows[self.token].decimals)
            world.ledger.move(self.token, EXTERNAL, self.venue.account, capital, 0)
            world.ledger.move(self.shares, self.venue.account, EXTERNAL, capital, 0)

    def equity(self, world: "World", desk: "Desk | None" = None) -> float:
        """Margin atoms of the venue's assets less what it owes on margin accounts; of all desks together.

        desk: the one whose weights of other collateral count; the first if None.
        """
        balance, own = world.ledger.balance, self.venue.account
        desk = desk or self.venue.desks[0]
        total = int(balance[self.token, own])
        other = balance[desk.accounts.assets, own].astype(np.float64)
        for each in self.venue.desks:
            accounts = each.accounts
            total += int(balance[accounts.margin, own]) + int(balance[accounts.quote, own])
            other += balance[accounts.claims, own]
        value = float(other[1:] @ desk.accounts.weights(world)[1:])
        for each in self.venue.desks:
            for contract in each.contracts:
                value += float(balance[contract.token, own]) * contract.value(contract.mark)
        return float(total + value)

    def share_value(self, world: "World") -> float:
        """Margin atoms that one atom of the shares is worth; 1 before there are any."""
        supply = -int(world.ledger.balance[self.shares, self.venue.account])
        return max(self.equity(world), 0.0) / supply if supply > 0 else 1.0

    def loss(self, world: "World") -> float:
        """USD by which its shares stand below par."""
        supply = -int(world.ledger.balance[self.shares, self.venue.account])
        below = max(0.0, 1.0 - self.share_value(world)) * max(supply, 0)
        return below * float(world.prices.atom_price[self.token])

    # Orders ----------------------------------------------------------------------------------------------------------

    def execute(self, world: "World", ints: NDArray[np.int64]) -> int:
        """Issue and take back shares, row by row; logs one event per row."""
        return sum(self._row(world, row) for row in ints)

    def _row(self, world: "World", row: NDArray[np.int64]) -> int:
        event, done = world.events.count, False
        mints = row[ACT] == Act.MINT
        status, amount = (self._mint if mints else self._redeem)(world, row, event)
        done = status == DONE
        kind = (Kind.MINT if mints else Kind.REDEEM) if done else Kind.TX_FAILED
        usd = amount * float(world.prices.atom_price[self.token])
        world.events.add(
            kind, int(row[ACCOUNT]), -1, self.venue.index, int(row[TOKEN]), amount, usd if done else float(status),
            int(row[CAUSE]),
        )  # fmt: skip
        return int(done)

    def _mint(self, world: "World", row: NDArray[np.int64], event: int) -> tuple[int, int]:
        account, amount = int(row[ACCOUNT]), int(row[AMOUNT])
        if self.settings is None:
            return NO_BACKSTOP, 0
        if row[TOKEN] != self.token or row[TOKEN2] != self.shares:
            return WRONG_TOKEN, 0
        if amount <= 0:
            return EMPTY, 0
        value = self.share_value(world)
        if value <= 0.0:
            return NEEDED, 0
        shares = int(min(math.floor(amount / value), ALL))
        own, ledger = self.venue.account, world.ledger
        if amount > int(ledger.balance[self.token, account]) or shares <= 0:
            return NO_FUNDS, 0
        if ledger.attempt(self.shares, own, account, shares, event)[0] != POSTED:
            return NO_FUNDS, 0
        ledger.move(self.token, account, own, amount, event)
        lock = math.ceil(self.settings.lock / world.clock.dt - 1e-9)
        self.locked[account] = max(world.clock.tick, 0) + lock if not world.opening else 0
        return DONE, amount

    def _redeem(self, world: "World", row: NDArray[np.int64], event: int) -> tuple[int, int]:
        account, own = int(row[ACCOUNT]), self.venue.account
        if self.settings is None:
            return NO_BACKSTOP, 0
        if row[TOKEN] != self.shares:
            return WRONG_TOKEN, 0
        held = int(world.ledger.balance[self.shares, account])
        amount = held if row[AMOUNT] >= ALL else int(row[AMOUNT])
        if amount <= 0 or amount > held:
            return (EMPTY if amount <= 0 and row[AMOUNT] < ALL else NO_FUNDS), 0
        if self.locked[account] > world.clock.tick:
            return LOCKED, 0
        paid = math.floor(amount * self.share_value(world))
        if self.equity(world) - paid < self.required(world):
            return NEEDED, 0
        if paid > int(world.ledger.balance[self.token, own]):
            return NO_CASH, 0
        world.ledger.move(self.shares, account, own, amount, event)
        world.ledger.move(self.token, own, account, paid, event)
        return DONE, amount

    def required(self, world: "World") -> float:
        """Initial margin of the vault's positions, in margin atoms."""
        return sum(float(desk.accounts.initial[self.venue.account]) for desk in self.venue.desks)
