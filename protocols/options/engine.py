"""What a venue of options does about failing accounts: buy back their shorts, and pass on what they cannot pay."""

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.options.clearing import Batch
from sim.events import HEALTH_UNIT, Kind
from sim.flows import Motive
from sim.intents import ACCOUNT, ACT, AMOUNT, INT_COLUMNS, KEY, MOTIVE, SUBJECT, TOKEN, Act, Intent

if TYPE_CHECKING:
    from protocols.options.exchange import OptionExchange
    from sim.world import World

Ints = NDArray[np.int64]
SLIPPAGE = 1.02
"""Collateral sold over what a debt is worth at the market price; what is left over is margin."""


class MarginBreaches(NamedTuple):
    """Accounts below maintenance with positions at one venue. Arrays have one entry per account."""

    venue: int
    account: Ints
    health: NDArray[np.float64]
    """Equity over maintenance requirement."""
    event: Ints
    """BREACH event of each."""


class Engine:
    """Liquidation and losses of one venue.

    Attributes
    ----------
    losses: (account, event) of everybody who is left owing and has not been dealt with.
    """

    def __init__(self, venue: "OptionExchange", world: "World") -> None:
        self.venue = venue
        self.losses: list[tuple[int, int]] = []
        self._breach = np.zeros(world.accounts.count, np.int64)
        self._below = np.zeros(world.accounts.count, np.bool_)

    def _failing(self, world: "World") -> Ints:
        margin = self.venue.margin_accounts
        return np.intersect1d(margin.breached(), self.venue.book.holders(world))

    def mark(self, world: "World") -> MarginBreaches | None:
        """Mark every account and log new breaches."""
        margin = self.venue.margin_accounts
        margin.evaluate(world)
        failing = self._failing(world)
        new = failing[~self._below[failing]]
        self._below[:] = False
        self._below[failing] = True
        health = margin.equity / np.maximum(margin.maintenance, 1.0)
        if new.size:
            usd = margin.maintenance[new] * float(world.prices.atom_price[margin.token])
            units = np.clip(np.floor(health[new] / HEALTH_UNIT), -(2.0**60), 2.0**60).astype(np.int64)
            self._breach[new] = world.events.add_many(
                new.size, Kind.BREACH, actor=new, protocol=self.venue.index, amount=units, value=usd,
                cause=self._sinking_event(world),
            )  # fmt: skip
        if not failing.size:
            return None
        return MarginBreaches(self.venue.index, failing, health[failing], self._breach[failing])

    def _sinking_event(self, world: "World") -> int:
        """The latest oracle update or price move of an underlying."""
        events = [int(world.prices.last_event[asset]) for asset in self.venue.assets]
        events += [world.oracle(item.oracle).event for item in self.venue.underlyings if item.oracle]
        return max(events)

    def liquidate(self, world: "World") -> bool:
        """Buy back shorts of failing accounts; those left with longs only sell them."""
        failing = self._failing(world)
        if not failing.size or self.venue.paused:
            return False
        ints = self._orders(world, failing)
        if not len(ints):
            return False
        venue, first = self.venue, world.events.count
        fill = Batch(venue, world, venue.supply(world), forced=True).clear(ints, np.zeros((len(ints), 2)), first)
        done = fill.status == 0
        # Events of what found no dealer would say nothing: numbers are those of all rows, so they are logged as void.
        world.events.add_many(
            len(ints),
            np.where(done, Kind.LIQUIDATION, Kind.TX_FAILED),
            actor=venue.account,
            subject=ints[:, ACCOUNT],
            protocol=venue.index,
            token=ints[:, TOKEN],
            amount=np.where(done, ints[:, AMOUNT], 0),
            value=np.where(done, fill.premium, venue.reason(fill.status)),
            cause=self._breach[ints[:, ACCOUNT]],
        )
        if done.any():
            self.collect(world, np.unique(ints[done, ACCOUNT]), first)
        return bool(done.any())

    def _orders(self, world: "World", failing: Ints) -> Ints:
        table = self.venue.table
        held = world.ledger.balance[np.ix_(table.token, failing)].T
        alive = self.venue.years(world)[table.group] > 0.0
        step = self.venue.liquidation_step
        short = np.ceil(np.maximum(-held, 0) * step).astype(np.int64) * alive
        long = np.maximum(held, 0) * alive * ~(held < 0).any(axis=1)[:, None]
        size = short - long
        row, series = np.nonzero(size)
        ints = np.zeros((row.size, INT_COLUMNS), np.int64)
        ints[:, ACCOUNT], ints[:, TOKEN] = failing[row], table.token[series]
        ints[:, ACT] = np.where(size[row, series] > 0, Act.BUY, Act.SELL)
        ints[:, AMOUNT], ints[:, SUBJECT] = np.abs(size[row, series]), -1
        ints[:, MOTIVE] = Motive.LIQUIDATION
        ints[:, KEY] = np.abs(size[row, series])
        return ints

    # Losses ----------------------------------------------------------------------------------------------------------

    def collect(self, world: "World", accounts: Ints, event: int) -> None:
        """Bring accounts without contracts back to margin, and note what they are left owing."""
        margin = self.venue.margin_accounts
        margin.evaluate(world)
        flat = accounts[~margin.open[accounts]]
        if not flat.size:
            return
        margin.realise(world, flat, event)
        known = {account for account, _ in self.losses}
        usd = float(world.prices.atom_price[margin.token])
        for account in flat[world.ledger.balance[margin.quote, flat] < 0].tolist():
            self._use_collateral(world, account, event)
            debt = margin.shortfall(world, account)
            if debt and account not in known and not world.ledger.balance[margin.claims[1:], account].any():
                bad = world.events.add(
                    Kind.BAD_DEBT, account, account, self.venue.index, margin.token, debt, debt * usd, event
                )
                self.losses.append((account, bad))
        margin.evaluate(world)

    def _use_collateral(self, world: "World", account: int, event: int) -> None:
        """Sell as much collateral as pays what an account owes; without a market, the fund takes over what fails."""
        margin, venue, balance = self.venue.margin_accounts, self.venue, world.ledger.balance
        weights = world.prices.atom_price[margin.assets] / world.prices.atom_price[margin.token]
        for asset, claim, weight in zip(margin.assets[1:], margin.claims[1:], weights[1:], strict=True):
            held, debt = int(balance[claim, account]), margin.shortfall(world, account)
            if not held or not debt:
                continue
            if venue.collateral_market is None:
                if margin.equity[account] < 0.0:
                    world.ledger.move(int(claim), account, margin.fund, held, event)
                continue
            sold = min(held, math.ceil(debt / weight * SLIPPAGE))
            market, cash = world.protocol(venue.collateral_market).index, int(balance[margin.token, venue.account])
            seller, motive = np.array([venue.account]), Motive.LIQUIDATION
            sale = Intent(Act.SWAP, market, seller, int(asset), sold, margin.token, motive, cause=event)
            if world.place(venue, [sale]):
                last = world.events.count - 1
                world.ledger.move(int(claim), account, venue.account, sold, last)
                got = int(balance[margin.token, venue.account]) - cash
                world.ledger.move(margin.margin, venue.account, account, got, last)
                margin.realise(world, np.array([account]), last)

    def absorb(self, world: "World") -> bool:
        """Collateral, insurance fund, then everybody with equity; True if something was paid or given up."""
        margin, waiting = self.venue.margin_accounts, self.losses
        self.losses = []
        changed = False
        for account, event in waiting:
            margin.evaluate(world)
            if margin.open[account] or margin.shortfall(world, account) == 0:
                continue
            margin.pay_from_fund(world, account, event)
            margin.socialise(world, account, event)
            margin.lost += margin.shortfall(world, account)
            changed = True
        if changed:
            margin.evaluate(world)
        return changed
