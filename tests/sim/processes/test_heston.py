"""The Heston process against its moments, and against option prices by Fourier inversion."""

import cmath

import numpy as np
import pytest
from scipy.integrate import quad

from sim.processes.heston import Heston
from sim.processes.kernels import quadratic_exponential

DAY = 86_400.0


def one_step(v0, kappa, theta, xi, dt, normals):
    decay = np.exp(-kappa * dt)
    spread = xi**2 * (1 - decay) / kappa
    return quadratic_exponential(v0, decay, theta, spread * decay, spread * (1 - decay) * theta / 2, normals)


def variances(make_grid, ticks, seconds, paths=1, seed=3, **settings):
    process = Heston(name="p", assets=[f"A{i}" for i in range(paths)], **settings)
    normals = np.random.default_rng(seed).standard_normal((ticks, paths))
    return process.variance_path(make_grid(ticks, seconds, paths), np.random.default_rng(seed + 1), normals)[0]


@pytest.mark.parametrize("dt", [1 / 8760, 1 / 12, 1.0])
@pytest.mark.parametrize("v0", [0.0, 0.02, 0.64])
@pytest.mark.parametrize("xi", [0.4, 1.5, 3.0])
def test_one_step_has_the_exact_conditional_moments(dt, v0, xi, within):
    kappa, theta = 3.0, 0.6
    after = one_step(v0, kappa, theta, xi, dt, np.random.default_rng(8).standard_normal((1, 200_000)))[1]
    decay = np.exp(-kappa * dt)
    mean = theta + (v0 - theta) * decay
    variance = v0 * xi**2 * decay * (1 - decay) / kappa + theta * xi**2 * (1 - decay) ** 2 / (2 * kappa)
    assert after.min() >= 0.0
    assert within(after, mean)
    assert within((after - mean) ** 2, variance)


def test_mean_variance_reverts_from_v0_to_theta(make_grid, within):
    path = variances(make_grid, 40, 5 * DAY, paths=5000, kappa=4.0, theta=0.5, xi=1.0, v0=1.5)
    for tick in (1, 5, 10, 20, 40):
        assert within(path[tick], 0.5 + 1.0 * np.exp(-4.0 * tick * 5 / 365))


def test_stationary_variance_and_autocorrelation(make_grid):
    kappa, theta, xi = 10.0, 0.6, 2.0
    path = variances(make_grid, 400_000, DAY, kappa=kappa, theta=theta, xi=xi, v0=theta)[:, 0]
    assert path.mean() == pytest.approx(theta, rel=0.02)
    assert path.var() == pytest.approx(theta * xi**2 / (2 * kappa), rel=0.05)
    centred = path - path.mean()
    for lag in (1, 10, 40, 100):
        measured = (centred[lag:] * centred[:-lag]).mean() / path.var()
        assert measured == pytest.approx(np.exp(-kappa * lag / 365), abs=0.03)


def test_feller_violating_variance_touches_zero_and_stays_finite(make_grid, make_paths):
    settings = {"kappa": 0.5, "theta": 0.1, "xi": 2.0, "v0": 0.1, "rho": -0.9}
    path = variances(make_grid, 20_000, 7200.0, **settings)
    assert np.isfinite(path).all()
    assert path.min() == 0.0
    assert np.isfinite(make_paths(Heston, 20_000, 7200.0, **settings)).all()


def test_expected_price_and_return_variance(make_paths, within):
    path = make_paths(Heston, 60, DAY, paths=8000, drift=0.4, kappa=3.0, theta=0.6, xi=1.5, rho=-0.6, v0=0.6)
    assert within(np.exp(path[-1]), np.exp(0.4 * 60 / 365))
    assert within((path[1] - path[1].mean()) ** 2, 0.6 / 365)


def heston_call(log_strike, years, kappa, theta, xi, rho, v0):
    """Call on a unit forward price by Lewis's (2001) single integral over the characteristic function."""

    def characteristic(u):
        beta = kappa - rho * xi * 1j * u
        d = cmath.sqrt(beta**2 + xi**2 * (1j * u + u * u))
        g = (beta - d) / (beta + d)
        fall = cmath.exp(-d * years)
        level = kappa * theta / xi**2 * ((beta - d) * years - 2 * cmath.log((1 - g * fall) / (1 - g)))
        return cmath.exp(level + v0 / xi**2 * (beta - d) * (1 - fall) / (1 - g * fall))

    def integrand(u):
        return (cmath.exp(-1j * u * log_strike) * characteristic(u - 0.5j)).real / (u * u + 0.25)

    return 1.0 - np.exp(log_strike / 2) / np.pi * quad(integrand, 0.0, 200.0, limit=500)[0]


@pytest.mark.parametrize("rho", [-0.8, 0.0, 0.5])
def test_option_prices_agree_with_fourier_inversion(make_paths, within, rho):
    settings = {"kappa": 3.0, "theta": 0.6, "xi": 1.5, "rho": rho, "v0": 0.64}
    price = np.exp(make_paths(Heston, 60, 2 * DAY, paths=8000, **settings)[-1])
    for strike in (0.7, 1.0, 1.5):
        truth = heston_call(np.log(strike), 120 / 365, **settings)
        assert within(np.maximum(price - strike, 0.0), truth)


@pytest.mark.parametrize("rho", [-1.0, -0.7, 0.0, 0.7])
def test_returns_lead_variance_by_rho(make_grid, rho):
    process = Heston(name="p", assets=["A"], rho=rho, xi=1.0)
    normals = np.random.default_rng(4).standard_normal((20_000, 1))
    grid = make_grid(20_000, 3600.0)
    returns = np.diff(process.log_path(grid, np.random.default_rng(9), normals)[:, 0])
    variance = process.variance_path(grid, np.random.default_rng(9), normals)[0][:, 0]
    change = np.diff(variance) / np.sqrt(variance[:-1])
    assert np.corrcoef(returns / np.sqrt(variance[:-1]), change)[0, 1] == pytest.approx(rho, abs=0.03)


def test_returns_follow_the_given_normals_whatever_rho(make_paths):
    normals = np.random.default_rng(1).standard_normal((5000, 1))
    for rho in (-0.9, 0.0, 0.9):
        returns = np.diff(make_paths(Heston, 5000, 600.0, rho=rho, xi=0.5)[:, 0])
        assert np.corrcoef(returns, normals[:, 0])[0, 1] > 0.98


def test_daily_tails_are_fat_and_volatility_clusters(make_paths, hill, excess_kurtosis):
    returns = np.diff(make_paths(Heston, 50_000, DAY)[:, 0])
    stationary = 0.6 * 1.5**2 / (2 * 3.0)
    assert excess_kurtosis(returns) == pytest.approx(3.0 * stationary / 0.36, rel=0.3)
    assert 2.0 < hill(returns, 0.05) < 4.5
    size = np.abs(returns) - np.abs(returns).mean()
    assert (size[20:] * size[:-20]).mean() / size.var() > 0.1
