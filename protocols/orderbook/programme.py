"""Agreements between an exchange and its market makers: bonds, obligations, rebates and penalties."""

import math
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np
from annotated_types import Gt, Le
from numpy.typing import NDArray

from sim.errors import ConfigError
from sim.events import Kind
from sim.fields import AssetName, Duration, NonNegative, Positive, ProtocolName
from sim.intents import ACCOUNT, ACT, AMOUNT, CAUSE, TOKEN, Act, Intent
from sim.interfaces import Protocol
from sim.registry import component
from sim.tokens import EXTERNAL, TokenKind

if TYPE_CHECKING:
    from sim.world import World

Ints = NDArray[np.int64]
DONE, WRONG_TOKEN, NO_FUNDS, NO_BOND, NOT_SUPPORTED = range(5)


class Terms(NamedTuple):
    """What is agreed and where everybody stands, as views carry it."""

    venue: int
    """Index of the programme, for intents."""
    asset: int
    bond: int
    """Token of the claim on bonds."""
    max_spread: float
    """Share of the mid price."""
    min_size: int
    """Asset atoms on each side, in this epoch."""
    rebate: float
    penalty: float
    """USD per account and epoch."""
    left: int
    """Ticks of this epoch that are still to be measured."""
    enrolled: NDArray[np.bool_]
    """(accounts,)"""
    owed: Ints
    """(accounts,) how many of the epoch's remaining ticks an account must serve to reach its uptime."""


class Closed(NamedTuple):
    """What an epoch came to, in accounts and in atoms of the numeraire."""

    tick: int
    served: int
    failed: int
    rebates: int
    penalties: int


