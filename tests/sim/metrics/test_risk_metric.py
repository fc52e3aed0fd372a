"""Reward for risk of every population, from the wealth that was sampled."""

import math

import numpy as np
import pytest

from sim.math import risk
from sim.metrics.market import max_drawdown
from sim.metrics.risk import RiskMetric
from tests.worlds import DEPTH, STILL, WILD, make_world, people, run

NAMES = ("sharpe", "sortino", "calmar", "var95", "es95")


@pytest.fixture
def holders():
    agents = [people("long", ETH=10.0), people("half", USD=20_000.0, ETH=10.0), people("cash", USD=1000.0)]

    def make(process=WILD, every=1, ticks=100):
        world = make_world(
            process,
            DEPTH,
            *agents,
            people("poor"),
            sets=(f"run.ticks={ticks}", f"record.every={every}", "chain.allowance=0.0"),
        )
        run(world)
        return world, RiskMetric().final(world)

    return make


@pytest.mark.parametrize("every", [1, 7])
def test_a_holder_has_the_risk_of_what_it_holds(holders, every):
    world, found = holders(every=every)
    wealth = np.array([20_000.0] + [row["long.wealth"] for row in world.recorder.steps])
    profit = np.diff(wealth) / wealth[0]
    ticks = [row["tick"] for row in world.recorder.steps]
    per_year = 1.0 / (np.diff(ticks).mean() * world.clock.dt_years)
    assert found["long.sharpe"] == pytest.approx(risk.sharpe(profit, per_year))
    assert found["long.sortino"] == pytest.approx(risk.sortino(profit, per_year))
    assert found["long.var95"] == pytest.approx(risk.historical_var(profit))
    assert found["long.es95"] == pytest.approx(risk.historical_es(profit))
    growth = (wealth[-1] / wealth[0] - 1.0) / (100 * world.clock.dt_years)
    assert found["long.calmar"] == pytest.approx(growth / max_drawdown(wealth))


def test_half_the_position_has_half_the_tail_loss_and_the_same_ratios(holders):
    found = holders()[1]
    for name in ("var95", "es95"):
        assert found[f"half.{name}"] == pytest.approx(0.5 * found[f"long.{name}"], rel=1e-6)
    for name in ("sharpe", "sortino"):
        assert found[f"half.{name}"] == pytest.approx(found[f"long.{name}"], rel=1e-6)
    assert found["long.es95"] >= found["long.var95"] > 0.0


def test_cash_and_nothing_have_zeros(holders):
    found = holders()[1]
    assert [found[f"{who}.{name}"] for who in ("cash", "poor") for name in NAMES] == [0.0] * 10


def test_every_number_is_there_and_none_is_undefined(holders):
    world, found = holders(process=STILL, every=100, ticks=2)
    assert set(found) == {f"{actor.population.name}.{name}" for actor in world.actors for name in NAMES}
    assert not any(math.isnan(value) for value in found.values())
