"""The order book: messages matched per second beside a plain Python book, and orders per second through whole ticks.

The plain book keeps a deque per price and a heap of prices per side, as one would write it without thinking of speed;
both must come to the same trades, statuses, order numbers and mid prices on the same messages.
"""

import heapq
import tempfile
from collections import deque
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Contender, Figure, Job, Report, race, ratio, speed
from experiments.build import build
from experiments.catalogue import load_components
from experiments.config import load
from protocols.shared.ladder import ID, OWNER, SIDE
from protocols.shared.matching import (
    ACTION,
    ASK,
    BID,
    BOOK,
    CANCEL,
    CANCEL_ALL,
    ENTERED,
    FLAG,
    IMMEDIATE,
    LIMIT,
    LOTS,
    MID2,
    NUMBER,
    POST_ONLY,
    RELEASED,
    SENDER,
    TICK,
    TOWARDS,
    TRADED,
    UNKNOWN_ORDER,
    WOULD_TRADE,
    Matching,
    match_messages,
)
from sim.model import SpilloverModel
from sim.world import World

NAME = "orderbook"
TITLE = "A limit order book with price-time priority"
MESSAGES = 1_000_000
COMPARED = 100_000
"""Messages that the plain book does too, and on which answers are compared."""
WARM, CHUNK, LIFE = 50_000, 500, 20
BOOKS, ACCOUNTS, MID = 4, 1_000, 200_000
TARGET = 20.0
"""Million messages per second."""
STEP_TARGET = 1.0
"""Million orders per second through whole ticks."""
TICKS, FILLING = 100, 60
"""Ticks of a timed stretch, and before the first of them."""
MARKET = """
[run]
ticks = {ticks}
dt = "1s"
seed = 5
[record]
every = 1000
checks = "sampled"
[chain]
background = 0.0
[[assets]]
name = "USD"
numeraire = true
price = 1.0
[[assets]]
name = "ETH"
price = 2000.0
decimals = 8
[[processes]]
name = "eth"
kind = "gbm"
assets = ["ETH"]
volatility = 0.0
[[protocols]]
name = "book"
kind = "order_book"
[[protocols.books]]
asset = "ETH"
tick_size = 0.1
lot_size = 0.0001
[[agents]]
name = "crowd"
kind = "zero_intelligence"
count = {accounts}
venue = "book"
asset = "ETH"
limits_per_minute = 60.0
markets_per_minute = 10.0
order_life = 10.0
wealth_usd = {{ median = 5e5, spread = 0.5 }}
[[agents]]
name = "makers"
kind = "market_makers"
count = 20
venue = "book"
asset = "ETH"
"""
Ints = NDArray[np.int64]


class PlainOrder:
    """One resting order."""

    def __init__(self, number: int, owner: int, side: int, tick: int, lots: int) -> None:
        self.number, self.owner, self.side, self.tick, self.lots = number, owner, side, tick, lots


class PlainBook:
    """One book of deques and heaps; cancelled orders stay in their queue, with no lots, until they are met."""

    def __init__(self, mid2: int) -> None:
        self.queues: tuple[dict[int, deque[PlainOrder]], ...] = ({}, {})
        self.prices: tuple[list[int], ...] = ([], [])
        self.resting: dict[int, PlainOrder] = {}
        self.mid2 = mid2

    def front(self, side: int) -> PlainOrder | None:
        """The order that trades next."""
        heap, queues = self.prices[side], self.queues[side]
        while heap:
            tick = abs(heap[0])
            queue = queues[tick]
            while queue and queue[0].lots == 0:
                queue.popleft()
            if queue:
                return queue[0]
            del queues[tick]
            heapq.heappop(heap)
        return None

    def add(self, order: PlainOrder) -> None:
        """Queue an order behind all others of its price."""
        if order.tick not in self.queues[order.side]:
            self.queues[order.side][order.tick] = deque()
            heapq.heappush(self.prices[order.side], order.tick if order.side == ASK else -order.tick)
        self.queues[order.side][order.tick].append(order)
        self.resting[order.number] = order

    def take(self, order: PlainOrder, lots: int) -> None:
        """Take lots off a resting order."""
        order.lots -= lots
        if order.lots == 0:
            del self.resting[order.number]

    def mark(self) -> int:
        """The mid in half ticks: of both sides, or the last one, kept within the only side."""
        bid, ask = self.front(BID), self.front(ASK)
        if bid and ask:
            self.mid2 = bid.tick + ask.tick
        elif bid:
            self.mid2 = max(self.mid2, 2 * bid.tick)
        elif ask:
            self.mid2 = min(self.mid2, 2 * ask.tick)
        return self.mid2


