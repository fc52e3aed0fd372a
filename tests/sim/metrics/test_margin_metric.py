"""Margin utilisation of venues, and a limit on it that binds."""

import numpy as np
import pytest

from sim.metrics.margin import MarginMetric
from tests.agents.option_worlds import story

STRANGLES = 'exposure = 0.5\ndelta = 0.2\nevery = "4h"\nexpiry = "7d"\ntake_profit = 1.0\nstop_loss = 1e9\n'


def sellers(limit):
    """A day of sold strangles on four assets with a limit on margin use."""
    people = ("theta", "theta_harvesters", f"{STRANGLES}most_margin = {limit}")
    return story(people, assets=4, ticks=7, dt="4h", strikes=(0.85, 0.9, 1.1, 1.15))


def test_utilisation_is_required_over_posted_margin():
    world = sellers(1.0).world
    row = MarginMetric().step(world)
    state = world.protocol("options").margins(world)
    used = state.initial > 0.0
    assert used.sum() == 4
    assert row["margin_utilisation.options"] == pytest.approx(state.initial[used].sum() / state.equity[used].sum())
    assert row["margin_utilisation_max.options"] == pytest.approx((state.initial[used] / state.equity[used]).max())
    assert "margin_utilisation.market" not in row


def test_a_limit_of_those_who_sell_binds():
    free = MarginMetric().step(sellers(1.0).world)["margin_utilisation_max.options"]
    bound = MarginMetric().step(sellers(0.05).world)["margin_utilisation_max.options"]
    assert free > 0.1
    assert bound == pytest.approx(0.05, rel=0.1)


def test_without_positions_nothing_is_used():
    world = story(assets=1, ticks=2).world
    assert set(MarginMetric().step(world).values()) == {0.0}
    assert np.isfinite(list(MarginMetric().step(world).values())).all()
