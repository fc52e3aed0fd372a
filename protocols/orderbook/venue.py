"""The order book venue: an exchange for spot assets, matched by price and time, settled on the ledger."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Gt, Le, Lt, MinLen
from numpy.typing import NDArray

from protocols.orderbook.execution import (
    DONE,
    HAD,
    HALF_TICKS,
    IN_BOOK,
    KIND,
    MONEY,
    STATUS,
    STATUS_TEXT,
    TOLD,
    Terms,
    run_orders,
)
from protocols.orderbook.pending import Pending, arrival_order
from protocols.orderbook.quotes import BookQuote, BookQuotes, Grid, Levels
from protocols.shared.matching import MID2, TURNOVER, Matching
from sim.errors import ConfigError, InvariantError
from sim.events import PAUSED, Kind
from sim.fields import AssetName, Count, Positive
from sim.intents import ACCOUNT, CAUSE, KEY, MOTIVE, POPULATION, TIP, TOKEN, Act, Intent
from sim.interfaces import Protocol
from sim.registry import component
from sim.tokens import TokenKind

if TYPE_CHECKING:
    from sim.world import World

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]


@dataclass(kw_only=True, eq=False)
class BookSettings:
    """One asset's book against the numeraire. A lot at one tick must be worth a whole number of numeraire atoms."""

    asset: AssetName
    tick_size: Positive = 0.01
    """USD between two prices."""
    lot_size: Positive = 0.0001
    """Whole tokens in which amounts are counted."""