class PlainExchange:
    """Many plain books; fills are (message, kind, owner, side, tick, lots, book)."""

    def __init__(self, mids2: list[int]) -> None:
        self.books = [PlainBook(mid2) for mid2 in mids2]
        self.fills: list[tuple[int, ...]] = []
        self.numbers: dict[int, int] = {}
        """Number of an order in the compiled book -> its number here."""
        self.serial = 0

    def enter(self, row: int, at: int, sender: int, side: int, tick: int, lots: int, flag: int) -> tuple[int, int, int]:
        """(status, lots traded, number of the resting order)"""
        book, wanted = self.books[at], lots
        front = book.front(1 - side)
        while front and lots and (front.tick <= tick if side == BID else front.tick >= tick):
            if flag == POST_ONLY:
                return WOULD_TRADE, 0, 0
            own = front.owner == sender
            size = front.lots if own else min(lots, front.lots)
            self.fills.append((row, RELEASED if own else TRADED, front.owner, 1 - side, front.tick, size, at))
            book.take(front, size)
            lots -= 0 if own else size
            front = book.front(1 - side)
        if lots and flag != IMMEDIATE:
            self.serial += 1
            book.add(PlainOrder(self.serial, sender, side, tick, lots))
            return ENTERED, wanted - lots, self.serial
        return ENTERED, wanted - lots, 0

    def withdraw(self, row: int, at: int, orders: list[PlainOrder]) -> tuple[int, int, int]:
        """Cancel these orders."""
        for order in orders:
            self.fills.append((row, RELEASED, order.owner, order.side, order.tick, order.lots, at))
            self.books[at].take(order, order.lots)
        return (ENTERED if orders else UNKNOWN_ORDER), 0, 0

    def message(self, row: int, message: list[int]) -> tuple[tuple[int, int, int], int]:
        """What becomes of one message, and its book's mid after it."""
        action, at, sender, side, tick, lots, flag, number = message
        book = self.books[at]
        if action == LIMIT:
            result = self.enter(row, at, sender, side, tick, lots, flag)
        elif action == CANCEL:
            found = book.resting.get(number >> 24)
            result = self.withdraw(row, at, [found] if found and found.owner == sender else [])
        else:
            own = [order for order in book.resting.values() if order.owner == sender]
            result = self.withdraw(row, at, own[::-1])
        return result, book.mark()


class Stream:
    """A market's life as messages: limit orders near the touch, market orders, cancellations of what rests.

    Cancellations name orders that are alive at the start of their chunk, so the stream is made by running it once; some
    of these orders have traded when the cancellation comes, as happens.
    """

    def __init__(self, count: int, warm: int = WARM, seed: int = 3) -> None:
        rng, engine = np.random.default_rng(seed), new_engine()
        parts, self.warm, total = [], warm, 0
        while total < warm + count:
            rows = messages(rng, CHUNK, engine)
            play(engine, rows)
            parts.append(rows)
            total += len(rows)
        self.rows = np.ascontiguousarray(np.concatenate(parts)[: warm + count])
        self.live = engine.live

    def matched(self, count: int, compared: int) -> Job:
        """The compiled book on the messages after the warm-up."""
        engine = new_engine()
        play(engine, self.rows[: self.warm])
        rows = self.rows[self.warm : self.warm + count]
        books, fills = engine.room(count), engine.fills(count)
        fills[:] = 0
        results, mids = np.zeros((count, 3), dtype=np.int64), np.zeros(count, dtype=np.int64)
        found = [0]

        def work() -> None:
            found[0] = match_messages(books, rows, 0, fills, results, mids)

        def answer() -> dict[str, Any]:
            made = fills[: found[0]]
            made = made[made[:, 0] < compared][:, [0, 1, 3, 4, 5, 6, 7]]
            said = results[:compared].copy()
            said[:, 2] >>= 24
            return {"fills": made, "results": said, "mids": mids[:compared]}

        return Job(work, answer)

    def plain(self, compared: int) -> Job:
        """The plain book on the first of them."""
        exchange = PlainExchange([2 * MID] * BOOKS)
        for row, message in enumerate(self.rows[: self.warm].tolist()):
            exchange.message(row, message)
        rows = self.rows[self.warm : self.warm + compared].tolist()
        exchange.fills.clear()
        said: list[tuple[tuple[int, int, int], int]] = []
        return Job(
            lambda: said.extend(exchange.message(row, message) for row, message in enumerate(rows)),
            lambda: {
                "fills": np.array(exchange.fills),
                "results": np.array([result for result, _ in said]),
                "mids": np.array([mid for _, mid in said]),
            },
        )


def new_engine() -> Matching:
    """Empty books."""
    engine = Matching(BOOKS, ACCOUNTS)
    engine.books.marks[:, MID2] = 2 * MID
    return engine


