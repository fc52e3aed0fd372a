"""Random problems of portfolio choice."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def market():
    """(mean, covariance) of some assets with a common factor: market(size, seed)."""

    def make(size, seed=0):
        rng = np.random.default_rng([size, seed])
        returns = rng.standard_normal((3 * size + 2, size)) + rng.standard_normal((3 * size + 2, 1))
        deviation = rng.uniform(0.2, 1.2, size)
        return rng.normal(0.15, 0.3, size), np.atleast_2d(np.cov(returns.T)) * np.outer(deviation, deviation)

    return make


@pytest.fixture(scope="session")
def kkt():
    """How far weights are from solving min 1/2 w'Sw + q'w, 0 <= w <= upper, w'1 fixed: the largest wrong slope."""

    def violation(weights, covariance, linear, upper):
        slope = covariance @ weights + linear
        can_rise, can_fall = weights < upper, weights > 0.0
        return max(0.0, slope[can_fall].max(initial=-np.inf) - slope[can_rise].min(initial=np.inf))

    return violation
