"""The quickstart ecosystem at 100,000 accounts, and the fixed cost of a tick in which hardly anybody acts.

Scaling by k takes k times the accounts, the total deposits and loans, and the volume of the market outside the model,
so that accounts stay as large as they were and the market stays as deep for each of them.
"""

import cProfile
import pstats
import tempfile
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from time import process_time_ns
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Contender, Figure, Job, Report, race
from experiments.build import build
from experiments.catalogue import load_components
from experiments.config import Config, load
from sim.events import Kind
from sim.model import SpilloverModel
from sim.world import World

NAME = "ecosystem"
TITLE = "The quickstart ecosystem at 100,000 accounts, one thread"
PRESET = "quickstart"
ACCOUNTS = 100_000
TARGET = 100.0
"""Million account-ticks per second."""
FIXED_TARGET = 0.4
"""Milliseconds per tick with ten small populations and four protocols."""
SMALL = 3
"""Accounts of each of the ten small populations."""
TICKS = 1440

TEN_AND_FOUR = """
extends = "quickstart"
[[protocols]]
name = "amm_btc"
kind = "constant_product"
asset = "BTC"
[[agents]]
name = "btc_providers"
kind = "liquidity_providers"
count = {count}
venue = "amm_btc"
asset = "BTC"
deposit_usd = {{ median = 300e3, spread = 1.0 }}
"""
LEFT_OUT = ("fixed_weights", "equal_weights", "inverse_volatility", "volatility_target")


def scaled(accounts: int) -> Config:
    """The preset with its counts, totals and volumes multiplied so that it holds about so many accounts."""
    load_components()
    preset = load(PRESET)
    factor = accounts / sum(population.count for population in preset.components("population"))
    sets = []
    for population in preset.components("population"):
        sets.append(f"agents.{population.name}.count={max(1, round(population.count * factor))}")
        for field in fields(population):
            total = getattr(getattr(population, field.name), "total", None)
            if total is not None:
                sets.append(f"agents.{population.name}.{field.name}.total={float(total * factor)}")
    for protocol in preset.components("protocol"):
        for book in getattr(protocol, "books", ()):
            volume = float(book.daily_volume * factor)
            sets.append(f"protocols.{protocol.name}.books.{book.asset}.daily_volume={volume}")
    return load(PRESET, sets)


def ten_and_four(count: int = SMALL) -> Config:
    """Ten populations of a few accounts each and four protocols, made from the preset."""
    load_components()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ten_and_four.toml"
        file.write_text(TEN_AND_FOUR.format(count=count))
        names = [population.name for population in load(file).components("population")]
        sets = [f"agents.{name}.count={0 if name in LEFT_OUT else count}" for name in names]
        return load(file, sets)


def accounts_of(config: Config) -> int:
    """Accounts of all populations together."""
    return sum(population.count for population in config.components("population"))


def answer(world: World) -> dict[str, Any]:
    """What a run came to, in figures that do not depend on which row is whose."""
    kinds = world.events.column("kind")
    return {
        "prices": world.prices.history.copy(),
        "residuals": world.ledger.residuals(),
        "supply": np.abs(world.ledger.balance).sum(axis=1),
        "events": np.bincount(kinds, minlength=len(Kind)),
    }


def job(make: Callable[[], World], ticks: int) -> Job:
    """Run a fresh world for a number of ticks."""
    model = SpilloverModel(make())
    return Job(lambda: advance(model, ticks), lambda: answer(model.world))


def advance(model: SpilloverModel, ticks: int) -> SpilloverModel:
    """Step a model."""
    for _ in range(ticks):
        model.step()
    return model


def permuted(config: Config) -> World:
    """The world with the rows of every population in another order and every invariant checked at every tick."""
    orders = {population.name: 11 for population in config.components("population") if population.count}
    return build(config, permute=orders)


def contenders(scale: float = 1.0) -> list[Contender]:
    """The run that is timed, and the same with permuted rows and all checks; units are account-ticks."""
    config, ticks = scaled(max(300, int(ACCOUNTS * scale))), max(10, int(TICKS * scale))
    checked = config.with_sets(["record.checks=every"])
    units = accounts_of(config) * ticks
    return [
        Contender("as configured", lambda: job(lambda: build(config), ticks), units, 3),
        Contender("permuted, fully checked", lambda: job(lambda: permuted(checked), ticks), units, 1),
    ]


def run(scale: float = 1.0) -> Report:
    """Speed, the split of a tick by phase, the cost of building, and the fixed cost of a tick."""
    timed, checked = race(contenders(scale))
    config, ticks = scaled(max(300, int(ACCOUNTS * scale))), max(10, int(TICKS * scale))
    accounts, million = accounts_of(config), "million account-ticks/s"
    start = process_time_ns()
    model = SpilloverModel(build(config))
    seconds = (process_time_ns() - start) / 1e9
    advance(model, ticks)
    cost = tick_costs(ten_and_four(), ticks)
    fixed = float(np.median(cost))
    figures = [
        Figure(f"{accounts:,} accounts", timed.median / 1e6, million, TARGET, detail=f"best {timed.best / 1e6:.4g}"),
        Figure("the same, fully checked", checked.median / 1e6, million),
        Figure("mean tick", accounts / timed.median * 1e3, "ms"),
        *(Figure(f"  {name}", share, "of the tick") for name, share in shares(model).items()),
        Figure("build", seconds, "s"),
        Figure("median tick of 10 small populations, 4 protocols", fixed, "ms", FIXED_TARGET, True,
               f"mean {cost.mean():.3g}, best {cost.min():.3g}"),
    ]  # fmt: skip
    profile = [] if figures[0].met else [f"{accounts:,} accounts:", *profiled(config, ticks)]
    profile += [] if figures[-1].met else ["10 small populations, 4 protocols:", *profiled(ten_and_four(), ticks)]
    agreed = "prices, supplies and event counts with and without permuted rows and full checks, bit for bit"
    return Report(NAME, TITLE, figures, agreed, profile=profile)


def shares(model: SpilloverModel) -> dict[str, float]:
    """Part of the time of all ticks that each phase took."""
    total = sum(phase.nanoseconds for phase in model.phases)
    return {phase.name: phase.nanoseconds / total for phase in model.phases}


def tick_costs(config: Config, ticks: int) -> NDArray[np.float64]:
    """(ticks,) milliseconds of processor time of each tick of a run."""
    model = SpilloverModel(build(config))
    stamps = [process_time_ns()]
    for _ in range(ticks):
        model.step()
        stamps.append(process_time_ns())
    return np.diff(stamps) / 1e6


def profiled(config: Config, ticks: int, top: int = 15) -> list[str]:
    """The functions with the most own time in a run, as lines: share of the total, calls a tick, place."""
    model = SpilloverModel(build(config))
    profiler = cProfile.Profile()
    profiler.runcall(advance, model, ticks)
    rows: dict[Any, Any] = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    total = sum(row[2] for row in rows.values())
    largest = sorted(rows.items(), key=lambda item: -item[1][2])[:top]
    return [
        f"{own / total:6.1%} {calls / ticks:8.1f} calls a tick  {_place(*where)}"
        for where, (_, calls, own, _, _) in largest
    ]


def _place(file: str, line: int, function: str) -> str:
    known = [part for part in ("sim", "agents", "protocols", "experiments") if f"/{part}/" in file]
    short = file[file.rindex(f"/{known[0]}/") + 1 :] if known else Path(file).name
    return function if line == 0 else f"{short}:{line} {function}"
