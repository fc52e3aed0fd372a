"""Portfolios against libraries, on 200 random problems of 2 to 50 assets each.

PyPortfolioOpt hands its programmes to a solver whose usual precision is 1e-7; OSQP polishes its answer to rounding.
"""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from sim.math.covariance import shrink_to_identity
from sim.math.portfolio.budgets import risk_budget_weights, risk_contributions
from sim.math.portfolio.hierarchy import hierarchical_weights
from sim.math.portfolio.opinions import implied_excess, opinion_variance, posterior
from sim.math.portfolio.quadratic import efficient_frontier, maximum_sharpe_weights, minimum_variance_weights
from sim.math.portfolio.shortfall import least_shortfall

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of modules that are imported, not of what is computed
    from pypfopt import BlackLittermanModel, EfficientFrontier, HRPOpt
    from sklearn.covariance import ledoit_wolf

pytestmark = [pytest.mark.slow, pytest.mark.jit]
PROBLEMS = 200
POLISHED = {"eps_abs": 1e-12, "eps_rel": 1e-12, "polishing": True, "max_iter": 400_000}


def returns_of(seed, extra=30):
    """(t, k) returns of 2 to 50 assets with a common factor and volatilities that differ."""
    rng = np.random.default_rng([7, seed])
    size = int(rng.integers(2, 51))
    moves = rng.standard_normal((2 * size + extra, size)) + rng.uniform(0.3, 1.0) * rng.standard_normal((1, size))
    moves += rng.standard_normal((len(moves), 1))
    return moves * rng.uniform(0.2, 1.2, size)


def problem(seed):
    """(mean, covariance, upper bound)"""
    returns, rng = returns_of(seed), np.random.default_rng([8, seed])
    size = returns.shape[1]
    mean = rng.normal(0.1, 0.3, size)
    mean[rng.integers(size)] = 0.3
    return mean, np.cov(returns.T), min(1.0, rng.choice([np.inf, 3.0, 1.5]) / size)


def oracle(mean, covariance, upper):
    return EfficientFrontier(mean, covariance, weight_bounds=(0, upper), solver="OSQP", solver_options=POLISHED)


def worst(differences):
    return max(float(np.abs(np.asarray(each)).max()) for each in differences)


def test_minimum_variance_is_that_of_pyportfolioopt():
    def difference(seed):
        mean, covariance, upper = problem(seed)
        model = oracle(mean, covariance, upper)
        model.min_volatility()
        return model.weights - minimum_variance_weights(covariance, upper)

    assert worst(map(difference, range(PROBLEMS))) < 1e-11


def test_the_frontier_is_that_of_pyportfolioopt():
    def difference(seed):
        mean, covariance, upper = problem(seed)
        tolerance = float(np.random.default_rng(seed).choice([0.1, 0.5, 2.0]))
        model = oracle(mean, covariance, upper)
        model.max_quadratic_utility(1.0 / tolerance)
        return model.weights - efficient_frontier(mean, covariance, [tolerance], upper)[0]

    assert worst(map(difference, range(PROBLEMS))) < 1e-11


def test_the_tangency_is_that_of_pyportfolioopt():
    def difference(seed):
        mean, covariance, upper = problem(seed)
        model = oracle(mean, covariance, upper)
        model.max_sharpe()
        return model.weights - maximum_sharpe_weights(mean, covariance, upper)

    assert worst(map(difference, range(PROBLEMS))) < 1e-11


def test_hierarchical_risk_parity_is_that_of_pyportfolioopt():
    def difference(seed):
        returns = returns_of(seed)
        expected = HRPOpt(pd.DataFrame(returns)).optimize()
        return np.array([expected[i] for i in range(returns.shape[1])]) - hierarchical_weights(np.cov(returns.T))

    assert worst(map(difference, range(PROBLEMS))) < 1e-11


def test_shrinkage_is_that_of_scikit_learn():
    def difference(seed):
        returns = returns_of(seed, extra=2) * 0.02
        covariance, intensity = ledoit_wolf(returns)
        found = shrink_to_identity(returns)
        return [np.abs(found.covariance - covariance).max(), found.intensity - intensity]

    assert worst(map(difference, range(PROBLEMS))) < 1e-12


def test_opinions_are_combined_as_by_pyportfolioopt():
    def difference(seed):
        covariance = problem(seed)[1]
        rng, size = np.random.default_rng(seed), len(covariance)
        prior = implied_excess(rng.dirichlet(np.ones(size)), covariance, 2.5)
        picks, said = rng.standard_normal((2, size)), rng.normal(0.1, 0.2, 2)
        doubt = opinion_variance(picks, covariance, 0.05, np.full(2, 0.5))
        frame = pd.DataFrame(covariance)
        model = BlackLittermanModel(frame, pi=prior[:, None], P=picks, Q=said, tau=0.05, omega="default")
        found = posterior(prior, covariance, picks, said, doubt, 0.05)
        return np.append(model.bl_returns() - found.excess, (model.bl_cov() - found.covariance).to_numpy().ravel())

    assert worst(map(difference, range(PROBLEMS))) < 1e-11


def test_risk_contributions_are_equal_to_ten_digits():
    def difference(seed):
        covariance = problem(seed)[1]
        budgets = np.full(len(covariance), 1.0 / len(covariance))
        return risk_contributions(risk_budget_weights(covariance, budgets), covariance) - budgets

    assert worst(map(difference, range(PROBLEMS))) < 1e-10


def test_least_shortfall_has_the_objective_of_the_primal_programme():
    def difference(seed):
        returns, (mean, _, upper) = 0.02 * returns_of(seed, extra=60), problem(seed)
        count, size = returns.shape
        level = (0.9, 0.95)[seed % 2]
        reward = 0.01 * mean if seed % 3 else np.zeros(size)
        cost = np.concatenate((-reward, [1.0], np.full(count, 1.0 / ((1.0 - level) * count))))
        rows = np.hstack((-returns, -np.ones((count, 1)), -np.eye(count)))
        sums = np.concatenate((np.ones(size), np.zeros(count + 1)))[None]
        bounds = [(0.0, upper)] * size + [(None, None)] + [(0.0, None)] * count
        expected = linprog(cost, rows, np.zeros(count), sums, [1.0], bounds, method="highs").fun
        return expected - least_shortfall(returns, level, upper, reward=reward).objective

    assert worst(map(difference, range(PROBLEMS))) < 1e-6
