"""The volatility risk premium: what the metric says, and who earns it."""

import math

import numpy as np
import pytest

from sim.metrics.volatility import VolatilityMetric
from tests.agents.option_worlds import story

SHORT = (
    "writers",
    "delta_hedgers",
    'legs_held = [{ option = "call", amount = -1.0 }, { option = "put", amount = -1.0 }]\n'
    'stock = 2.0\nhedge = { kind = "calendar", every = "2h" }',
)


def week(realised, atm=0.7):
    """A week of short straddles of four weeks on 12 assets."""
    return story(SHORT, assets=12, volatility=realised, atm=atm, every="28d")


@pytest.mark.parametrize("realised", [0.5, 0.7, 0.9])
def test_short_volatility_earns_the_variance_premium(realised):
    """Per unit of half gamma S^2 dt, a hedged short straddle earns implied less realised variance."""
    told = week(realised)
    world = told.world
    metric = VolatilityMetric()
    metric.step(world)
    final = metric.final(world)
    spot = world.prices.history[:, 1:]
    dollars = (-0.5 * told.greeks["writers"][:-1, :, 1] * spot[:-1] ** 2 * world.clock.dt_years).sum(axis=0)
    earned = told.gain("writers") / dollars
    tracked = np.array([final[f"variance_premium.options.A{i}"] for i in range(12)])
    assert earned.mean() == pytest.approx(tracked.mean(), abs=0.03)
    assert tracked.mean() == pytest.approx(0.7**2 - realised**2, abs=0.12)
    assert np.corrcoef(earned, tracked)[0, 1] > 0.9
    assert np.sign(earned.mean()) == np.sign(0.7 - realised) or realised == 0.7


def test_samples_show_implied_realised_and_their_difference():
    told = week(0.5)
    metric = VolatilityMetric()
    row = metric.step(told.world)
    returns = np.diff(np.log(told.world.prices.history[:, 1]))
    realised = math.sqrt(np.mean(returns**2) / told.world.clock.dt_years)
    assert row["implied.options.A0"] == pytest.approx(0.7, rel=1e-6)
    assert row["realised.options.A0"] == pytest.approx(realised)
    assert row["variance_premium.options.A0"] == pytest.approx(0.7**2 - realised**2, rel=1e-6)
    assert len(row) == 36


def test_a_world_without_options_has_no_premium():
    metric = VolatilityMetric()
    world = type("World", (), {"quotes": {}})()
    assert metric.step(world) == {}
    assert metric.final(world) == {}
