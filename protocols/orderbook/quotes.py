"""Order books as traders and market makers see them, frozen at one moment."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.orderbook.execution import fee_on
from protocols.shared.book_reading import IS, OF_ROW, ON, SINCE, STANDS, TICKS, resting_orders, side_levels
from protocols.shared.matching import ASK, BID, Matching
from sim.errors import SpilloverError

if TYPE_CHECKING:
    from protocols.orderbook.venue import OrderBook

Ints = NDArray[np.int64]
_BEYOND = 2.0**61
"""Numeraire atoms, more than anybody can pay; offers from there on are left out, so that sums stay whole numbers."""


class Resting(NamedTuple):
    """Orders that rest, sorted by account, each account's newest first. Arrays have one entry per order."""

    row: Ints
    """Account less the first of the range that was asked for."""
    number: Ints
    """To cancel it by."""
    bid: NDArray[np.bool_]
    price: NDArray[np.float64]
    """USD per whole token."""
    amount: Ints
    """Atoms of the asset that have not traded."""
    age: Ints
    """Ticks since it came to rest."""


class Grid(NamedTuple):
    """Steps in which a book counts."""

    tick: float
    """USD of a price tick."""
    lot: int
    """Asset atoms of a lot."""
    unit: int
    """Numeraire atoms of one lot at one tick."""


class Levels:
    """One side of a book: what stands at which price, best first, and what trading through it comes to."""

    def __init__(self, matching: Matching, side: int, unit: int) -> None:
        rows = matching.scratch()
        self._near, count = side_levels(matching.books, side, rows)
        self._rows, self._sign = rows[:count, :2].copy(), 1 if side % 2 == ASK else -1
        self._beyond = _BEYOND / unit

    @cached_property
    def ladder(self) -> Ints:
        """(m, 2) tick and lots of each price, best first."""
        rows = self._rows
        if self._near < len(rows):
            ticks, place = np.unique(self._sign * rows[self._near :, 0], return_inverse=True)
            lots = np.zeros(ticks.size, dtype=np.int64)
            np.add.at(lots, place, rows[self._near :, 1])
            rows = np.concatenate([rows[: self._near], np.column_stack([self._sign * ticks, lots])])
        return rows[np.cumsum(rows[:, 0] * rows[:, 1].astype(np.float64)) < self._beyond]

    @cached_property
    def reached(self) -> Ints:
        """(m + 1,) lots that stand at the best so many prices."""
        return np.concatenate([[0], np.cumsum(self.ladder[:, 1])])

    @cached_property
    def paid(self) -> Ints:
        """(m + 1,) what these come to, in lots times ticks."""
        return np.concatenate([[0], np.cumsum(self.ladder[:, 0] * self.ladder[:, 1])])

    def worth(self, lots: int) -> int:
        """Lots times ticks of trading so many lots, or all there are."""
        level = int(np.searchsorted(self.reached, lots, side="right")) - 1
        rest = lots - int(self.reached[level])
        return int(self.paid[level]) + (rest * int(self.ladder[level, 0]) if level < len(self.ladder) else 0)

    def bought(self, budget: int) -> int:
        """Lots that so many lots times ticks pay for."""
        level = int(np.searchsorted(self.paid, budget, side="right")) - 1
        rest = budget - int(self.paid[level])
        return int(self.reached[level]) + (rest // int(self.ladder[level, 0]) if level < len(self.ladder) else 0)

    def within(self, tick: float) -> int:
        """How many prices are as good as a tick or better."""
        return int(np.searchsorted(self._sign * self.ladder[:, 0], self._sign * tick, side="right"))


@dataclass(frozen=True)
class BookQuote:
    """One asset's book at one moment. Amounts are atoms, prices USD per whole token.

    price: mid; with one side empty the last one, see `protocols.shared.matching.mark_mid`. fee: of takers, from what
    they receive. volume: asset atoms that traded in the previous tick.
    """

    price: float
    fee: float
    maker_fee: float
    grid: Grid
    volume: int
    bids: Levels
    asks: Levels
    venue: "OrderBook"
    book: int
    version: int

    @property
    def bid(self) -> float:
        """Best bid; 0 without one."""
        return float(self.bids.ladder[0, 0]) * self.grid.tick if len(self.bids.ladder) else 0.0

    @property
    def ask(self) -> float:
        """Best ask; infinite without one."""
        return float(self.asks.ladder[0, 0]) * self.grid.tick if len(self.asks.ladder) else math.inf

    def depth(self, distance: float) -> tuple[int, int]:
        """Asset atoms (bid, offered) within a relative distance of the mid."""
        bids = self.bids.within(self.price * (1.0 - distance) / self.grid.tick)
        asks = self.asks.within(self.price * (1.0 + distance) / self.grid.tick)
        return int(self.bids.reached[bids]) * self.grid.lot, int(self.asks.reached[asks]) * self.grid.lot

    def resting(self, lo: int, hi: int) -> Resting:
        """Orders of accounts lo to hi - 1 that rest in this book.

        Raises SpilloverError once the book has changed: a quote speaks of its own moment.
        """
        if self.venue.version != self.version:
            raise SpilloverError(f'orders on "{self.venue.name}" have run since this quote; take one from a fresh view')
        matching = self.venue.matching
        books = matching.books
        if not 0 <= lo <= hi <= books.newest.shape[1]:
            raise SpilloverError(f"accounts run from 0 to {books.newest.shape[1]}; found the range {lo} to {hi}")
        rows = matching.scratch()
        rows = rows[: resting_orders(books, self.book, lo, hi, rows)]
        return Resting(
            row=rows[:, OF_ROW].copy(),
            number=rows[:, IS].copy(),
            bid=rows[:, ON] == BID,
            price=rows[:, TICKS].astype(np.float64) * self.grid.tick,
            amount=rows[:, STANDS] * self.grid.lot,
            age=self.venue.now - rows[:, SINCE],
        )

    def sell(self, amount: int) -> int:
        """Numeraire atoms received for `amount` asset atoms, or for as many as there are bids for."""
        gross = self.bids.worth(amount // self.grid.lot) * self.grid.unit
        return gross - int(fee_on(gross, self.fee))

    def buy(self, amount: int) -> int:
        """Asset atoms received for `amount` numeraire atoms, or for as many as are asked."""
        gross = self.asks.bought(amount // self.grid.unit) * self.grid.lot
        return gross - int(fee_on(gross, self.fee))

    def cost(self, amount: int) -> int | None:
        """Numeraire atoms that buy `amount` asset atoms after the fee; None if the book does not have them."""
        lot = self.grid.lot
        lots = max(math.ceil(amount / (1.0 - self.fee) / lot) - 1, 0)
        while lots * lot - int(fee_on(lots * lot, self.fee)) < amount:
            lots += 1
        return None if lots > int(self.asks.reached[-1]) else self.asks.worth(lots) * self.grid.unit

    def sell_to(self, price: float) -> int:
        """Asset atoms for which there are bids at `price` or better, where selling more would bring less."""
        return int(self.bids.reached[self.bids.within(price / self.grid.tick)]) * self.grid.lot

    def buy_to(self, price: float) -> int:
        """Numeraire atoms that buy all that is offered at `price` or better."""
        return int(self.asks.paid[self.asks.within(price / self.grid.tick)]) * self.grid.unit


class BookQuotes:
    """All books of a venue at one moment."""

    def __init__(self, venue: int, fee: float, books: dict[int, BookQuote]) -> None:
        self.venue, self.fee, self._books = venue, fee, books

    def market(self, asset: int) -> BookQuote | None:
        """The book of an asset; None if it is not traded here."""
        return self._books.get(asset)
