"""A leveraged-trader market twice: as plain Mesa, one object per trader, and as one population of Spillover.

Both follow the rule of `margin_kernels.choose_orders`: traders decide on the price that all of them see, then trade at
the one average price of their net, so the order in which they act does not matter, and both sides must come to the
same balances to the atom and the same prices to the bit. Both read the same fundamental and the same draws. Mesa gets
its draws from one NumPy call per tick, as a list, which is cheaper than `self.random.random()` in every agent.
"""

import math
import tempfile
from pathlib import Path
from typing import Any

import mesa
import numpy as np

from benchmarks import margin_desk
from benchmarks.harness import Contender, Job, Report, race, ratio, speed
from experiments.build import build
from experiments.catalogue import load_components
from experiments.config import Config, load
from protocols.shared.depth.kernels import average_price, displacement, recover
from sim.model import SpilloverModel

NAME = "mesa"
TITLE = "Leveraged-trader market: plain Mesa against a population behind model.step()"
TRADERS, TICKS = 100_000, 40
TARGET = 300.0
"""Times Mesa."""
TURNOVER = 100_000.0
"""USD per day and trader on the market that the net trades on."""

CONFIG = """
[run]
name = "leveraged traders"
ticks = {ticks}
dt = "1min"
seed = 5
[record]
every = 1000
networks = ["0min"]
[chain]
allowance = 0.0
[[assets]]
name = "USD"
numeraire = true
price = 1.0
[[assets]]
name = "ETH"
price = 2000.0
[[processes]]
name = "eth"
kind = "shock_path"
assets = ["ETH"]
volatility = 1.0
knots = [["15min", 0.0], ["17min", -0.25], ["{last}min", -0.25]]
[[protocols]]
name = "desk"
kind = "margin_desk"
book = {{ asset = "ETH", daily_volatility = 0.04, daily_volume = {volume}, y = 1.0, delta = 0.5, epsilon = 1e-6 }}
[[agents]]
name = "traders"
kind = "desk_clients"
count = {count}
desk = "desk"
asset = "ETH"
"""


class Trader(mesa.Agent):
    """One leveraged trader."""

    def __init__(self, model: "TraderMarket", number: int, coins: int, leverage: float) -> None:
        super().__init__(model)
        self.number, self.coins, self.cash, self.leverage = number, coins, 0, leverage
        self.order = 0

    def step(self) -> None:
        """Trade a part of the gap to the target; sell everything if the equity is gone."""
        model = self.model
        value = self.coins * model.price
        equity = self.cash + value
        if equity < model.maintenance * value:
            self.order = -self.coins
            model.liquidated += self.coins > 0
        else:
            tilt = 1.0 + model.reaction * model.trend + model.noise * (2.0 * model.luck[self.number] - 1.0)
            goal = self.leverage * max(tilt, 0.0) * equity * model.per_usd
            self.order = math.floor(model.speed * (goal - self.coins))
        model.net += self.order

    def settle(self) -> None:
        """Take delivery and pay."""
        self.coins += self.order
        self.cash -= math.ceil(self.order * self.model.paid)


