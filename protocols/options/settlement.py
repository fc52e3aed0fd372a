"""Expiry: options are exercised against the mean index of the last half hour, and their slots are listed anew."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from protocols.options.kernels import run_expiry
from sim.events import Kind
from sim.tokens import EXTERNAL

if TYPE_CHECKING:
    from protocols.options.exchange import OptionExchange
    from sim.world import World

Floats = NDArray[np.float64]
OUTSIDE_EVERY = 86_400.0
"""Seconds between settlements with the outside world."""


class Settlement:
    """Cash settlement of one venue."""

    def __init__(self, venue: "OptionExchange", world: "World") -> None:
        self.venue = venue
        self.index = np.zeros((world.clock.ticks + 1, len(venue.underlyings)))
        self.window = max(1, round(venue.settlement_window / world.clock.dt))
        self.daily = max(1, round(OUTSIDE_EVERY / world.clock.dt))

    def price(self, tick: int) -> Floats:
        """(underlyings,) mean index of the window that ends at a tick."""
        return self.index[max(0, tick + 1 - self.window) : tick + 1].mean(axis=0)

    def settle(self, world: "World") -> None:
        """Note the index; settle and relist what expires; daily, square up with the outside world."""
        venue, tick = self.venue, world.clock.tick
        self.index[tick] = venue.index_prices(world)
        due = np.flatnonzero(venue.table.expiry == tick)
        if due.size:
            venue.refresh(world)
            price = self.price(tick)
            holders, first = venue.book.holders(world), world.events.count
            for group in due.tolist():
                self._expire(world, group, float(price[venue.table.owner[group]]))
            self._relist(world, due)
            if holders.size:
                venue.engine.collect(world, holders, first)
            venue.refresh(world)
        if due.size or tick % self.daily == 0:
            self._square(world)

    def _expire(self, world: "World", group: int, price: float) -> None:
        venue, table, margin = self.venue, self.venue.table, self.venue.margin_accounts
        number = int(table.owner[group])
        members = table.members(group)
        gain = np.where(table.is_call[members], price - table.strike[members], table.strike[members] - price)
        unit = float(venue.units(world)[number])
        if venue.in_coins[number]:  # coins are worth the settlement price
            unit *= venue.surfaces[number].spot / price
        payoff = np.maximum(gain, 0.0) * unit / table.scale[members]
        for series, amount in zip(range(members.start, members.stop), payoff.tolist(), strict=True):
            token, event = int(table.token[series]), world.events.count
            book = world.ledger.book(2 * int(np.count_nonzero(world.ledger.balance[token])) + 1)
            paid = run_expiry(book, token, amount, margin.quote, venue.account, margin.fund, event)
            world.events.add(
                Kind.EXPIRY, venue.account, -1, venue.index, token, round(price * world.prices.scales[0]),
                paid * float(world.prices.atom_price[margin.token]),
            )  # fmt: skip

    def _relist(self, world: "World", due: NDArray[np.int64]) -> None:
        table = self.venue.table
        for group in due.tolist():
            siblings = table.groups_of(int(table.owner[group]))
            self.venue.relist(world, group, int(table.moment[siblings].max()) + 1)

    def _square(self, world: "World") -> None:
        """Settle with the outside world, and bring the treasury's fees to margin."""
        venue, margin = self.venue, self.venue.margin_accounts
        balance = world.ledger.balance
        outside = balance[margin.quote, EXTERNAL] or balance[venue.table.token, EXTERNAL].any()
        if outside and venue.clearing is None:
            margin.settle_outside(world)
        if world.ledger.balance[margin.quote, venue.treasury] > 0:
            event = world.events.add(
                Kind.FEE, venue.treasury, venue.treasury, venue.index, margin.token,
                int(world.ledger.balance[margin.quote, venue.treasury]),
            )  # fmt: skip
            margin.realise(world, np.array([venue.treasury]), event)
