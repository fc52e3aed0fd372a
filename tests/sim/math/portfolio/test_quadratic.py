import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import SpilloverError
from sim.math.portfolio.quadratic import (
    efficient_frontier,
    kelly_weights,
    maximum_sharpe_weights,
    minimum_variance_weights,
    most_return,
    worthwhile_weights,
)

sizes, seeds = st.integers(1, 12), st.integers(0, 10_000)
bounds = st.sampled_from([np.inf, 2.5, 1.0])
"""Upper bounds in multiples of equal weight."""


def sharpe(weights, mean, covariance):
    return mean @ weights / np.sqrt(weights @ covariance @ weights)


@given(size=sizes, seed=seeds, bound=bounds, tolerance=st.sampled_from([0.0, 0.1, 1.0, 30.0]))
def test_no_shift_between_two_assets_lowers_the_objective(market, kkt, size, seed, bound, tolerance):
    mean, covariance = market(size, seed)
    upper = max(bound / size, 1.0 / size)
    weights = efficient_frontier(mean, covariance, [tolerance], upper, total=0.9)[0]
    assert weights.sum() == pytest.approx(0.9, rel=1e-13)
    assert (weights >= 0.0).all()
    assert (weights <= upper + 1e-15).all()
    assert kkt(weights, covariance, -tolerance * mean, upper) <= 1e-12 * (1.0 + tolerance)


def test_two_assets_have_the_textbook_weights():
    covariance = np.array([[0.04, 0.01], [0.01, 0.09]])
    expected = (0.09 - 0.01) / (0.04 + 0.09 - 2 * 0.01)
    assert minimum_variance_weights(covariance) == pytest.approx([expected, 1.0 - expected], rel=1e-14)


def test_without_binding_bounds_the_weights_are_the_row_sums_of_the_inverse(market):
    covariance = np.diag(np.linspace(0.1, 1.0, 7)) + 0.02
    inverse = np.linalg.solve(covariance, np.ones(7))
    assert minimum_variance_weights(covariance) == pytest.approx(inverse / inverse.sum(), rel=1e-12)


def test_the_frontier_trades_variance_for_return_and_is_straight_where_nothing_changes(market):
    mean, covariance = market(8, 3)
    path = efficient_frontier(mean, covariance, np.linspace(0.0, 3.0, 61))
    reward, risk = path @ mean, np.einsum("mi,ij,mj->m", path, covariance, path)
    assert (np.diff(reward) >= -1e-12).all()
    assert (np.diff(risk) >= -1e-12).all()
    assert path[0] == pytest.approx(minimum_variance_weights(covariance), rel=1e-12)
    held = path > 0.0
    same = (held[:-2] == held[1:-1]).all(axis=1) & (held[1:-1] == held[2:]).all(axis=1)
    assert same.sum() > 20
    assert np.abs(path[:-2] - 2.0 * path[1:-1] + path[2:])[same].max() < 1e-12


def test_everything_goes_to_the_best_asset_at_the_far_end_and_fills_bounds_before(market):
    mean, covariance = market(6, 1)
    best = np.argsort(-mean)
    assert np.flatnonzero(efficient_frontier(mean, covariance, [1e6])[0]).tolist() == [best[0]]
    filled = efficient_frontier(mean, covariance, [1e6], 0.4)[0]
    assert filled[best[:3]] == pytest.approx([0.4, 0.4, 0.2])


def test_low_beta_assets_attract_minimum_variance():
    beta = np.array([0.3, 1.0, 1.2, 1.5])
    weights = minimum_variance_weights(np.outer(beta, beta) + 0.05 * np.eye(4))
    assert weights[0] > 0.85
    assert (np.diff(weights) <= 0.0).all()


@given(size=sizes, seed=seeds)
def test_the_tangency_is_proportional_to_a_multiple_of_the_slope(market, size, seed):
    mean, covariance = market(size, seed)
    mean[0] = 0.3
    weights = maximum_sharpe_weights(mean, covariance)
    slope = covariance @ weights * (mean @ weights) / (weights @ covariance @ weights) - mean
    assert weights.sum() == pytest.approx(1.0, rel=1e-13)
    assert np.abs(slope[weights > 0.0]).max() < 1e-11
    assert (slope[weights == 0.0] >= -1e-11).all()


@settings(max_examples=50)
@given(size=st.integers(2, 12), seed=seeds, bound=st.sampled_from([1.0, 1.3, 2.0]))
def test_within_bounds_no_shift_between_two_assets_raises_the_sharpe_ratio(market, kkt, size, seed, bound):
    mean, covariance = market(size, seed)
    mean[:2] = 0.4
    weights = maximum_sharpe_weights(mean, covariance, bound / size)
    assert (weights <= bound / size + 1e-15).all()
    if mean @ weights > 0.0:
        tolerance = (weights @ covariance @ weights) / (mean @ weights)
        assert kkt(weights, covariance, -tolerance * mean, bound / size) < 1e-10
    others = np.random.default_rng(seed).dirichlet(np.ones(size), 200)
    allowed = others[(others <= bound / size).all(axis=1)]
    assert all(sharpe(other, mean, covariance) <= sharpe(weights, mean, covariance) + 1e-12 for other in allowed)


def test_no_tangency_without_a_reward():
    with pytest.raises(SpilloverError, match="no portfolio within its bounds has an expected excess return above 0"):
        maximum_sharpe_weights(np.array([-0.1, 0.0]), np.eye(2))


