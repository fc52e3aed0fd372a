import math
import warnings

import numpy as np
import pytest

from sim.math.forecast.garch import (
    Garch,
    backcast,
    conditional_variance,
    fit_garch,
    log_likelihood,
    mean_ahead,
)

TRUE = Garch(0.05, 0.08, 0.88)


def simulated(model=TRUE, n=3_000, seed=1):
    rng = np.random.default_rng(seed)
    returns, variance = np.empty(n), model.variance
    for t in range(n):
        returns[t] = math.sqrt(variance) * rng.standard_normal()
        variance = model.omega + model.alpha * returns[t] ** 2 + model.beta * variance
    return returns


def test_variance_is_the_recursion_written_out():
    returns = simulated(n=50)
    start = backcast(returns**2)
    by_hand = [TRUE.omega + (TRUE.alpha + TRUE.beta) * start]
    for r in returns:
        by_hand.append(TRUE.omega + TRUE.alpha * r * r + TRUE.beta * by_hand[-1])
    assert conditional_variance(returns, TRUE) == pytest.approx(by_hand, rel=1e-13)


@pytest.mark.parametrize("seed", range(4))
def test_fit_is_within_a_percent_of_arch_or_more_likely(seed):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from arch import arch_model
    returns = simulated(seed=seed)
    theirs = arch_model(returns, mean="Zero", rescale=False).fit(disp="off", options={"ftol": 1e-12, "maxiter": 500})
    ours = fit_garch(returns)
    assert ours == pytest.approx([theirs.params[name] for name in ("omega", "alpha[1]", "beta[1]")], rel=0.01)
    assert log_likelihood(returns, ours) == pytest.approx(theirs.loglikelihood, rel=1e-6)
    assert log_likelihood(returns, Garch(*theirs.params)) == pytest.approx(theirs.loglikelihood, rel=1e-10)
    ahead = theirs.forecast(horizon=20).variance.to_numpy()[-1]
    assert mean_ahead(ours, conditional_variance(returns, ours)[-1], 20) == pytest.approx(ahead.mean(), rel=0.01)


def test_nothing_near_the_fit_is_more_likely():
    returns = simulated(n=1_000)
    best = fit_garch(returns)
    for step in (0.99, 1.01):
        for field in range(3):
            near = Garch(*[value * (step if i == field else 1.0) for i, value in enumerate(best)])
            assert log_likelihood(returns, near) < log_likelihood(returns, best)


@pytest.mark.parametrize("returns", [np.zeros(100), np.array([0.1]), np.array([0.1, -0.2, 0.3])], ids=["0", "1", "3"])
def test_too_little_to_fit_gives_the_mean_square(returns):
    assert fit_garch(returns) == Garch(float((returns**2).mean()), 0.0, 0.0)


def test_units_do_not_matter():
    returns = simulated(n=500)
    small, large = fit_garch(1e-6 * returns), fit_garch(returns)
    assert (small.omega * 1e12, small.alpha, small.beta) == pytest.approx(tuple(large), rel=1e-4)


@pytest.mark.parametrize("horizon", [1, 2, 7, 400])
def test_mean_ahead_is_the_mean_of_the_forecasts_one_by_one(horizon):
    path = [2.0]
    for _ in range(horizon - 1):
        path.append(TRUE.omega + (TRUE.alpha + TRUE.beta) * path[-1])
    assert mean_ahead(TRUE, 2.0, horizon) == pytest.approx(np.mean(path), rel=1e-12)
