import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.math.means import bayes_stein_mean, ewma_mean, james_stein_mean


def sample(size, count, seed):
    rng = np.random.default_rng([size, count, seed])
    returns = rng.normal(0.1, 1.0, (count, size)) + rng.normal(0.0, 0.5, size)
    return returns, returns.mean(axis=0), np.atleast_2d(np.cov(returns.T))


@given(size=st.integers(1, 10), count=st.integers(15, 60), seed=st.integers(0, 1_000))
def test_shrinking_stays_between_sample_and_target_and_keeps_the_order(size, count, seed):
    _, mean, covariance = sample(size, count, seed)
    for shrink in (james_stein_mean, bayes_stein_mean):
        found = shrink(mean, covariance, count)
        assert 0.0 <= found.intensity <= 1.0
        assert found.mean == pytest.approx(found.intensity * found.target + (1 - found.intensity) * mean)
        assert (np.diff(found.mean[np.argsort(mean)]) >= -1e-12).all()


def test_more_returns_are_believed_more():
    _, mean, covariance = sample(6, 40, 1)
    for shrink in (james_stein_mean, bayes_stein_mean):
        intensity = [shrink(mean, covariance, count).intensity for count in (10, 100, 1_000, 10**6)]
        assert (np.diff(intensity) <= 0.0).all()
        assert intensity[0] > intensity[-1]
        assert intensity[-1] < 1e-4


def test_the_target_of_bayes_stein_is_what_the_safest_portfolio_earns():
    _, mean, covariance = sample(5, 40, 2)
    safest = np.linalg.solve(covariance, np.ones(5))
    assert bayes_stein_mean(mean, covariance, 40).target == pytest.approx(mean @ safest / safest.sum())


def test_shrunk_means_lie_nearer_the_truth_than_sample_means():
    rng = np.random.default_rng(3)
    truth, errors = rng.normal(0.0, 0.1, 10), np.zeros(3)
    for _ in range(200):
        returns = truth + rng.standard_normal((50, 10))
        mean, covariance = returns.mean(axis=0), np.cov(returns.T)
        guesses = (mean, james_stein_mean(mean, covariance, 50).mean, bayes_stein_mean(mean, covariance, 50).mean)
        errors += [((guess - truth) ** 2).sum() for guess in guesses]
    assert errors[1] < 0.85 * errors[0]
    assert errors[2] < 0.85 * errors[0]


def test_discounted_means_weigh_the_past_geometrically():
    returns = np.array([[1.0], [2.0], [4.0]])
    assert ewma_mean(returns, 0.5) == pytest.approx([(0.25 + 1.0 + 4.0) / 1.75])
    assert ewma_mean(returns, 1.0) == pytest.approx([7 / 3])
    assert ewma_mean(returns[:0]).tolist() == [0.0]


def test_equal_means_and_a_single_asset_are_left_alone():
    assert james_stein_mean(np.full(4, 0.3), np.eye(4), 10).mean == pytest.approx(np.full(4, 0.3))
    assert bayes_stein_mean(np.array([0.3]), np.eye(1), 10).mean == pytest.approx([0.3])
