"""Ornstein-Uhlenbeck against its closed form, at any step."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.build import build
from sim.errors import ConfigError
from sim.processes import PathGrid
from sim.processes.mean_reverting import MeanReverting
from tests.worlds import COMMON, DEPTH, make_config, run

DAY = 86_400.0
YEAR = 365 * DAY


@pytest.mark.parametrize("seconds", [3600.0, 3 * DAY], ids=["hours", "longer than the half-life"])
def test_moments_at_every_step_are_exact(make_paths, within, seconds):
    half_life, volatility, ticks = 2 * DAY, 0.3, 30
    ends = np.array(
        [
            make_paths(
                MeanReverting, ticks, seconds, seed=seed, half_life=half_life, volatility=volatility, level=110.0
            )[[ticks // 2, ticks], 0]
            for seed in range(1500)
        ]
    )
    pull = np.log(2.0) / half_life
    for column, elapsed in ((0, ticks // 2 * seconds), (1, ticks * seconds)):
        mean = np.log(1.1) * (1.0 - np.exp(-pull * elapsed))
        variance = volatility**2 * -np.expm1(-2.0 * pull * elapsed) / (2.0 * pull * YEAR)
        assert within(ends[:, column], mean)
        assert within((ends[:, column] - mean) ** 2, variance)


def test_long_run_deviation_and_half_life(make_paths, within):
    half_life, volatility = 6 * 3600.0, 0.2
    path = make_paths(MeanReverting, 2000, paths=50, half_life=half_life, volatility=volatility)[200:]
    deviation = volatility * np.sqrt(half_life / YEAR / (2.0 * np.log(2.0)))
    assert within((path**2).mean(axis=0), deviation**2)
    assert within((path[6:] * path[:-6]).mean(axis=0), 0.5 * deviation**2)


@given(half_life=st.floats(60.0, 1e8), level=st.floats(0.5, 2.0), ticks=st.integers(1, 50))
def test_without_noise_the_path_is_the_trend(half_life, level, ticks):
    process = MeanReverting(name="p", assets=["A"], half_life=half_life, level=level, volatility=0.0)
    grid = PathGrid(ticks, 1 / 8760, datetime(2024, 1, 1, tzinfo=UTC), 3600.0, np.full(1, 100.0))
    path = process.log_path(grid, np.random.default_rng(1), np.ones((ticks, 1)))[:, 0]
    assert np.allclose(path, process.trend(grid), rtol=1e-9, atol=1e-12)
    distance = np.abs(path - np.log(level / 100.0))
    assert np.all(np.diff(distance) <= 1e-12)


def test_a_very_long_half_life_is_brownian_motion_without_drift(make_paths):
    path = make_paths(MeanReverting, 100, half_life=1e15, volatility=0.5)
    normals = np.random.default_rng(1).standard_normal((100, 1))
    assert np.allclose(np.diff(path, axis=0), 0.5 * np.sqrt(1 / 8760) * normals, atol=1e-9)


def test_one_level_cannot_serve_two_assets():
    with pytest.raises(ConfigError, match=r"level is one price for 2 assets \(USDC, DAI\); leave it out"):
        MeanReverting(name="p", assets=["USDC", "DAI"], level=1.0)
    with pytest.raises(ConfigError, match="half_life is 0 s; it must be positive"):
        MeanReverting(name="p", assets=["USDC"], half_life=0.0)


def test_a_stablecoin_in_a_world_stays_near_its_peg():
    coin = COMMON.replace('"ETH"', '"DAI"').replace("2000.0", "0.97").replace("decimals = 8", "decimals = 6")
    process = '[[processes]]\nname = "dai"\nkind = "mean_reverting"\nassets = ["DAI"]\nlevel = 1.0\nhalf_life = "1h"\n'
    world = build(make_config(coin, process, DEPTH.replace("ETH", "DAI"), sets=("run.ticks=100",)))
    run(world)
    path = world.prices.history[:, world.tokens["DAI"].index]
    assert path[0] == pytest.approx(0.97, abs=0.005)
    assert np.abs(path[60:] - 1.0).max() < 0.005
