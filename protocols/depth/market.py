"""The depth market: liquidity outside the model, as a book of general shape that refills with time."""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge, Lt, MinLen
from numpy.typing import NDArray

from protocols.depth.execution import DONE, STATUS_TEXT, WRONG_TOKENS, clearing_price, run_book
from protocols.shared.depth.book import Book, DepthSettings
from protocols.shared.depth.kernels import Depth, average_price, displacement, size_for_price
from sim.events import Kind
from sim.fields import AssetName
from sim.flows import OUTSIDE, Motive
from sim.intents import ACCOUNT, AMOUNT, CAUSE, MOTIVE, POPULATION, TOKEN, TOKEN2, Act
from sim.interfaces import Protocol
from sim.registry import component

if TYPE_CHECKING:
    from sim.world import World


@dataclass(kw_only=True, eq=False)
class BookSettings(DepthSettings):
    """One asset's book against the numeraire."""

    asset: AssetName


@component("protocol", "depth_market")
class DepthMarket(Protocol):
    """Order flow displaces the price from its fundamental; the displacement decays."""

    reasons = STATUS_TEXT
    accepts = (Act.SWAP,)
    on_chain = False

    books: Annotated[list[BookSettings], MinLen(1)]
    fee: Annotated[float, Ge(0.0), Lt(1.0)] = 0.0005
    impact: bool = True
    """False for open-loop replays: the fundamental is the price, whatever is traded."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        names = [book.asset for book in self.books]
        twice = sorted({name for name in names if names.count(name) > 1})
        return [("books", f"{', '.join(twice)} listed twice; each asset has one book")] if twice else []

    def declare(self, world: "World") -> None:
        """Open one market per book."""
        super().declare(world)
        self._books = [AssetBook(settings, world, self.name) for settings in self.books]
        self._by_asset = {book.asset: book for book in self._books}

    def open(self, world: "World") -> None:
        """Start at the fundamental."""
        for book in self._books:
            book.open(world, float(world.prices.log_fundamental(0)[book.asset]))

    def accrue(self, world: "World") -> None:
        """Follow the fundamental, let the displacement decay, thin the book with volatility."""
        for book in self._books:
            book.advance(world)

    def execute(self, world: "World", ints: NDArray[np.int64], reals: NDArray[np.float64]) -> int:
        """Clear each asset's orders as one batch; returns how many succeeded."""
        asset = np.maximum(ints[:, TOKEN], ints[:, TOKEN2])
        known = np.minimum(ints[:, TOKEN], ints[:, TOKEN2]) == 0
        done = 0
        for book in self._books:
            mine = np.flatnonzero((asset == book.asset) & known)
            if mine.size:
                done += self._clear(world, book, ints[mine], reals[mine])
                known[mine] = False
                asset[mine] = -1
        foreign = np.flatnonzero(asset >= 0)
        if foreign.size:
            world.chain.log(world.events, Kind.TX_FAILED, ints[foreign], WRONG_TOKENS)
        return done

    def _clear(self, world: "World", book: "AssetBook", ints: NDArray[np.int64], reals: NDArray[np.float64]) -> int:
        n, first = len(ints), world.events.count
        out, sizes = np.empty((n, 2), dtype=np.int64), np.empty(n)
        fundamental = math.exp(book.anchor)
        _, net = run_book(
            world.ledger.book(4 * n), ints, reals, book.asset, self.account, self.fee, book.units, book.x,
            fundamental, book.depth, self.impact, first, out, sizes,
        )  # fmt: skip
        ok = out[:, 0] == DONE
        tokens = ints[:, TOKEN]
        ids = world.events.add_many(
            n,
            np.where(ok, Kind.SWAP, Kind.TX_FAILED),
            actor=ints[:, ACCOUNT],
            protocol=self.index,
            token=tokens,
            amount=np.where(ok, ints[:, AMOUNT], 0),
            value=np.where(ok, np.abs(sizes) * math.exp(world.prices.log_market[book.market]), out[:, 0]),
            cause=ints[:, CAUSE],
        )
        if self.impact and not world.opening:
            book.trade(world, net, sizes, ints[:, POPULATION], ints[:, MOTIVE], ids)
        return int(ok.sum())

    def scale_depth(self, world: "World", factor: float) -> None:
        """Multiply the depth of every book; a displaced price moves and the move is credited to liquidity."""
        for book in self._books:
            book.scale_depth(world, factor)

    def quote(self, world: "World") -> "DepthQuote":
        """All books as traders see them."""
        return DepthQuote(self)


