import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import SpilloverError
from sim.math.portfolio.quadratic import minimum_variance_weights
from sim.math.portfolio.shortfall import least_shortfall
from sim.math.risk import historical_es


def scenarios(size, count, seed):
    rng = np.random.default_rng([size, count, seed])
    common, own = rng.standard_t(4, (count, 1)), rng.standard_t(4, (count, size))
    return 0.02 * (0.5 * common + own * rng.uniform(0.3, 1.5, size))


@settings(max_examples=40)
@given(
    size=st.integers(1, 8),
    seed=st.integers(0, 1_000),
    level=st.sampled_from([0.8, 0.95]),
    bound=st.sampled_from([1, 2]),
)
def test_no_other_portfolio_has_a_smaller_shortfall(size, seed, level, bound):
    returns, upper = scenarios(size, 120, seed), max(bound / size, 1 / size)
    found = least_shortfall(returns, level, upper)
    assert found.weights.sum() == pytest.approx(1.0, rel=1e-12)
    assert (found.weights >= 0.0).all()
    assert (found.weights <= upper + 1e-15).all()
    rng = np.random.default_rng(seed)
    near = found.weights + 0.01 * rng.standard_normal((50, size))
    other = np.vstack(
        [rng.dirichlet(np.ones(size), 50), np.maximum(near, 0) / np.maximum(near, 0).sum(axis=1)[:, None]]
    )
    for weights in other[(other <= upper).all(axis=1)]:
        assert historical_es(returns @ weights, level) >= found.shortfall - 1e-13


def test_the_portfolio_stands_on_the_quantile_of_as_many_scenarios_as_it_has_assets():
    returns = scenarios(5, 400, 1)
    weights = least_shortfall(returns).weights
    losses = -returns @ weights
    quantile = np.sort(losses)[400 - 20]
    assert (np.abs(losses - quantile) < 1e-14).sum() == (weights > 0.0).sum()


def test_a_reward_buys_shortfall():
    returns = scenarios(4, 200, 3)
    reward = np.array([0.0, 0.01, 0.02, 0.05])
    plain, paid = least_shortfall(returns), least_shortfall(returns, reward=reward)
    assert paid.shortfall > plain.shortfall
    assert reward @ paid.weights > reward @ plain.weights
    assert paid.objective == pytest.approx(paid.shortfall - reward @ paid.weights)


def test_of_normal_returns_it_is_nearly_minimum_variance():
    rng = np.random.default_rng(4)
    returns = rng.multivariate_normal(np.zeros(3), [[0.04, 0.01, 0.0], [0.01, 0.09, 0.02], [0.0, 0.02, 0.16]], 4_000)
    assert least_shortfall(returns, 0.9).weights == pytest.approx(minimum_variance_weights(np.cov(returns.T)), abs=0.06)


def test_one_scenario_is_lost_least_in_its_best_asset():
    assert least_shortfall(np.array([[-0.1, -0.02, -0.3]])).weights.tolist() == [0.0, 1.0, 0.0]


def test_bounds_without_room_are_refused():
    with pytest.raises(SpilloverError, match=r"upper bounds sum to 0\.9, below the total of 1"):
        least_shortfall(np.zeros((5, 3)), upper=0.3)