@given(seed=seeds, fraction=st.sampled_from([0.25, 0.5, 1.0]))
def test_kelly_is_the_closed_form_where_nothing_binds(market, seed, fraction):
    _, covariance = market(4, seed)
    growth = np.array([0.3, 0.1, 0.2, 0.15])
    weights = kelly_weights(covariance @ growth, covariance, fraction)
    assert weights == pytest.approx(fraction * growth, rel=1e-10)


def test_kelly_of_one_asset_is_excess_over_variance_up_to_its_cap():
    assert kelly_weights(np.array([0.1]), np.array([[0.25]])) == pytest.approx([0.4])
    assert kelly_weights(np.array([0.1]), np.array([[0.25]]), upper=0.3).tolist() == [0.3]
    assert kelly_weights(np.array([-0.1]), np.array([[0.25]])).tolist() == [0.0]


@given(size=sizes, seed=seeds, cap=st.sampled_from([0.2, np.inf]))
def test_kelly_stops_at_the_limit_and_then_solves_the_balanced_problem(market, kkt, size, seed, cap):
    mean, covariance = market(size, seed)
    weights = kelly_weights(3.0 * mean, covariance, 1.0, cap, limit=0.8)
    assert weights.sum() <= 0.8 + 1e-12
    assert (weights <= cap).all()
    slope = covariance @ weights - 3.0 * mean
    if weights.sum() < 0.8 - 1e-9:
        assert (slope[weights < cap] >= -1e-11).all()
        assert (slope[weights > 0.0] <= 1e-11).all()
    else:
        assert kkt(weights, covariance, -3.0 * mean, cap) < 1e-11


@given(size=sizes, seed=seeds)
def test_trades_are_none_for_a_great_cost_and_whole_for_none(market, size, seed):
    _, covariance = market(size, seed)
    rng = np.random.default_rng(seed)
    target, held = (rng.dirichlet(np.ones(size + 1), 5)[:, :size] for _ in range(2))
    assert np.array_equal(worthwhile_weights(target, held, covariance, np.full(size, 1e3)), held)
    assert worthwhile_weights(target, held, covariance, np.zeros(size)) == pytest.approx(target, abs=1e-11)


@given(size=sizes, seed=seeds, cost=st.floats(1e-4, 0.3))
def test_a_trade_ends_where_its_last_dollar_pays_its_cost(market, size, seed, cost):
    _, covariance = market(size, seed)
    rng = np.random.default_rng(seed)
    target, held = (rng.dirichlet(np.ones(size + 1), 5)[:, :size] for _ in range(2))
    found = worthwhile_weights(target, held, covariance, np.full(size, cost))
    for row, goal, start in zip(found, target, held, strict=True):
        slope = covariance @ (row - goal)
        full = row.sum() > 1.0 - 1e-9
        price = max(0.0, -(slope + cost * np.sign(row - start))[(row > 0.0) & (row != start)].mean()) if full else 0.0
        bought, sold = row > start, (row < start) & (row > 0.0)
        assert slope[bought] + cost + price == pytest.approx(np.zeros(bought.sum()), abs=1e-10)
        assert slope[sold] - cost + price == pytest.approx(np.zeros(sold.sum()), abs=1e-10)
        assert (np.abs((slope + price)[(row == start) & (row > 0.0)]) <= cost + 1e-10).all()


def test_the_region_without_trades_is_as_wide_as_cost_over_risk():
    target, width = np.array([[0.5]]), 0.01 / 0.4
    for held, end in ((0.5 + 2 * width, 0.5 + width), (0.5 + 0.5 * width, None), (0.3, 0.5 - width)):
        found = worthwhile_weights(target, np.array([[held]]), np.array([[0.4]]), np.array([0.01]))
        assert found[0, 0] == pytest.approx(held if end is None else end, rel=1e-12)


def test_faults_are_named():
    with pytest.raises(SpilloverError, match="covariance of 2 assets is singular; shrink it"):
        minimum_variance_weights(np.array([[1.0, -1.0], [-1.0, 1.0]]))
    with pytest.raises(SpilloverError, match=r"upper bounds sum to 0\.6, below the total of 1"):
        minimum_variance_weights(np.eye(2), 0.3)


@given(seeds)
def test_sums_are_exact_however_ill_conditioned_the_covariance_is(seed):
    rng = np.random.default_rng(seed)
    few = rng.standard_normal((40, 3))
    covariance = few @ few.T
    covariance += np.eye(40) * 1e-9 * np.trace(covariance)
    for upper in (1.0, 0.03):
        weights = minimum_variance_weights(covariance, upper, total=0.8)
        assert weights.sum() == pytest.approx(0.8, rel=1e-11)
        assert (weights >= 0.0).all()
        assert (weights <= upper).all()
    assert kelly_weights(rng.standard_normal(40), covariance, limit=0.8).sum() <= 0.8 * (1.0 + 1e-11)


@given(seeds, st.floats(0.15, 1.0))
def test_the_most_return_is_what_the_far_end_of_the_frontier_earns(seed, upper):
    mean = np.random.default_rng(seed).normal(0.0, 1.0, 8)
    end = efficient_frontier(mean, np.eye(8), [1e6], upper, total=0.7)[0]
    assert most_return(mean, upper, total=0.7) == pytest.approx(mean @ end, rel=1e-6, abs=1e-6)


def test_a_reward_that_no_portfolio_within_the_bounds_has_is_none():
    excess = np.array([-0.5, -8.5, -12.2, -2.5, 14.3, -5.9])
    assert most_return(excess, 0.2) < 0.0
    with pytest.raises(SpilloverError, match="no portfolio within its bounds"):
        maximum_sharpe_weights(excess, 0.4 * np.eye(6), 0.2)