@component("protocol", "order_book")
class OrderBook(Protocol):
    """Limit order books with price-time priority, escrow and latency.

    Messages are taken in the order in which they arrive within the tick. The `tip` of an intent is read as its latency
    in milliseconds, counted from the tick's start; equal latencies are in the order of `key`. One that takes longer
    than the tick, or `latency` ticks, waits for a later one.

    SWAP trades at once as far as its limit, its amount and the book reach; what does not trade stays with the account.
    BUY and SELL do so for an amount of the asset, a purchase being cut to what the account's cash buys; a limit of 0 is
    none. LIMIT_BUY and LIMIT_SELL are refused if the account could not pay for all of the order. Limits of SWAP include
    the fee, those of the others do not. Resting orders are claims `NAME.locked.TOKEN`, worth what they lock.
    """

    reasons = STATUS_TEXT
    accepts = (Act.SWAP, Act.BUY, Act.SELL, Act.LIMIT_BUY, Act.LIMIT_SELL, Act.CANCEL)
    on_chain = False

    books: Annotated[list[BookSettings], MinLen(1)]
    taker_fee: Annotated[float, Gt(-1.0), Lt(1.0)] = 0.0005
    """Share of what the incoming order receives."""
    maker_fee: Annotated[float, Gt(-1.0), Lt(1.0)] = 0.0002
    """Share of what the resting order receives; below zero a rebate, out of the taker's fee."""
    latency: Annotated[Count, Le(10_000)] = 0
    """Ticks that every message takes before its own milliseconds begin."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        names = [book.asset for book in self.books]
        twice = sorted({name for name in names if names.count(name) > 1})
        found = [("books", f"{', '.join(twice)} listed twice; each asset has one book")] if twice else []
        if self.taker_fee < 0.0:
            found.append(("taker_fee", f"found {self.taker_fee}; only makers can have a rebate"))
        elif self.maker_fee + self.taker_fee < 0.0:
            found.append(("maker_fee", f"found a rebate of {-self.maker_fee}, more than the taker_fee that pays it"))
        return found

    def declare(self, world: "World") -> None:
        """Open one market per book and the claims on what its orders lock."""
        super().declare(world)
        rows, self._claims = [], {}
        money = world.tokens.rows[0]
        claim = world.tokens.declare(
            f"{self.name}.locked.{money.name}", TokenKind.CLAIM, money.decimals, self.account, 0
        )
        self._claims[claim.index] = 0
        self.grids: list[Grid] = []
        self._assets, self._markets = [], []
        for settings in self.books:
            token = world.tokens[settings.asset]
            grid = self._grid(settings, token.decimals, money.decimals)
            lock = f"{self.name}.locked.{token.name}"
            held = world.tokens.declare(lock, TokenKind.CLAIM, token.decimals, self.account, token.index).index
            self._claims[held] = token.index
            self.grids.append(grid)
            rows.append((token.index, grid.lot, grid.unit, held))
            self._assets.append(token.index)
            self._markets.append(world.markets.declare(self.name, token.index).index)
        self._table, self._money_claim = np.array(rows, dtype=np.int64), claim.index

    def _grid(self, settings: BookSettings, decimals: int, money_decimals: int) -> Grid:
        lot = settings.lot_size * 10.0**decimals
        unit = settings.lot_size * settings.tick_size * 10.0**money_decimals
        for what, value in (("a lot", lot), ("a lot at one tick", unit)):
            if round(value) < 1 or abs(value - round(value)) > 1e-6:
                raise ConfigError(
                    f"protocols.{self.name}.books.{settings.asset}: {what} would be {value:g} atoms; "
                    "choose tick_size and lot_size so that it is a whole number"
                )
        return Grid(settings.tick_size, round(lot), round(unit))

    def open(self, world: "World") -> None:
        """Empty books whose mid is the fundamental, to the nearest half tick."""
        lookup = np.full(len(world.tokens), -1, dtype=np.int64)
        lookup[self._assets] = np.arange(len(self._assets))
        ticks = np.array([grid.tick for grid in self.grids])
        self.terms = Terms(lookup, self._table, ticks, self._money_claim, self.taker_fee, self.maker_fee, self.account)
        self.matching = Matching(len(self.books), world.accounts.count)
        price = np.exp(world.prices.log_fundamental(0)[self._assets])
        marks = self.matching.books.marks
        marks[:, MID2] = np.maximum(np.round(2.0 * price / ticks), 2)
        log = np.log(marks[:, MID2] * (0.5 * ticks))
        world.prices.log_market[self._markets] = world.prices.previous_log_market[self._markets] = log
        self.pending = Pending()
        self._turnover, self._volume = np.zeros(len(price), dtype=np.int64), np.zeros(len(price), dtype=np.int64)
        self._quoted: dict[int, BookQuote] = {}
        self.version, self.now = 0, 0

    def accrue(self, world: "World") -> None:
        """Count what the last tick traded."""
        turnover = self.matching.books.marks[:, TURNOVER]
        volume, self._turnover = turnover - self._turnover, turnover.copy()
        for book in np.flatnonzero(volume != self._volume).tolist():
            self._quoted.pop(book, None)
        self._volume = volume

    def execute(self, world: "World", ints: Ints, reals: Reals) -> int:
        """Run what arrives in this tick; returns how many orders succeeded. The others get their events later."""
        if not world.opening:
            ints, reals = self.pending.arrivals(ints, reals, world.clock.tick, self.latency, world.clock.dt)
            order = arrival_order(reals[:, TIP], ints[:, KEY])
            ints, reals = ints[order], reals[order]
        return self._run(world, ints, reals) if len(ints) else 0

    def settle(self, world: "World") -> None:
        """Run delayed orders that arrive in a tick in which nobody sent any; a paused venue refuses them."""
        ints, reals = self.pending.due(world.clock.tick)
        if not len(ints):
            return
        if self.paused:
            world.chain.log(world.events, Kind.TX_FAILED, ints, PAUSED)
            return
        order = arrival_order(reals[:, TIP], ints[:, KEY])
        self._run(world, ints[order], reals[order])

    def _run(self, world: "World", ints: Ints, reals: Reals) -> int:
        n, first, matching = len(ints), world.events.count, self.matching
        room = 6 * n + 4 * (matching.live + n)
        out, fills = np.empty((n, 7), dtype=np.int64), matching.fills(n)
        self.version, self.now = self.version + 1, max(world.clock.tick, 0)
        _, refused = run_orders(
            world.ledger.book(room), matching.room(n), self.terms, ints, reals, self.now, first, fills, out
        )
        if refused:
            raise InvariantError(f'{refused} postings of "{self.name}" were refused; what its orders lock is not there')
        ok = out[:, STATUS] == DONE
        ids = world.events.add_many(
            n,
            out[:, KIND],
            actor=ints[:, ACCOUNT],
            protocol=self.index,
            token=ints[:, TOKEN],
            amount=out[:, TOLD],
            value=np.where(ok, out[:, MONEY] * world.prices.atom_price[0], out[:, STATUS]),
            cause=ints[:, CAUSE],
        )
        for book in range(len(self.books)):
            self._credit(world, book, ints, out, ids)
        return int(np.count_nonzero(ok))

    def _credit(self, world: "World", book: int, ints: Ints, out: Ints, ids: Ints) -> None:
        """Credit each order with the move of the mid that it made."""
        mine = out[:, IN_BOOK] == book
        rows = np.flatnonzero(mine & (out[:, HALF_TICKS] != out[:, HAD]))
        if mine.any():
            self._quoted.pop(book, None)
        if not rows.size:
            return
        # One array of logs, so that the parts of the move add up to it whatever the rounding of the logarithm.
        market, logs = self._markets[book], np.empty(rows.size + 1)
        logs[0] = world.prices.log_market[market]
        logs[1:] = np.log(out[rows, HALF_TICKS] * (0.5 * self.grids[book].tick))
        world.prices.log_market[market] = logs[-1]
        if world.opening:
            world.prices.previous_log_market[market] = logs[-1]
        else:
            parts = logs[1:] - logs[:-1]
            world.flows.credit_rows(market, ints[rows, POPULATION], ints[rows, MOTIVE], parts, ids[rows])

    def unit_value(self, world: "World", token: int, values: NDArray[np.float64]) -> float:
        """What is locked is worth what it is."""
        return float(values[self._claims[token]])

    def quote(self, world: "World") -> BookQuotes:
        """All books; those that did not change since they were last looked at are not read again."""
        self.now = max(world.clock.tick, 0)
        marks = self.matching.books.marks
        for book, grid in enumerate(self.grids):
            if book not in self._quoted:
                bids, asks = (Levels(self.matching, 2 * book + side, grid.unit) for side in (0, 1))
                mid = 0.5 * int(marks[book, MID2]) * grid.tick
                volume = int(self._volume[book]) * grid.lot
                self._quoted[book] = BookQuote(
                    mid, self.taker_fee, self.maker_fee, grid, volume, bids, asks, self, book, self.version
                )
            elif self._quoted[book].version != self.version:
                self._quoted[book] = replace(self._quoted[book], version=self.version)
        quoted = {asset: self._quoted[book] for book, asset in enumerate(self._assets)}
        return BookQuotes(self.index, self.taker_fee, quoted)

    def exits(self, world: "World", accounts: Ints, share: float) -> list[Intent]:
        """Cancel a share of the orders that each account has in each book, the newest first."""
        intents, lo, hi = [], int(accounts.min()), int(accounts.max()) + 1
        for quote in self.quote(world)._books.values():
            resting = quote.resting(lo, hi)
            first = np.searchsorted(resting.row, resting.row)
            count = np.searchsorted(resting.row, resting.row, side="right") - first
            chosen = np.arange(first.size) - first < np.ceil(share * count)
            chosen &= np.isin(resting.row + lo, accounts)
            asset, who = self._assets[quote.book], resting.row[chosen] + lo
            if who.size:
                intents.append(
                    Intent(Act.CANCEL, self.index, who, asset, resting.number[chosen], cause=world.shock_event)
                )
        return intents
