"""Double exponential jumps against their cumulants, and common random numbers."""

import numpy as np
import pytest

from sim.processes.gbm import GeometricBrownianMotion
from sim.processes.kou import Kou

DAY = 86_400.0
JUMPS = {"intensity": 100.0, "up_share": 0.4, "up_mean": 0.08, "down_mean": 0.1}


def moment(power, up_share=0.4, up_mean=0.08, down_mean=0.1):
    """E[J^power] of a double exponential jump."""
    sign = -1.0 if power % 2 else 1.0
    factorial = float(np.prod(np.arange(1, power + 1)))
    return factorial * (up_share * up_mean**power + sign * (1.0 - up_share) * down_mean**power)


def test_expected_price_is_compensated(make_paths, within):
    returns = np.diff(make_paths(Kou, 100_000, 140 * DAY, drift=0.2, volatility=0.5, intensity=20.0)[:, 0])
    assert within(np.exp(returns), np.exp(0.2 * 140 / 365))


@pytest.mark.parametrize("seconds", [DAY, 7 * DAY], ids=["day", "week"])
def test_cumulants_follow_the_formula(make_paths, excess_kurtosis, within, seconds):
    returns = np.diff(make_paths(Kou, 400_000, seconds, volatility=0.6, **JUMPS)[:, 0])
    dt = seconds / (365 * DAY)
    variance = 0.36 + 100.0 * moment(2)
    centred = returns - returns.mean()
    assert within(centred**2, variance * dt)
    assert within(centred**3, 100.0 * moment(3) * dt)
    expected = 100.0 * moment(4) / (variance**2 * dt)
    assert excess_kurtosis(returns) > 0.0
    assert excess_kurtosis(returns) == pytest.approx(expected, rel=0.1)


def test_daily_tails_are_fat(make_paths, hill, excess_kurtosis):
    returns = np.diff(make_paths(Kou, 50_000, DAY)[:, 0])
    assert 2.0 < hill(returns, 0.02) < 4.5
    assert excess_kurtosis(returns) > 3.0


def test_no_jumps_is_brownian_motion(make_paths):
    settings = {"drift": 0.1, "volatility": 0.4}
    assert np.array_equal(
        make_paths(Kou, 100, paths=3, intensity=0.0, **settings),
        make_paths(GeometricBrownianMotion, 100, paths=3, **settings),
    )


def test_one_sided_jumps_go_one_way(make_paths):
    for share, sign in ((1.0, 1.0), (0.0, -1.0)):
        returns = np.diff(make_paths(Kou, 3000, DAY, volatility=0.0, intensity=30.0, up_share=share)[:, 0])
        still = np.median(returns)
        assert np.all(sign * (returns - still) >= -1e-12)
        assert (sign * (returns - still) > 1e-6).sum() == pytest.approx(3000 * 30 / 365, rel=0.3)


def test_sizes_scale_with_their_mean_and_keep_their_draws(make_paths):
    small, large = (
        np.diff(make_paths(Kou, 2000, DAY, volatility=0.0, up_share=1.0, up_mean=mean, intensity=30.0)[:, 0])
        for mean in (0.05, 0.1)
    )
    assert large - large.min() == pytest.approx(2.0 * (small - small.min()), abs=1e-12)
