"""Jump diffusion against its cumulants, and common random numbers between settings."""

import numpy as np
import pytest

from sim.processes.gbm import GeometricBrownianMotion
from sim.processes.merton import Merton

DAY = 86_400.0


def jump_moments(mean, std):
    """E[J^2] and E[J^4] of a Gaussian jump."""
    return mean**2 + std**2, mean**4 + 6 * mean**2 * std**2 + 3 * std**4


def test_expected_price_is_compensated(make_paths, within):
    settings = {"drift": 0.2, "volatility": 0.5, "intensity": 20.0, "jump_mean": -0.1, "jump_std": 0.15}
    path = make_paths(Merton, 20, 7 * DAY, paths=5000, **settings)
    assert within(np.exp(path[-1]), np.exp(0.2 * 140 / 365))


@pytest.mark.parametrize("seconds", [DAY, 7 * DAY])
def test_variance_and_kurtosis_follow_the_cumulants(make_paths, excess_kurtosis, within, seconds):
    returns = np.diff(
        make_paths(Merton, 400_000, seconds, volatility=0.6, intensity=100.0, jump_mean=-0.05, jump_std=0.12)[:, 0]
    )
    dt = seconds / (365 * DAY)
    second, fourth = jump_moments(-0.05, 0.12)
    variance = 0.36 + 100.0 * second
    assert within((returns - returns.mean()) ** 2, variance * dt)
    blocks = np.array([excess_kurtosis(block) for block in returns.reshape(20, -1)])
    expected = 100.0 * fourth / (variance**2 * dt)
    assert within(blocks, expected)
    assert excess_kurtosis(returns) == pytest.approx(expected, rel=0.1)


def test_daily_tails_are_fat(make_paths, hill, excess_kurtosis):
    returns = np.diff(make_paths(Merton, 50_000, DAY)[:, 0])
    assert 2.0 < hill(returns, 0.02) < 4.5
    assert excess_kurtosis(returns) > 3.0


def test_no_jumps_is_brownian_motion(make_paths):
    settings = {"drift": 0.1, "volatility": 0.4}
    assert np.array_equal(
        make_paths(Merton, 100, paths=3, intensity=0.0, **settings),
        make_paths(GeometricBrownianMotion, 100, paths=3, **settings),
    )


def test_arms_that_differ_in_intensity_share_their_other_draws(make_paths):
    still = {"volatility": 0.0, "jump_std": 0.0, "jump_mean": 0.01, "drift": 0.0}
    few, many = (np.diff(make_paths(Merton, 5000, DAY, intensity=rate, **still)[:, 0]) for rate in (20.0, 60.0))
    jumped_few, jumped_many = few > few.min() + 0.005, many > many.min() + 0.005
    assert 150 < jumped_few.sum() < jumped_many.sum()
    assert not np.any(jumped_few & ~jumped_many)


def test_joint_jumps_strike_all_assets_alike(make_paths):
    apart, together = (
        make_paths(Merton, 3000, DAY, paths=2, volatility=0.0, joint=joint, intensity=30.0) for joint in (False, True)
    )
    assert np.array_equal(together[:, 0], together[:, 1])
    assert abs(np.corrcoef(np.diff(apart, axis=0).T)[0, 1]) < 0.1
    assert np.array_equal(together[:, 0], apart[:, 0])
