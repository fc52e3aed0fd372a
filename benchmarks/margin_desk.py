"""Leveraged traders and the desk that lends to them: the components of the market that is also written in plain Mesa.

The desk nets its clients: they trade against it at one average price, and it takes the net to a book of general shape.
"""

import math
from dataclasses import field
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from annotated_types import Ge, Le, Len
from numpy.typing import NDArray

from benchmarks.margin_kernels import choose_orders, settle
from protocols.depth.market import AssetBook, BookSettings
from protocols.shared.depth.kernels import attribute, average_price, log_price_change
from sim.errors import LedgerError
from sim.events import Kind
from sim.fields import AssetName, Count, NonNegative, Positive, ProtocolName, Share
from sim.flows import Motive
from sim.intents import CAUSE, POPULATION, Act, Intent
from sim.interfaces import Endowment, Population, Protocol
from sim.ledger import POSTED
from sim.registry import component
from sim.rng import Draws
from sim.tokens import EXTERNAL, TokenKind
from sim.views import View

if TYPE_CHECKING:
    from sim.world import World

USD = 0


@component("population", "desk_clients")
class DeskClients(Population):
    """Hold a leveraged position, lean with the trend and their own luck, trade a part of the gap to it every tick.

    Settings
    --------
    desk: the margin desk they trade and borrow with. asset: what they hold.
    leverage: range of target leverages, uniform. equity_usd: starting equity of each, all of it in the asset.
    speed: part of the gap traded each tick. reaction: weight of the trend. noise: half-width of the luck.
    lookback: ticks of the trend. maintenance: equity over position below which the desk sells everything.
    """

    desk: ProtocolName
    asset: AssetName
    leverage: Annotated[list[Positive], Len(2, 2)] = field(default_factory=lambda: [1.5, 4.0])
    equity_usd: Positive = 1_000.0
    speed: Share = 0.1
    reaction: float = 5.0
    noise: NonNegative = 0.2
    lookback: Count = 10
    maintenance: Share = 0.1

    target: NDArray[np.float64] = field(default_factory=lambda: np.empty(0), init=False)
    """(n,) leverage each trader aims at."""
    orders: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64), init=False)
    """(n,) asset atoms wanted in this tick, sold below zero; the desk fills them as one block."""
    net: int = field(default=0, init=False)
    """Sum of the orders."""
    forced: int = field(default=0, init=False)
    """Sum of those of this tick's liquidations."""
    liquidated: int = field(default=0, init=False)

    def endow(self, view: View, rng: np.random.Generator) -> Endowment:
        """Equity in the asset; targets."""
        self.target = rng.uniform(self.leverage[0], self.leverage[1], self.count)
        self.orders = np.zeros(self.count, dtype=np.int64)
        asset = view.token(self.asset)
        held = int(self.equity_usd / view.prices[asset] * 10.0 ** view.decimals(asset))
        return Endowment(balances={asset: np.full(self.count, held)})

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Fill `orders` and send them as one block."""
        asset, debt = view.token(self.asset), view.token(f"{self.desk}.debt")
        seen = view.history(asset, self.lookback)
        trend = float(np.log(seen[-1] / seen[0]))
        rule = (self.speed, self.maintenance, self.reaction, self.noise)
        self.net, self.forced, count = choose_orders(
            view.balance(USD), view.balance(debt), view.balance(asset), self.target, draws.of(draws.labels),
            float(view.prices[asset]), trend, rule, self.orders,
        )  # fmt: skip
        self.liquidated += count
        block, amount = view.accounts[:1], abs(self.net)
        venue, cause = view.venue(self.desk), view.cause(asset)
        return [Intent(Act.SWAP, venue, block, asset, amount, token2=USD, motive=Motive.MOMENTUM, cause=cause)]


@component("protocol", "margin_desk")
class MarginDesk(Protocol):
    """Fills each population's block of orders at the average price of its net, and lends what the buyers lack.

    Settings
    --------
    book: the market that the net trades on. capital_usd: what the desk can lend, and as much again in coins from which
    it delivers while a block is settled.
    """

    accepts = (Act.SWAP,)
    on_chain = False

    book: BookSettings
    capital_usd: Annotated[float, Ge(0.0), Le(1e12)] = 1e11

    def declare(self, world: "World") -> None:
        """Open the market and the debt token."""
        super().declare(world)
        self.market = AssetBook(self.book, world, self.name)
        self.asset = self.market.asset
        self.debt = world.tokens.declare(
            f"{self.name}.debt", TokenKind.DEBT, world.tokens.rows[USD].decimals, self.account, USD
        ).index

    def open(self, world: "World") -> None:
        """Bring the capital and start at the fundamental."""
        market = self.market
        market.open(world, float(world.prices.log_fundamental(0)[self.asset]))
        coins = self.capital_usd / math.exp(market.anchor)
        world.ledger.move(USD, EXTERNAL, self.account, int(self.capital_usd * market.units[1]), 0)
        world.ledger.move(self.asset, EXTERNAL, self.account, int(coins * market.units[0]), 0)

    def accrue(self, world: "World") -> None:
        """Follow the fundamental; let the displacement decay."""
        self.market.advance(world)

    def unit_value(self, world: "World", token: int, values: NDArray[np.float64]) -> float:
        """A dollar owed is worth a dollar."""
        return float(values[USD])

    def execute(self, world: "World", ints: NDArray[np.int64], reals: NDArray[np.float64]) -> int:
        """Fill one block after the other."""
        populations: dict[int, Any] = {actor.population.index: actor.population for actor in world.actors}
        for row in ints:
            self._fill(world, populations[row[POPULATION]], int(row[CAUSE]))
        return len(ints)

    def _fill(self, world: "World", clients: DeskClients, cause: int) -> None:
        """Trade a block at the average price of its net; log it, move the price, credit both motives."""
        market, net, forced = self.market, clients.net, clients.forced
        size = net / market.units[0]
        usd = average_price(market.x, size, math.exp(market.anchor), market.depth)
        event = world.events.add(
            Kind.SWAP, clients.lo, protocol=self.index, token=self.asset, amount=abs(net), value=abs(size) * usd,
            cause=cause,
        )  # fmt: skip
        price = usd * market.units[1] / market.units[0]
        status = settle(
            world.ledger.book(3 * clients.count + 2), self.asset, USD, self.debt, clients.lo, clients.orders, net,
            price, self.account, event,
        )  # fmt: skip
        if status != POSTED:
            raise LedgerError(f'"{self.name}" cannot settle with {clients.name}: status {status}')
        dlog, parts = log_price_change(market.x, size, market.depth), np.empty(2)
        attribute(np.array([net - forced, forced]) / market.units[0], size, market.x, dlog, market.depth, parts)
        market.x += size
        world.prices.log_market[market.market] = market.log_price()
        for motive, part in zip((Motive.MOMENTUM, Motive.LIQUIDATION), parts.tolist(), strict=True):
            world.flows.credit(market.market, clients.index, motive, part, event)
