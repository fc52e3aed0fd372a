"""Risk targeters: Greeks within their budgets after every rebalance, at the least cost."""

import numpy as np
import pytest

from experiments.build import build
from sim.errors import ConfigError
from sim.model import SpilloverModel
from sim.phases import look
from tests.agents.option_worlds import actor_of, option_config

BOOK = """
legs_held = [{ option = "call", amount = -2.0, expiry = "28d", delta = 0.3 }]
instruments = [{ option = "call", amount = 1.0, expiry = "28d" }, { option = "put", amount = 1.0, expiry = "56d" }]
stock = 20.0
every = "4h"
"""
BUDGETS = {"delta": (0.2, 0.02), "vega": (0.0004, 0.0001), "gamma": (0.0, 0.01)}


def budget_lines(budgets):
    rows = (f'{{ greek = "{greek}", target = {target}, band = {band} }}' for greek, (target, band) in budgets.items())
    return f"budgets = [{', '.join(rows)}]\n"


def make(budgets, settings=BOOK, ticks=30, **more):
    people = ("targets", "risk_targeters", settings + budget_lines(budgets))
    more = {"assets": 3, "dt": "4h", "every": "28d", "listed": 2, "strikes": (0.9, 1.0, 1.1), **more}
    return build(option_config(people, ticks=ticks, **more))


def after_each_tick(world):
    """(ticks, n, budgets) Greeks in the units of the budgets, once everybody has traded."""
    model, actor, seen = SpilloverModel(world), actor_of(world, "targets"), []
    while model.running:
        model.step()
        look(world)
        seen.append(actor.population.budgeted(actor.view))
    return np.array(seen)


@pytest.mark.parametrize("greeks", [["delta"], ["delta", "vega"], ["delta", "vega", "gamma"]], ids="-".join)
def test_after_a_rebalance_every_greek_is_within_its_band(greeks):
    budgets = {greek: BUDGETS[greek] for greek in greeks}
    seen = after_each_tick(make(budgets))
    for place, (target, band) in enumerate(budgets.values()):
        assert np.abs(seen[:, :, place] - target).max() <= band * (1.0 + 1e-6)
        assert np.ptp(seen[:, :, place]) > 0.1 * band


def test_without_bands_the_book_is_neutral_to_whole_atoms():
    seen = after_each_tick(make({"delta": (0.0, 0.0), "vega": (0.0, 0.0), "gamma": (0.0, 0.0)}, ticks=6))
    assert np.abs(seen).max() < 1e-8


def test_budgets_within_reach_of_nothing_are_left_alone():
    only_delta = BOOK.split("instruments")[0] + 'instruments = [{ option = "call", amount = 1.0 }]\nstock = 20.0\n'
    neutral = (0.0, 0.0)
    budgets = {"delta": neutral, "vega": neutral, "theta": (0.5, 0.0), "gamma": neutral}
    seen = after_each_tick(make(budgets, only_delta, ticks=4))
    assert np.isfinite(seen).all()
    assert np.abs(seen[:, :, 2] - 0.5).min() > 0.01


def test_theta_is_a_budget_too():
    seen = after_each_tick(make({"delta": (0.0, 0.05), "theta": (0.002, 0.0002)}))
    assert np.abs(seen[:, :, 1] - 0.002).max() <= 0.0002 * (1.0 + 1e-6)


def test_a_greek_named_twice_is_refused():
    twice = BOOK + budget_lines({"delta": (0.0, 0.1)}).replace("]", ', { greek = "delta" }]')
    people = ("targets", "risk_targeters", twice)
    with pytest.raises(ConfigError, match="delta named twice"):
        build(option_config(people, assets=1, ticks=3))