def play(engine: Matching, rows: Ints) -> tuple[Ints, Ints, Ints]:
    """Run a batch: (fills, results, mids)."""
    n = len(rows)
    results, mids = np.empty((n, 3), dtype=np.int64), np.empty(n, dtype=np.int64)
    books, fills = engine.room(n), engine.fills(n)
    return fills[: match_messages(books, rows, 0, fills, results, mids)], results, mids


def messages(rng: np.random.Generator, n: int, engine: Matching) -> Ints:
    """(m, 8) messages in random order: n limit orders, a tenth of them post-only, n / 10 market orders, cancellations.

    Of the orders that rest one in `LIFE` is cancelled, so that their number settles where as many go as come.
    """
    count, orders = n + n // 10, engine.books.orders
    alive = np.flatnonzero(orders[:, ID])
    alive = alive[rng.random(alive.size) < 1.0 / LIFE]
    rows = np.zeros((count + alive.size, 8), dtype=np.int64)
    new, old = rows[:count], rows[count:]
    side = rng.integers(0, 2, count)
    new[:, BOOK], new[:, SENDER] = rng.integers(0, BOOKS, count), rng.integers(0, ACCOUNTS, count)
    new[:, TOWARDS] = side
    distance = np.minimum((6.0 * ((1.0 - rng.random(count)) ** (-1.0 / 1.2) - 0.9)).astype(np.int64), 6_000)
    new[:, TICK], new[:, LOTS] = MID + (2 * side - 1) * distance, 1 + rng.geometric(0.1, count)
    new[rng.random(count) < 0.1, FLAG] = POST_ONLY
    new[n:, FLAG], new[n:, TICK], new[n:, LOTS] = IMMEDIATE, MID - (2 * side[n:] - 1) * 100, 3 * new[n:, LOTS]
    old[:, NUMBER], old[:, BOOK], old[:, SENDER] = orders[alive, ID], orders[alive, SIDE] >> 1, orders[alive, OWNER]
    old[:, ACTION] = np.where(rng.random(alive.size) < 0.001, CANCEL_ALL, CANCEL)
    return rng.permutation(rows)


def contenders(scale: float = 1.0) -> list[Contender]:
    """Matching alone: the compiled book on a long stream, the plain one on its beginning."""
    count = max(200, int(MESSAGES * scale))
    stream, compared = Stream(count, max(100, int(WARM * min(scale, 1.0)))), min(COMPARED, count)
    return [
        Contender("compiled", lambda: stream.matched(count, compared), count, 15),
        Contender("plain Python", lambda: stream.plain(compared), compared, 3),
    ]


def market(accounts: int, ticks: int) -> World:
    """An order book on which so many zero-intelligence accounts trade, after it has filled."""
    load_components()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "market.toml"
        file.write_text(MARKET.format(accounts=accounts, ticks=ticks + FILLING))
        return build(load(file))


def step(model: SpilloverModel, ticks: int) -> tuple[int, float]:
    """(orders, processor seconds) of some ticks."""
    before, start = model.world.events.count, process_time()
    for _ in range(ticks):
        model.step()
    return model.world.events.count - before, process_time() - start


def in_market(scale: float) -> tuple[list[float], list[str]]:
    """Million orders per second of stretches of a run through `model.step()`, and where the time goes by phase."""
    ticks = max(2, int(TICKS * min(scale, 1.0)))
    model = SpilloverModel(market(max(10, int(ACCOUNTS * min(scale, 1.0))), 5 * ticks))
    step(model, FILLING)
    for phase in model.phases:
        phase.nanoseconds = 0
    speeds, total = [], 0
    for _ in range(5):
        orders, seconds = step(model, ticks)
        speeds.append(orders / seconds / 1e6)
        total += orders
    times = [f"{phase.name:<10} {phase.nanoseconds / total:8.1f} ns per order" for phase in model.phases]
    return speeds, [f"{total / ticks / 5.0:.0f} orders per tick", *times]


def run(scale: float = 1.0) -> Report:
    """Messages per second of matching alone, and orders per second of a whole market."""
    compiled, plain = race(contenders(scale))
    speeds, profile = in_market(scale)
    million = "million messages/s"
    label = f"{ACCOUNTS} zero-intelligence and 20 market-making accounts through model.step()"
    detail = f"best {max(speeds):.4g}"
    through = Figure(label, float(np.median(speeds)), "million orders/s", STEP_TARGET, detail=detail)
    figures = [
        speed(compiled, 1e6, million, TARGET),
        speed(plain, 1e6, million),
        ratio("compiled over plain Python", compiled, plain),
        through,
    ]
    return Report(NAME, TITLE, figures, "trades, statuses, order numbers and mid prices of every message", [], profile)