class TraderMarket(mesa.Model):
    """The market in plain Mesa, set up with the fundamental, the draws and the targets of a Spillover world."""

    def __init__(self, world: Any) -> None:
        super().__init__(rng=np.random.default_rng(1))
        traders, self.book = world.population("traders"), world.protocol("desk").market
        self.speed, self.maintenance = traders.speed, traders.maintenance
        self.reaction, self.noise, self.lookback = traders.reaction, traders.noise, traders.lookback
        self.fundamental = world.prices.fundamental[:, 1].tolist()
        self.draws, self.dt = world.actors[0].draws, world.clock.dt
        self.prices: list[float] = []
        self.x, self.tick, self.liquidated = 0.0, 0, 0
        coins = world.ledger.balance[1, traders.lo : traders.hi].tolist()
        Trader.create_agents(self, traders.count, list(range(traders.count)), coins, traders.target.tolist())

    def step(self) -> None:
        """One tick: the price moves, all decide, the net trades, all settle."""
        self.look()
        self.decide()
        self.clear()
        self.agents.do("settle")
        self.tick += 1

    def look(self) -> None:
        """Follow the fundamental and freeze what traders see."""
        self.x, _ = recover(self.x, self.book.rate, self.dt, self.book.depth)
        self.price = self.market_price()
        self.per_usd = 1.0 / self.price
        self.prices.append(self.price)
        self.trend = float(np.log(self.price / self.prices[max(self.tick - self.lookback, 0)]))
        self.draws.tick = self.tick
        self.luck = self.draws.of(self.draws.labels).tolist()

    def decide(self) -> None:
        """Every trader states its order."""
        self.net = 0
        self.agents.do("step")

    def clear(self) -> None:
        """Trade the net at one average price."""
        size = self.net / self.book.units[0]
        fundamental = math.exp(self.fundamental[self.tick])
        self.paid = average_price(self.x, size, fundamental, self.book.depth) * self.book.units[1] / self.book.units[0]
        self.x += size
        self.prices[-1] = self.market_price()

    def market_price(self) -> float:
        """USD per coin at the present displacement."""
        return float(np.exp(self.fundamental[self.tick] + displacement(self.x, self.book.depth)))

    def answer(self) -> dict[str, Any]:
        """Prices and everybody's holdings."""
        return {
            "price": np.array(self.prices),
            "liquidated": self.liquidated,
            "coins": np.array(self.agents.get("coins")),
            "cash": np.array(self.agents.get("cash")),
        }


class ShuffledMarket(TraderMarket):
    """The same with `shuffle_do`, the idiom of Mesa's tutorials; here it changes nothing but the time."""

    def decide(self) -> None:
        """Every trader states its order, in random order."""
        self.net = 0
        self.agents.shuffle_do("step")


def config(traders: int, ticks: int) -> Config:
    """The market as a Spillover config."""
    load_components()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{margin_desk.__name__}.toml"
        file.write_text(CONFIG.format(ticks=ticks, last=ticks - 1, count=traders, volume=TURNOVER * traders / 2000.0))
        return load(file)


def spillover_job(settings: Config) -> Job:
    """A fresh world, advanced through `SpilloverModel.step`."""
    model = SpilloverModel(build(settings))
    return Job(model.run, lambda: spillover_answer(model))


def spillover_answer(model: SpilloverModel) -> dict[str, Any]:
    """Prices and everybody's holdings."""
    world = model.world
    traders: Any = world.population("traders")
    usd, coins, debt = (world.ledger.balance[token, traders.lo : traders.hi] for token in (0, 1, 2))
    return {
        "price": world.prices.history[:, 1].copy(),
        "liquidated": traders.liquidated,
        "coins": coins.copy(),
        "cash": usd + debt,
    }


def mesa_job(settings: Config, market: type[TraderMarket]) -> Job:
    """A fresh Mesa model."""
    model, ticks = market(build(settings)), settings.run.ticks

    def work() -> None:
        for _ in range(ticks):
            model.step()

    return Job(work, model.answer)


def contenders(scale: float = 1.0) -> list[Contender]:
    """Spillover, Mesa with `do` and Mesa with `shuffle_do`; units are trader-ticks."""
    settings = config(max(20, int(TRADERS * scale)), TICKS)
    units = settings.components("population")[0].count * TICKS
    return [
        Contender("Spillover", lambda: spillover_job(settings), units, 25),
        Contender("Mesa, agents.do", lambda: mesa_job(settings, TraderMarket), units, 3),
        Contender("Mesa, agents.shuffle_do", lambda: mesa_job(settings, ShuffledMarket), units, 2),
    ]


def run(scale: float = 1.0) -> Report:
    """Both markets, tick for tick."""
    ours, plain, shuffled = race(contenders(scale))
    million = "million trader-ticks/s"
    figures = [
        speed(ours, 1e6, million),
        speed(plain, 1e6, million),
        speed(shuffled, 1e6, million),
        ratio("Spillover over Mesa, agents.do", ours, plain, TARGET),
        ratio("Spillover over Mesa, agents.shuffle_do", ours, shuffled, TARGET),
    ]
    agreed = "prices of every tick, liquidations, coins and cash of every trader, bit for bit"
    return Report(NAME, TITLE, figures, agreed)
