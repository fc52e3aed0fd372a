"""Making a million accounts: a world through `experiments.build`, NumPy arrays as a floor, Mesa agents as a peer."""

import tempfile
from pathlib import Path
from typing import Any

import mesa
import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Contender, Figure, Job, Report, race, ratio, speed
from experiments.build import build
from experiments.catalogue import load_components
from experiments.config import Config, load
from sim.intents import Intent
from sim.interfaces import Endowment, Population
from sim.registry import component
from sim.rng import Draws
from sim.views import View
from sim.world import World

NAME = "creation"
TITLE = "Creation of 1M accounts that hold two tokens"
ACCOUNTS, MESA_AGENTS = 1_000_000, 100_000
TARGET = 0.2
"""Seconds for a million accounts."""
USD, ETH = 5_000_000_000, 2_000_000_00
"""Atoms that each account starts with."""

CONFIG = """
[run]
name = "creation"
ticks = 10
dt = "1min"
[chain]
allowance = 0.0
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
[[protocols]]
name = "market"
kind = "depth_market"
[[protocols.books]]
asset = "ETH"
daily_volatility = 0.03
daily_volume = 1e6
[[agents]]
name = "savers"
kind = "savers"
count = {count}
"""


@component("population", "savers")
class Savers(Population):
    """Hold two tokens and do nothing."""

    def endow(self, view: View, rng: np.random.Generator) -> Endowment:
        """The same balances for everybody."""
        return Endowment(balances={0: np.full(self.count, USD), 1: np.full(self.count, ETH)})

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Nothing."""
        return []


class Saver(mesa.Agent):
    """The same as a Mesa agent."""

    def __init__(self, model: mesa.Model, usd: int, eth: int) -> None:
        super().__init__(model)
        self.usd, self.eth = usd, eth


def config(count: int) -> Config:
    """A world with one population of `count` accounts."""
    load_components()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "creation.toml"
        file.write_text(CONFIG.format(count=count))
        return load(file)


def spillover_job(settings: Config) -> Job:
    """Build the world."""
    made: list[World] = []

    def answer() -> dict[str, Any]:
        savers, balance = made[-1].population("savers"), made[-1].ledger.balance
        return held(balance[0, savers.lo :], balance[1, savers.lo :], savers.count)

    return Job(lambda: made.append(build(settings)), answer)


def numpy_job(count: int) -> Job:
    """Fill two arrays, which is the least that any program has to do."""
    made: list[NDArray[np.int64]] = []

    def work() -> None:
        made.append(np.full((2, count), USD))
        made[-1][1] = ETH

    return Job(work, lambda: held(made[-1][0], made[-1][1], count))


def mesa_job(count: int) -> Job:
    """One object per account."""
    model = mesa.Model(rng=np.random.default_rng(1))
    return Job(
        lambda: Saver.create_agents(model, count, USD, ETH),
        lambda: held(np.array(model.agents.get("usd")), np.array(model.agents.get("eth")), count),
    )


def held(usd: NDArray[np.int64], eth: NDArray[np.int64], count: int) -> dict[str, Any]:
    """Whether everybody is there, and the balances that occur; contenders may differ in how many they make."""
    return {"complete": usd.size == count and eth.size == count, "usd": np.unique(usd), "eth": np.unique(eth)}


def contenders(scale: float = 1.0) -> list[Contender]:
    """Spillover, NumPy and Mesa; Mesa makes a tenth of the accounts."""
    count, objects = max(100, int(ACCOUNTS * scale)), max(100, int(MESA_AGENTS * scale))
    settings = config(count)
    return [
        Contender("Spillover, build of the whole world", lambda: spillover_job(settings), count, 11),
        Contender("NumPy, two arrays", lambda: numpy_job(count), count, 11),
        Contender("Mesa, create_agents", lambda: mesa_job(objects), objects, 3),
    ]


def run(scale: float = 1.0) -> Report:
    """Seconds for a million accounts, and accounts per second beside the peers."""
    ours, arrays, objects = race(contenders(scale))
    detail = f"best {1e6 / ours.best:.3g}"
    million = "million accounts/s"
    figures = [
        Figure("Spillover, 1M accounts", 1e6 / ours.median, "s", TARGET, at_most=True, detail=detail),
        speed(ours, 1e6, million),
        speed(arrays, 1e6, million),
        speed(objects, 1e6, million),
        ratio("Spillover over Mesa", ours, objects),
        ratio("NumPy over Spillover", arrays, ours),
    ]
    return Report(NAME, TITLE, figures, "every account's balances, to the atom")