@component("protocol", "maker_programme")
class MakerProgramme(Protocol):
    """Pay market makers of an order book for staying in it, out of a budget, and fine them if they do not.

    An account enrols by a DEPOSIT of numeraire, its bond, which is a claim `NAME.bond`. At the end of every tick it
    serves its obligation if it has at least the agreed size on both sides, each within half the largest spread of the
    mid. At the end of an epoch those that served their uptime share receive the rebate, as far as the budget reaches;
    from the bond of the others goes the penalty times the missing part of the uptime. Penalties go to the budget, which
    belongs to its sponsor outside the model as the claim `NAME.budget`. A WITHDRAW is paid at the end of the epoch.
    """

    reasons = (
        "done",
        "bonds are in the numeraire",
        "the account does not hold that much",
        "the account has no bond here",
        "the programme does not know this act",
    )
    accepts = (Act.DEPOSIT, Act.WITHDRAW)
    on_chain = False

    venue: ProtocolName
    """The order book."""
    asset: AssetName
    max_spread: Annotated[float, Gt(0.0), Le(1.0)] = 0.004
    """Between an account's bids and asks that count, as a share of the mid price."""
    min_size_usd: Positive = 10_000.0
    """On each side; how much of the asset that is stands fixed at the beginning of an epoch."""
    uptime: Annotated[float, Gt(0.0), Le(1.0)] = 0.9
    """Share of an epoch's ticks in which the obligation must be served."""
    epoch: Duration = Duration(86_400.0)
    rebate_usd: NonNegative = 100.0
    """What an account receives for an epoch that it served."""
    penalty_usd: NonNegative = 1_000.0
    """What an account that did not serve at all loses."""
    budget_usd: NonNegative = 100_000.0
    """What the sponsor puts in at the start."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        return [] if self.epoch > 0.0 else [("epoch", "found 0; an epoch lasts some time")]

    def declare(self, world: "World") -> None:
        """Claims on bonds and on the budget."""
        super().declare(world)
        money = world.tokens.rows[0]
        self._bond, self._purse = (
            world.tokens.declare(f"{self.name}.{what}", TokenKind.CLAIM, money.decimals, self.account, 0).index
            for what in ("bond", "budget")
        )

    def open(self, world: "World") -> None:
        """The sponsor's budget."""
        scale = 10.0 ** world.tokens.rows[0].decimals
        self._rebate, self._penalty = round(self.rebate_usd * scale), round(self.penalty_usd * scale)
        budget, accounts = round(self.budget_usd * scale), world.accounts.count
        world.ledger.move(0, EXTERNAL, self.account, budget, 0)
        world.ledger.move(self._purse, self.account, EXTERNAL, budget, 0)
        self.token = world.tokens[self.asset].index
        self._ticks = max(1, round(self.epoch / world.clock.dt))
        self._met, self._seen, self._notice = (np.zeros(accounts, dtype=np.int64) for _ in range(3))
        self._min_size = self._measured = 0
        self.epochs: list[Closed] = []

    def _market(self, world: "World") -> Any:
        quotes = world.protocol(self.venue).quote(world)
        market = quotes.market(self.token) if hasattr(quotes, "market") else None
        if not hasattr(market, "resting"):
            raise ConfigError(
                f'protocols.{self.name}: "{self.venue}" keeps no order book of {self.asset}; name an order_book with it'
            )
        return market

    def _fix_size(self, world: "World", market: Any) -> None:
        self._min_size = max(1, math.ceil(self.min_size_usd / market.price * world.tokens.scales[self.token]))

    def budget(self, world: "World") -> int:
        """Atoms that are left for rebates."""
        return int(world.ledger.balance[self._purse, EXTERNAL])

    def execute(self, world: "World", ints: Ints, reals: NDArray[np.float64]) -> int:
        """Take bonds and notices, one after the other."""
        done = 0
        for row in ints:
            account, amount = int(row[ACCOUNT]), int(row[AMOUNT])
            status, kind = self._judge(world, row), Kind.TX_FAILED
            if status == DONE:
                kind = Kind.DEPOSIT if row[ACT] == Act.DEPOSIT else Kind.WITHDRAW
                done += 1
            event = world.events.add(
                kind,
                account,
                protocol=self.index,
                token=int(row[TOKEN]),
                amount=amount if status == DONE else 0,
                value=amount * world.prices.atom_price[0] if status == DONE else float(status),
                cause=int(row[CAUSE]),
            )
            if kind == Kind.DEPOSIT:
                world.ledger.move(0, account, self.account, amount, event)
                world.ledger.move(self._bond, self.account, account, amount, event)
            elif kind == Kind.WITHDRAW:
                self._notice[account] = max(int(self._notice[account]), amount)
        return done

    def _judge(self, world: "World", row: Ints) -> int:
        """Status code of an order."""
        account, amount = int(row[ACCOUNT]), int(row[AMOUNT])
        if row[ACT] not in (Act.DEPOSIT, Act.WITHDRAW):
            return NOT_SUPPORTED
        if row[TOKEN] != 0:
            return WRONG_TOKEN
        if row[ACT] == Act.DEPOSIT:
            return DONE if 0 < amount <= world.ledger.balance[0, account] else NO_FUNDS
        return DONE if amount > 0 and world.ledger.balance[self._bond, account] > 0 else NO_BOND

    def settle(self, world: "World") -> None:
        """Measure what rests in the book now; close the epoch at its last tick."""
        market, bonds = self._market(world), world.ledger.balance[self._bond]
        if self._measured == 0:
            self._fix_size(world, market)
        members = np.flatnonzero(bonds > 0)
        if members.size:
            self._seen[members] += 1
            self._met[members] += self._serving(market, members)
        self._measured += 1
        if self._measured == self._ticks:
            self._close(world, members)

    def _serving(self, market: Any, members: NDArray[np.intp]) -> NDArray[np.bool_]:
        """(m,) who has the agreed size within the agreed distance on both sides."""
        lo, hi = int(members[0]), int(members[-1]) + 1
        resting = market.resting(lo, hi)
        near = np.abs(resting.price - market.price) <= 0.5 * self.max_spread * market.price
        sums = [
            np.bincount(resting.row[side], weights=resting.amount[side], minlength=hi - lo)[members - lo]
            for side in (near & resting.bid, near & ~resting.bid)
        ]
        return np.minimum(*sums) >= self._min_size

    def _close(self, world: "World", members: NDArray[np.intp]) -> None:
        """Rebates, penalties, bonds that are taken back; then a new epoch."""
        required = self.uptime * self._seen[members]
        met = self._met[members]
        served = met >= required - 1e-9
        good, bad = members[served], members[~served]
        rebate = min(self._rebate, self.budget(world) // max(good.size, 1))
        self._pay(world, good, np.full(good.size, rebate), self._purse, EXTERNAL)
        missing = 1.0 - met[~served] / required[~served]
        bonds = world.ledger.balance[self._bond]
        fines = np.minimum(np.ceil(missing * self._penalty).astype(np.int64), bonds[bad])
        self._fine(world, bad, fines)
        leaving = np.flatnonzero(self._notice > 0)
        self._pay(world, leaving, np.minimum(self._notice[leaving], bonds[leaving]), self._bond, leaving)
        self.epochs.append(Closed(world.clock.tick, good.size, bad.size, rebate * good.size, int(fines.sum())))
        self._met[:] = self._seen[:] = self._notice[:] = self._measured = 0

    def _pay(self, world: "World", accounts: NDArray[np.intp], amount: Ints, claim: int, holder: Any) -> None:
        """Pay out, one event per account, and take back a claim of as much from its holder."""
        events = self._log(world, Kind.TRANSFER, accounts, amount)
        world.ledger.move(0, self.account, accounts, amount, events)
        world.ledger.move(claim, holder, self.account, amount, events)

    def _fine(self, world: "World", accounts: NDArray[np.intp], amount: Ints) -> None:
        """Turn parts of bonds into budget."""
        events = self._log(world, Kind.FEE, accounts, amount)
        world.ledger.move(self._bond, accounts, self.account, amount, events)
        world.ledger.move(self._purse, self.account, EXTERNAL, amount, events)

    def _log(self, world: "World", kind: Kind, accounts: NDArray[np.intp], amount: Ints) -> Ints:
        value = amount * world.prices.atom_price[0]
        return world.events.add_many(
            accounts.size, kind, self.account, accounts, self.index, 0, amount=amount, value=value
        )

    def unit_value(self, world: "World", token: int, values: NDArray[np.float64]) -> float:
        """Bonds and budget are numeraire that lies here."""
        return float(values[0])

    def quote(self, world: "World") -> Terms:
        """The terms, who is enrolled, and what each still owes in this epoch."""
        market = self._market(world)
        if self._min_size == 0:
            self._fix_size(world, market)
        left = self._ticks - self._measured
        enrolled = world.ledger.balance[self._bond] > 0
        enrolled[self.account] = False
        owed = np.ceil(self.uptime * (self._seen + left) - 1e-9).astype(np.int64) - self._met
        sums = self.rebate_usd, self.penalty_usd
        owed = np.where(enrolled, np.maximum(owed, 0), 0)
        return Terms(self.index, self.token, self._bond, self.max_spread, self._min_size, *sums, left, enrolled, owed)

    def exits(self, world: "World", accounts: Ints, share: float) -> list[Intent]:
        """Give notice of a share of each account's bond."""
        amount = np.ceil(share * world.ledger.balance[self._bond, accounts]).astype(np.int64)
        some = amount > 0
        if not some.any():
            return []
        return [Intent(Act.WITHDRAW, self.index, accounts[some], 0, amount[some], cause=world.shock_event)]
