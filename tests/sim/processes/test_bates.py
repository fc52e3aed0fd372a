"""Heston with jumps: its parts, its moments, and common random numbers."""

import numpy as np
import pytest

from sim.processes.bates import Bates
from sim.processes.heston import Heston
from sim.processes.merton import Merton

DAY = 86_400.0
VARIANCE = {"kappa": 3.0, "theta": 0.6, "xi": 1.5, "rho": -0.4, "v0": 0.6}


def test_no_jumps_is_heston(make_paths):
    assert np.array_equal(
        make_paths(Bates, 100, paths=3, intensity=0.0, drift=0.1, **VARIANCE),
        make_paths(Heston, 100, paths=3, drift=0.1, **VARIANCE),
    )


def test_expected_price_is_compensated(make_paths, within):
    path = make_paths(Bates, 20, 7 * DAY, paths=5000, drift=0.2, intensity=20.0, jump_mean=-0.1, **VARIANCE)
    assert within(np.exp(path[-1]), np.exp(0.2 * 140 / 365))


def test_variance_of_a_day_is_that_of_both_parts(make_paths, within):
    returns = make_paths(Bates, 1, DAY, paths=6000, intensity=100.0, jump_mean=-0.05, jump_std=0.12, **VARIANCE)[1]
    assert within((returns - returns.mean()) ** 2, (0.6 + 100.0 * (0.05**2 + 0.12**2)) / 365)


def test_tails_are_fatter_than_without_jumps_and_match_the_formula(make_paths, excess_kurtosis):
    calm = {"kappa": 8.0, "theta": 0.6, "xi": 0.05, "rho": 0.0, "v0": 0.6}
    returns = np.diff(make_paths(Bates, 300_000, DAY, intensity=100.0, jump_mean=-0.05, jump_std=0.12, **calm)[:, 0])
    fourth = 0.05**4 + 6 * 0.05**2 * 0.12**2 + 3 * 0.12**4
    variance = 0.6 + 100.0 * (0.05**2 + 0.12**2)
    assert excess_kurtosis(returns) == pytest.approx(100.0 * fourth * 365 / variance**2, rel=0.1)
    assert excess_kurtosis(returns) > 3.0


def test_jumps_are_those_of_merton(make_paths):
    """The diffusion of either kind comes first, and the jumps of both are drawn alike."""
    still = {"intensity": 50.0, "jump_mean": -0.05, "jump_std": 0.1}
    with_jumps, without = (
        make_paths(Bates, 4000, DAY, intensity=rate, jump_mean=-0.05, jump_std=0.1, **VARIANCE) for rate in (50.0, 0.0)
    )
    jumps = np.diff(with_jumps[:, 0]) - np.diff(without[:, 0])
    merton = np.diff(make_paths(Merton, 4000, DAY, volatility=0.0, **still)[:, 0])
    assert np.mean(jumps > jumps.min() + 1e-3) == pytest.approx(np.mean(merton > merton.min() + 1e-3), abs=0.03)
    assert jumps.std() == pytest.approx(merton.std(), rel=0.1)


def test_arms_that_differ_in_jump_size_jump_together(make_paths):
    small, large = (
        np.diff(make_paths(Bates, 2000, DAY, jump_mean=mean, jump_std=0.0, intensity=40.0, **VARIANCE)[:, 0])
        for mean in (0.1, 0.2)
    )
    extra = large - small
    jumped = extra > extra.min() + 0.05
    assert 150 < jumped.sum() < 300
    assert np.allclose(extra[~jumped], extra.min())


def test_assets_jump_at_their_own_times_whatever_follows_them(make_paths):
    one, two = (make_paths(Bates, 500, DAY, paths=2, seed=3, **VARIANCE) for _ in range(2))
    assert np.array_equal(one, two)
    assert abs(np.corrcoef(np.diff(one, axis=0).T)[0, 1]) < 0.2
