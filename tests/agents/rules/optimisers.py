"""Stand-ins for optimisers of other libraries, of each shape that the rule `external` takes."""

import numpy as np


def inverse_variance(returns, power=1.0):
    """A function from returns to weights, not normalised."""
    return returns.var(axis=0) ** -power


class Estimator:
    """As in skfolio: settings, then fit, then weights_."""

    def __init__(self, power=1.0):
        self.power = power

    def fit(self, returns):
        self.weights_ = inverse_variance(returns, self.power)
        return self


class Frontier:
    """As in PyPortfolioOpt: estimates, then a method that answers with a table."""

    def __init__(self, mean, covariance, tilt=0.0):
        self.mean, self.covariance, self.tilt = mean, covariance, tilt

    def quietest(self):
        weights = 1.0 / np.diag(self.covariance) + self.tilt * self.mean
        return dict(enumerate(weights.tolist()))


class OptimizationError(Exception):
    """What both libraries raise where there is no solution."""


def unsolvable(returns):
    raise OptimizationError("infeasible")


def broken(returns):
    raise KeyError("a bug")


def long_and_short(returns):
    return np.array([1.5, -1.0, 0.5])
