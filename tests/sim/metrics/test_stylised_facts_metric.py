"""The stylised facts of a run: columns, and that they are those of the price path."""

import numpy as np
import pytest

from sim.math.stylised import stylised_facts
from sim.metrics.stylised_facts import FEWEST, StylisedFactsMetric
from tests.worlds import DEPTH, STILL, WILD, make_world, run

NAMES = ("hill", "kurtosis", "kurtosis_slope", "worst_return", "autocorrelation", "memory_slope")


def outcomes(ticks, process=WILD):
    world = make_world(process, DEPTH, sets=(f"run.ticks={ticks}", "record.checks='sampled'", f"record.every={ticks}"))
    run(world)
    return world, StylisedFactsMetric().final(world)


def test_columns_are_the_figures_of_the_reference_price():
    world, found = outcomes(700)
    facts = stylised_facts(np.diff(np.log(world.prices.history[:, world.tokens["ETH"].index])))
    assert facts.ticks == 699
    assert list(found) == [f"{name}.ETH" for name in NAMES]
    assert found["hill.ETH"] == facts.tail_index > 3.0
    assert found["worst_return.ETH"] == facts.worst < 0.0
    assert found["kurtosis.ETH"] == facts.kurtosis
    assert found["autocorrelation.ETH"] == facts.linear


@pytest.mark.parametrize(("ticks", "measured"), [(FEWEST, False), (FEWEST + 1, True)])
def test_a_short_run_has_no_such_columns(ticks, measured):
    assert bool(outcomes(ticks)[1]) == measured


def test_a_price_that_never_moves_has_the_columns_without_numbers():
    found = outcomes(600, STILL)[1]
    assert found["worst_return.ETH"] == 0.0
    assert np.isnan([found[f"{name}.ETH"] for name in NAMES if name != "worst_return"]).all()
