"""What every registered metric must do."""

import numpy as np
import pytest

from experiments.build import build
from sim.interfaces import Metric
from sim.model import SpilloverModel
from sim.registry import kinds, lookup, summary
from tests.town import PEOPLE, history, town
from tests.worlds import load_components

load_components()
KINDS = kinds("metric")
OUTCOMES = (
    "liquidations", "liquidated_usd", "bad_debt_usd", "drawdown.ETH", "exogenous_drawdown.ETH", "amplification.ETH",
    "branching_ratio", "cascade_max_usd", "ledger_residual",
)  # fmt: skip
PRIVATE = ("return", "volatility", "max_drawdown", "cvar95", "ruined_share")


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_a_metric_that_says_what_it_measures(kind):
    cls = lookup("metric", kind)
    assert issubclass(cls, Metric)
    assert len(summary(cls)) > 20


@pytest.mark.parametrize("kind", KINDS)
def test_it_measures_numbers_and_changes_nothing(kind):
    world = build(town(sets=("run.ticks=25",)))
    metric, model = lookup("metric", kind)(), SpilloverModel(world)
    while model.running:
        model.step()
        before = world.ledger.balance.copy(), world.prices.history.copy(), world.events.count, world.orders.count
        found = metric.step(world) | (metric.final(world) if world.clock.tick == 24 else {})
        assert all(isinstance(name, str) and isinstance(value, float) for name, value in found.items())
        assert np.array_equal(world.ledger.balance, before[0])
        assert np.array_equal(world.prices.history, before[1])
        assert (world.events.count, world.orders.count) == before[2:]


def test_samples_have_the_same_columns_at_every_tick_and_no_name_is_used_twice():
    world = history()
    names = [tuple(row) for row in world.recorder.steps]
    assert len(set(names)) == 1
    for call in ("step", "final"):
        columns = [set(getattr(metric, call)(history(1))) for metric in history(1).metrics]
        assert sum(map(len, columns)) == len(set().union(*columns))


def test_outcomes_have_the_stable_names_and_make_sense():
    found = {name: value for metric in history().metrics for name, value in metric.final(history()).items()}
    assert set(OUTCOMES) <= set(found)
    assert {f"{kind}.{name}" for kind in PEOPLE for name in PRIVATE} <= set(found)
    assert found["ledger_residual"] == 0.0
    assert found["liquidations"] > 0
    assert 0.0 < found["exogenous_drawdown.ETH"] < 1.0
    assert 0.0 <= found["branching_ratio"] < 1.0
    assert found["cascade_max_usd"] <= found["liquidated_usd"]
    assert all(0.0 <= found[f"{kind}.ruined_share"] <= 1.0 for kind in PEOPLE)
    assert all(found[f"{kind}.return"] >= -1.0 for kind in PEOPLE)
