"""Speed of losses, frozen reserves, pegs, and tail dependence of populations."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from sim.events import EventLog, Kind
from sim.math.risk import sample_mes
from sim.math.systemic.dependence import delta_covar
from sim.metrics.covar import FEWEST, CovarMetric
from sim.metrics.freeze import FreezeMetric
from sim.metrics.pegs import PegsMetric
from sim.metrics.speed import SpeedMetric
from tests.town import history
from tests.worlds import DEPTH, LENDING, ORACLE, STILL, WILD, make_world, people, run


def ledger_of(wealth, dt=60.0, forced=()):
    """What a metric sees of a run in which one population's wealth took this path, one sample a tick."""
    events = EventLog()
    for tick, kind, usd in forced:
        events.tick = tick
        events.add(kind, value=usd)
    crowd = SimpleNamespace(name="crowd", lo=0, hi=1)
    return SimpleNamespace(
        clock=SimpleNamespace(dt=dt, tick=len(wealth) - 2),
        recorder=SimpleNamespace(steps=[{"tick": t, "crowd.wealth": usd} for t, usd in enumerate(wealth[1:])]),
        opening_wealth=np.array(wealth[:1]),
        actors=[SimpleNamespace(population=crowd)],
        events=events,
    )


def test_losses_and_forced_sales_are_timed():
    forced = [
        (1, Kind.LIQUIDATION, 10.0),
        (2, Kind.BAD_DEBT, 500.0),
        (3, Kind.DELEVERAGE, 70.0),
        (5, Kind.LIQUIDATION, 20.0),
    ]
    found = SpeedMetric().final(ledger_of([100.0, 110.0, 100.0, 97.0, 60.0, 40.0, 45.0], forced=forced))
    assert [found[f"contagion_speed_{share}_s"] for share in (10, 50, 90)] == [60.0, 180.0, 240.0]
    assert [found[f"forced_speed_{share}_s"] for share in (10, 50, 90)] == [0.0, 120.0, 240.0]
    assert (found["loss_time_5_s"], found["loss_time_50_s"]) == (240.0, 300.0)


def test_no_losses_have_no_time():
    assert all(math.isnan(value) for value in SpeedMetric().final(ledger_of([100.0, 101.0, 102.0])).values())
    assert all(math.isnan(value) for value in SpeedMetric().final(ledger_of([0.0, 0.0, 0.0])).values())


@pytest.fixture(scope="module")
def pool():
    """A pool of which bob has borrowed half the dollars, or nearly all."""

    def make(debt, cash=1e4, every=3):
        world = make_world(
            STILL, DEPTH, LENDING, ORACLE,
            people("bob", ETH=20.0, opens=f'[["deposit", "aave", "ETH", 20.0], ["borrow", "aave", "USD", {debt}]]'),
            people("saver", USD=cash, opens=f'[["deposit", "aave", "USD", {cash}]]'),
            sets=(f"record.every={every}",),
        )  # fmt: skip
        run(world)
        return world

    return make


@pytest.mark.parametrize("every", [1, 5, 50])
def test_a_used_up_reserve_is_frozen_all_the_time(pool, every):
    world = pool(9_990.0, every=every)
    found = next(metric for metric in world.metrics if isinstance(metric, FreezeMetric)).final(world)
    assert found == {"freeze_s.aave.ETH": 0.0, "freeze_s.aave.USD": 12 * 600.0}


def test_a_half_used_reserve_is_not(pool):
    world = pool(5_000.0)
    found = next(metric for metric in world.metrics if isinstance(metric, FreezeMetric)).final(world)
    assert set(found.values()) == {0.0}


def test_a_dollar_is_as_far_from_its_peg_as_its_price():
    world = history()
    away = np.abs(world.prices.history[:, world.tokens["USDE"].index] - 1.0)
    found = PegsMetric().final(world)
    assert found["peg_deviation_max.USDE"] == away.max() > 1e-3
    assert found["peg_deviation_mean.USDE"] == away.mean()
    assert "peg_deviation_max.ETH" not in found


def test_receipts_of_a_pool_with_uncovered_debt_leave_par(pool):
    world, metric = pool(9_000.0), PegsMetric()
    metric.step(world)
    assert metric.final(world)["peg_deviation_max.aave.receipt.USD"] == pytest.approx(0.0, abs=1e-9)
    quote = world.quotes["aave"]
    world.quotes["aave"] = quote._replace(cover=np.array([1.0, 0.9]))
    metric.step(world)
    found = metric.final(world)
    assert found["peg_deviation_max.aave.receipt.USD"] == pytest.approx(0.1)
    assert found["peg_deviation_mean.aave.receipt.USD"] == pytest.approx(0.05)
    assert found["peg_deviation_max.aave.receipt.ETH"] == pytest.approx(0.0, abs=1e-9)


@pytest.fixture(scope="module")
def holders():
    world = make_world(
        WILD, DEPTH, people("long", ETH=10.0), people("half", USD=20_000.0, ETH=10.0), people("cash", USD=1e3),
        people("poor"), sets=("run.ticks=200", "chain.allowance=0.0"),
    )  # fmt: skip
    run(world)
    return world


def test_populations_are_measured_against_all_of_them(holders):
    found, steps = CovarMetric().final(holders), holders.recorder.steps
    start = {"long": 20_000.0, "half": 40_000.0, "cash": 1e3, "poor": 0.0}
    paths = {name: np.array([start[name], *(row[f"{name}.wealth"] for row in steps)]) for name in start}
    system = np.diff(sum(paths.values())) / 61_000.0
    for name in ("long", "half"):
        own = np.diff(paths[name]) / start[name]
        assert found[f"delta_covar.{name}"] == pytest.approx(delta_covar(own, system), rel=1e-6)
        assert found[f"mes.{name}"] == pytest.approx(sample_mes(own, system))
    assert [found[f"{kind}.{name}"] for kind in ("delta_covar", "mes") for name in ("cash", "poor")] == [0.0] * 4


def test_half_the_exposure_has_half_the_shortfall_and_the_same_covar(holders):
    found = CovarMetric().final(holders)
    assert found["mes.half"] == pytest.approx(0.5 * found["mes.long"], rel=1e-6)
    assert found["delta_covar.half"] == pytest.approx(found["delta_covar.long"], rel=1e-3)
    assert found["mes.long"] < found["delta_covar.long"] < 0.0


@pytest.mark.parametrize(("ticks", "known"), [(FEWEST - 1, False), (FEWEST, True)])
def test_few_samples_say_nothing(ticks, known):
    world = make_world(WILD, DEPTH, people("long", ETH=10.0), sets=(f"run.ticks={ticks}",))
    run(world)
    assert math.isfinite(CovarMetric().final(world)["mes.long"]) == known