class AssetBook(Book):
    """The book of one asset, which follows its fundamental."""

    def __init__(self, settings: BookSettings, world: "World", venue: str) -> None:
        token = world.tokens[settings.asset]
        self.asset, self.shift = token.index, 0.0
        units = (10.0**token.decimals, 10.0 ** world.tokens.rows[0].decimals)
        super().__init__(settings, world.markets.declare(venue, token.index).index, units)

    def advance(self, world: "World") -> None:
        """One tick without orders: fundamental, shock and recovery are credited as such."""
        shift = float(world.prices.shift[self.asset])
        path = float(world.prices.fundamental[world.clock.tick, self.asset])
        if shift != self.shift:
            world.flows.credit(self.market, OUTSIDE, Motive.SHOCK, shift - self.shift, world.shock_event)
            self.anchor += shift - self.shift
            self.shift = shift
        self.follow(world, path + shift, Motive.FUNDAMENTAL, int(world.prices.source[self.asset]))
        self.relax(world)


@dataclass(frozen=True)
class BookQuote:
    """One book at one moment."""

    x: float
    fundamental: float
    depth: Depth
    units: tuple[float, float]
    fee: float
    impact: bool
    price: float = field(init=False)

    def __post_init__(self) -> None:
        price = self.fundamental * math.exp(displacement(self.x, self.depth))
        object.__setattr__(self, "price", price)

    def sell(self, amount: int) -> int:
        """Numeraire atoms received for `amount` asset atoms."""
        size = amount / self.units[0]
        price = average_price(self.x, -size, self.fundamental, self.depth) if self.impact else self.price
        return int(size * price * (1.0 - self.fee) * self.units[1])

    def buy(self, amount: int) -> int:
        """Asset atoms received for `amount` numeraire atoms."""
        usd = amount / self.units[1] * (1.0 - self.fee)
        price = clearing_price(usd, 0.0, self.x, self.fundamental, self.depth)[0] if self.impact else self.price
        return int(usd / price * self.units[0])

    def cost(self, amount: int) -> int:
        """Numeraire atoms that buy `amount` asset atoms."""
        size = amount / self.units[0]
        price = average_price(self.x, size, self.fundamental, self.depth) if self.impact else self.price
        return math.ceil(size * price / (1.0 - self.fee) * self.units[1])

    def sell_to(self, price: float) -> int:
        """Asset atoms whose sale brings the mid price down to `price`; without impact nothing moves it."""
        if not self.impact or price >= self.price:
            return 0
        return int(-size_for_price(self.x, self.fundamental, price, self.depth) * self.units[0])

    def buy_to(self, price: float) -> int:
        """Numeraire atoms whose spending brings the mid price up to `price`; without impact nothing moves it."""
        if not self.impact or price <= self.price:
            return 0
        size = size_for_price(self.x, self.fundamental, price, self.depth)
        paid = size * average_price(self.x, size, self.fundamental, self.depth)
        return int(paid / (1.0 - self.fee) * self.units[1])


class DepthQuote:
    """All books of a depth market at one moment; each is frozen when it is first asked for."""

    def __init__(self, market: DepthMarket) -> None:
        self.venue, self.fee = market.index, market.fee
        self._market = market
        self._state = {book.asset: (book.x, math.exp(book.anchor), book.depth) for book in market._books}
        self._quoted: dict[int, BookQuote] = {}

    def market(self, asset: int) -> BookQuote | None:
        """The book of an asset; None if it is not traded here."""
        if asset not in self._quoted and asset in self._state:
            units = self._market._by_asset[asset].units
            self._quoted[asset] = BookQuote(*self._state[asset], units, self.fee, self._market.impact)
        return self._quoted.get(asset)
