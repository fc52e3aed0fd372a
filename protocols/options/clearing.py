"""One batch of orders for options, cleared together: legs, prices at one average volatility, limits, capacity, margin.

Orders are only ever taken out of a batch, never put back: those beyond their limit, those for which dealers have no
capacity, and of an account that could not margin all of its orders the last ones. What is left trades at one price.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.options.dealers import Supply, shares
from protocols.options.kernels import run_legs
from protocols.options.structures import resolve
from sim.intents import ACCOUNT, ACT, AMOUNT, KEY, LIMIT, SUBJECT, TOKEN, Act, Flag
from sim.tokens import EXTERNAL

if TYPE_CHECKING:
    from protocols.options.exchange import OptionExchange
    from sim.world import World

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
DONE, NOT_LISTED, EXPIRED, BAD_AMOUNT, BAD_STRUCTURE, BEYOND_LIMIT, NO_DEALER, NO_MARGIN, CLOSED_OUT = range(9)
STATUS_TEXT = (
    "the venue lists no such series",
    "the series is being settled",
    "the amount is not above zero, or too large",
    "the venue has no such structure, or its legs are not listed apart in this expiry",
    "the price is worse than the order's limit",
    "no dealer stands ready for so much",
    "the account's margin does not suffice",
    "there is no position to reduce",
)
MOST = 2**50
"""Largest order, in atoms."""


class Legs(NamedTuple):
    """Legs of a batch. order, series: int64 (m,). size: int64 (m,) atoms, below zero sold."""

    order: Ints
    series: Ints
    size: Ints


class Fill(NamedTuple):
    """A cleared batch. status: (n,) per order. premium: (n,) USD traded. legs: of the orders that were done."""

    status: Ints
    premium: Floats
    legs: Legs


class Batch:
    """Orders of one batch. forced: liquidations, which know neither limits nor margin."""

    def __init__(self, venue: "OptionExchange", world: "World", supply: Supply, forced: bool = False) -> None:
        self.venue, self.world, self.supply, self.forced = venue, world, supply, forced
        self.table = venue.table
        self.years = venue.years(world)

    def legs_of(self, ints: Ints) -> tuple[Ints, Legs]:
        """Status of each row, and the legs of those that can be read."""
        n, table = len(ints), self.table
        status = np.zeros(n, np.int64)
        number = self.venue.lookup[ints[:, TOKEN]]
        side = np.where(ints[:, ACT] == Act.BUY, 1, -1)
        amount, subject = ints[:, AMOUNT].copy(), ints[:, SUBJECT]
        status[(amount <= 0) | (amount > MOST)] = BAD_AMOUNT
        status[number < 0] = NOT_LISTED
        live = number >= 0
        live[live] = self.years[table.group[number[live]]] > 0.0
        status[(number >= 0) & ~live] = EXPIRED
        if not self.forced:
            self._reduce(ints, number, side, amount, status)
        order, series, size = [], [], []
        plain = np.flatnonzero((status == DONE) & (subject < 0))
        order.append(plain)
        series.append(number[plain])
        size.append(side[plain] * amount[plain])
        for row in np.flatnonzero((status == DONE) & (subject >= 0)).tolist():
            found = self._structure(int(subject[row]), int(number[row]))
            if found is None:
                status[row] = BAD_STRUCTURE
                continue
            order.append(np.full(found[0].size, row))
            series.append(found[0])
            size.append(found[1] * int(side[row] * amount[row]))
        return status, Legs(np.concatenate(order), np.concatenate(series), np.concatenate(size))

    def _reduce(self, ints: Ints, number: Ints, side: Ints, amount: Ints, status: Ints) -> None:
        """Cut orders that may only reduce to what is left of the position."""
        left: dict[tuple[int, int], int] = {}
        for row in np.flatnonzero((status == DONE) & (ints[:, SUBJECT] == Flag.REDUCE_ONLY)).tolist():
            place = int(ints[row, ACCOUNT]), int(self.table.token[number[row]])
            held = left.setdefault(place, int(self.world.ledger.balance[place[1], place[0]]))
            cut = min(int(amount[row]), max(-held * int(side[row]), 0))
            left[place] += cut * int(side[row])
            amount[row] = cut
            status[row] = DONE if cut else CLOSED_OUT

    def _structure(self, number: int, series: int) -> tuple[Ints, Ints] | None:
        if number >= len(self.venue.structures):
            return None
        return resolve(self.table, self.venue.structures[number], series)

    # Prices ----------------------------------------------------------------------------------------------------------

    def net(self, legs: Legs) -> Ints:
        """(series,) atoms that customers buy net."""
        out = np.zeros(len(self.table), np.int64)
        np.add.at(out, legs.series, legs.size)
        return out

    def push(self, net: Ints) -> Floats:
        """(2, groups) vega and tilt that a net flow adds to what customers hold."""
        table = self.table
        vega = net / table.scale * table.greeks[:, 2]
        rows = (vega, vega * table.moneyness(self.years))
        return np.stack([np.bincount(table.group, row, minlength=table.owner.size) for row in rows])

    def prices(self, net: Ints) -> tuple[Floats, Floats]:
        """(series,) USD at which customers sell and buy, at the volatility half way through the net flow."""
        pressed = self.venue.pressure() + 0.5 * self.push(net)
        middle = self.table.volatilities(self.venue.surfaces, self.years, pressed)
        half = self.supply.half_spread
        return tuple(self.table.price(np.maximum(middle + s * half, 0.0), self.years)[:, 0] for s in (-1.0, 1.0))  # type: ignore[return-value]

    # Clearing --------------------------------------------------------------------------------------------------------

    def clear(self, ints: Ints, reals: Floats, event: int) -> Fill:
        """Clear rows of BUY and SELL; row i posts for event `event` + i."""
        status, legs = self.legs_of(ints)
        while legs.order.size:
            net = self.net(legs)
            bid, ask = self.prices(net)
            price = np.where(legs.size > 0, ask[legs.series], bid[legs.series])
            for test in (self._beyond_limit, self._beyond_capacity, self._beyond_margin):
                rows, reason = test(ints, reals, legs, price, net)
                if rows.size:
                    break
            if not rows.size:
                break
            status[rows] = reason
            kept = ~np.isin(legs.order, rows)
            legs = Legs(*(column[kept] for column in legs))
        premium = np.zeros(len(ints))
        if legs.order.size:
            whole = np.abs(legs.size) / self.table.scale[legs.series]
            np.add.at(premium, legs.order, whole * price)
            self._post(ints, legs, price, event)
            self.venue.press(self.push(net))
        return Fill(status, premium, legs)

    def _beyond_limit(self, ints: Ints, reals: Floats, legs: Legs, price: Floats, net: Ints) -> tuple[Ints, int]:
        if self.forced:
            return legs.order[:0], BEYOND_LIMIT
        limit, buys = reals[:, LIMIT], ints[:, ACT] == Act.BUY
        signed = np.bincount(legs.order, legs.size * price, minlength=len(ints))
        traded = np.bincount(legs.order, np.abs(legs.size), minlength=len(ints))
        whole = np.where(ints[:, SUBJECT] >= 0, ints[:, AMOUNT], traded)  # structures are priced per structure
        apiece = np.where(buys, signed, -signed) / np.maximum(whole, 1.0)
        accepted = np.where(buys, apiece <= limit, apiece >= limit) | (limit == 0.0)
        wrong = np.zeros(len(ints), np.bool_)
        wrong[legs.order] = ~accepted[legs.order]
        return np.flatnonzero(wrong), BEYOND_LIMIT

    def _beyond_capacity(self, ints: Ints, reals: Floats, legs: Legs, price: Floats, net: Ints) -> tuple[Ints, int]:
        """The last order, by key, on the heavier side of the first series that dealers cannot take."""
        total = self.supply.total
        outside = self.venue.outside(total)
        short = np.flatnonzero((np.abs(net) > total) & ~outside)
        if not short.size:
            return short, NO_DEALER
        heavy = np.flatnonzero((legs.series == short[0]) & (np.sign(legs.size) == np.sign(net[short[0]])))
        rows = np.unique(legs.order[heavy])
        return rows[[np.argmax(ints[rows, KEY])]], NO_DEALER

    def _beyond_margin(self, ints: Ints, reals: Floats, legs: Legs, price: Floats, net: Ints) -> tuple[Ints, int]:
        """The last order of every account that could not margin all of its own."""
        if self.forced:
            return legs.order[:0], NO_MARGIN
        who, row = np.unique(ints[legs.order, ACCOUNT], return_inverse=True)
        delta = np.zeros((who.size, len(self.table)), np.int64)
        np.add.at(delta, (row, legs.series), legs.size)
        cash, fee = self._cash(legs, price)
        paid = np.zeros(who.size)
        np.add.at(paid, row, cash + fee)
        short = self.venue.book.unmargined(self.world, who, delta, paid)
        last = np.full(who.size, -1, np.int64)
        np.maximum.at(last, row, legs.order)
        return last[short], NO_MARGIN

    def _cash(self, legs: Legs, price: Floats) -> tuple[Ints, Ints]:
        """Margin atoms that each leg pays, below zero receives, and the fee; both rounded against the customer."""
        unit = self.venue.units(self.world)[self.table.underlying[legs.series]] / self.table.scale[legs.series]
        cash = np.ceil(legs.size * price * unit).astype(np.int64)
        rate = self.venue.liquidation_fee if self.forced else self.venue.fee
        apiece = rate * self.table.spot[legs.series]
        if not self.forced:
            apiece = np.minimum(apiece, self.venue.fee_cap * price)
        return cash, np.ceil(np.abs(legs.size) * apiece * unit).astype(np.int64)

    # Postings --------------------------------------------------------------------------------------------------------

    def _post(self, ints: Ints, legs: Legs, price: Floats, event: int) -> None:
        cash, fee = self._cash(legs, price)
        events = event + legs.order
        beneficiary = self.venue.margin_accounts.fund if self.forced else self.venue.treasury
        self._run(legs.series, ints[legs.order, ACCOUNT], legs.size, cash, fee, events, beneficiary)
        series, account, size, paid, first = [], [], [], [], []
        for s in np.unique(legs.series).tolist():
            mine = legs.series == s
            for dealer, atoms, money in self._takers(s, -int(legs.size[mine].sum()), -int(cash[mine].sum())):
                series.append(s)
                account.append(dealer)
                size.append(atoms)
                paid.append(money)
                first.append(int(events[mine].min()))
        none = np.zeros(len(series), np.int64)
        taken = [np.array(column, np.int64) for column in (series, account, size, paid)]
        self._run(taken[0], taken[1], taken[2], taken[3], none, np.array(first, np.int64), beneficiary)

    def _takers(self, series: int, atoms: int, money: int) -> list[tuple[int, int, int]]:
        """(account, atoms received, margin atoms paid) of everybody who takes the other side of a series."""
        supply, capacity = self.supply, self.supply.capacity[:, series]
        total = int(capacity.sum())
        inside = min(abs(atoms), total) * (1 if atoms > 0 else -1)
        if total == 0:
            return [(EXTERNAL, atoms, money)]
        # Without a net flow there is still the spread to share out.
        part = money if atoms == inside else int(money * inside // atoms)
        found = zip(
            supply.accounts.tolist(),
            shares(inside, capacity, supply.keys).tolist(),
            shares(part, capacity, supply.keys).tolist(),
            strict=True,
        )
        outside = [(EXTERNAL, atoms - inside, money - part)] if atoms != inside or money != part else []
        return [row for row in found if row[1] or row[2]] + outside

    def _run(self, series: Ints, account: Ints, size: Ints, cash: Ints, fee: Ints, event: Ints, treasury: int) -> None:
        margin = self.venue.margin_accounts
        run_legs(
            self.world.ledger.book(3 * series.size), self.table.token[series], account, size, cash, fee,
            margin.quote, self.venue.account, treasury, event,
        )  # fmt: skip
