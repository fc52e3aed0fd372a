"""Covariance estimators: always positive semidefinite, closer to the truth than the sample, factor recovered."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.math.covariance import (
    ewma_covariance,
    factor_model,
    sample_covariance,
    shrink_to_constant_correlation,
    shrink_to_identity,
)

SHRINKERS = [shrink_to_identity, shrink_to_constant_correlation]
ESTIMATORS = {
    "sample": sample_covariance,
    "ewma": ewma_covariance,
    "identity": lambda returns: shrink_to_identity(returns).covariance,
    "constant correlation": lambda returns: shrink_to_constant_correlation(returns).covariance,
    "factor": lambda returns: factor_model(returns, returns[:, 0]).covariance,
}


@pytest.mark.parametrize("name", ESTIMATORS)
@given(ticks=st.integers(3, 40), assets=st.integers(1, 12), seed=st.integers(0, 1000), still=st.booleans())
def test_every_estimate_is_symmetric_and_positive_semidefinite(name, ticks, assets, seed, still):
    rng = np.random.default_rng(seed)
    returns = rng.standard_t(3, (ticks, assets)) * 10.0 ** rng.uniform(-4, 1, assets)
    if still:
        returns[:, -1] = 0.0
    found = ESTIMATORS[name](returns)
    assert found.shape == (assets, assets)
    assert np.array_equal(found, found.T)
    assert np.linalg.eigvalsh(found)[0] >= -1e-12 * np.trace(found)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimates_converge_to_the_truth(name):
    rng = np.random.default_rng(1)
    loadings, noise = np.array([1.0, 0.5, 2.0]), np.array([0.0, 0.3, 0.6])
    factor = rng.standard_normal(200_000)
    returns = factor[:, None] * loadings + noise * rng.standard_normal((200_000, 3))
    found = ESTIMATORS[name](returns if name != "ewma" else returns[-4000:])
    truth = np.outer(loadings, loadings) + np.diag(noise**2)
    assert found == pytest.approx(truth, abs=0.04 if name != "ewma" else 3.0)


@pytest.mark.parametrize("shrink", SHRINKERS)
@pytest.mark.parametrize("ticks", [15, 40, 120])
def test_shrinkage_beats_the_sample_and_comes_near_the_best_intensity(shrink, ticks):
    rng = np.random.default_rng(2)
    assets = 20
    deviations = rng.uniform(0.5, 1.5, assets)
    truth = np.outer(deviations, deviations) * np.where(np.eye(assets, dtype=bool), 1.0, 0.3)
    root = np.linalg.cholesky(truth)
    losses, plain, best = [], [], []
    for _ in range(60):
        returns = rng.standard_normal((ticks, assets)) @ root.T
        centred = returns - returns.mean(axis=0)
        sample = centred.T @ centred / ticks
        found = shrink(returns)
        target = (found.covariance - (1.0 - found.intensity) * sample) / found.intensity
        step = target - sample
        ideal = np.clip(((truth - sample) * step).sum() / (step * step).sum(), 0.0, 1.0)
        losses.append(((found.covariance - truth) ** 2).sum())
        plain.append(((sample - truth) ** 2).sum())
        best.append(((sample + ideal * step - truth) ** 2).sum())
    assert np.mean(losses) < np.mean(plain)
    assert np.mean(losses) < 1.25 * np.mean(best)


@given(ticks=st.integers(3, 60), assets=st.integers(2, 8), seed=st.integers(0, 500))
def test_intensity_is_a_share_and_shrinkage_keeps_what_its_target_keeps(ticks, assets, seed):
    returns = np.random.default_rng(seed).standard_normal((ticks, assets))
    sample = sample_covariance(returns) * (ticks - 1) / ticks
    identity, constant = (shrink(returns) for shrink in SHRINKERS)
    assert 0.0 <= identity.intensity <= 1.0 and 0.0 <= constant.intensity <= 1.0
    assert np.trace(identity.covariance) == pytest.approx(np.trace(sample))
    assert np.diag(constant.covariance) == pytest.approx(np.diag(sample))


def test_identity_intensity_is_the_published_ratio():
    """Lemma 3.2 to 3.4 of Ledoit and Wolf (2004), written out return by return."""
    returns = np.random.default_rng(3).standard_normal((12, 4)) * [1.0, 2.0, 0.5, 1.0]
    centred = returns - returns.mean(axis=0)
    sample = centred.T @ centred / 12
    mean = np.trace(sample) / 4
    far = ((sample - mean * np.eye(4)) ** 2).sum()
    off = sum(((np.outer(row, row) - sample) ** 2).sum() for row in centred) / 12**2
    assert shrink_to_identity(returns).intensity == pytest.approx(min(off, far) / far)


def test_constant_correlation_intensity_is_the_published_ratio():
    """Appendix B of Ledoit and Wolf (2004, Honey), written out entry by entry."""
    returns = np.random.default_rng(4).standard_normal((120, 4)) @ np.array(
        [[1, 0.5, 0, 0], [0, 1, 0.9, 0], [0, 0, 1, 0.2], [0.4, 0, 0, 2]]
    )
    x = returns - returns.mean(axis=0)
    s = x.T @ x / 120
    d = np.sqrt(np.diag(s))
    common = np.mean([s[i, j] / (d[i] * d[j]) for i in range(4) for j in range(i)])
    target = common * np.outer(d, d)
    np.fill_diagonal(target, np.diag(s))
    pi = np.array([[np.mean((x[:, i] * x[:, j] - s[i, j]) ** 2) for j in range(4)] for i in range(4)])

    def theta(i, j):
        return np.mean((x[:, i] ** 2 - s[i, i]) * (x[:, i] * x[:, j] - s[i, j]))

    pairs = [(i, j) for i in range(4) for j in range(4) if i != j]
    cross = sum(common / 2 * (d[j] / d[i] * theta(i, j) + d[i] / d[j] * theta(j, i)) for i, j in pairs)
    kappa = (pi.sum() - np.trace(pi) - cross) / ((target - s) ** 2).sum()
    found = shrink_to_constant_correlation(returns)
    assert found.intensity == pytest.approx(min(1.0, max(0.0, kappa / 120)))
    assert 0.0 < found.intensity < 1.0
    assert found.covariance == pytest.approx(found.intensity * target + (1.0 - found.intensity) * s)


@given(decay=st.floats(0.5, 0.999), ticks=st.integers(1, 40))
def test_ewma_follows_its_recursion(decay, ticks):
    returns = np.random.default_rng(ticks).standard_normal((ticks, 3))
    state, weight = np.zeros((3, 3)), 0.0
    for row in returns:
        state, weight = decay * state + np.outer(row, row), decay * weight + 1.0
    assert ewma_covariance(returns, decay) == pytest.approx(state / weight)


def test_sample_is_that_of_numpy():
    returns = np.random.default_rng(5).standard_normal((50, 4))
    assert sample_covariance(returns) == pytest.approx(np.cov(returns.T))


def test_loadings_are_those_of_least_squares_and_a_constant_factor_has_none():
    rng = np.random.default_rng(6)
    factor, noise = rng.standard_normal(60), rng.standard_normal((60, 3))
    returns = 0.01 + factor[:, None] * [0.0, 1.0, -2.0] + noise
    design = np.column_stack((np.ones(60), factor))
    fitted, squares, _, _ = np.linalg.lstsq(design, returns, rcond=None)
    found = factor_model(returns, factor)
    assert found.loadings == pytest.approx(fitted[1])
    assert found.residual == pytest.approx(squares / 58)
    assert factor_model(returns, np.ones(60)).loadings.tolist() == [0.0, 0.0, 0.0]
