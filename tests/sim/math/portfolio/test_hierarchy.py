import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.math.portfolio.hierarchy import hierarchical_weights


@given(size=st.integers(1, 12), seed=st.integers(0, 10_000), total=st.floats(0.1, 1.0))
def test_weights_are_a_long_portfolio(market, size, seed, total):
    weights = hierarchical_weights(market(size, seed)[1], total)
    assert (weights > 0.0).all()
    assert weights.sum() == pytest.approx(total, rel=1e-13)


def test_uncorrelated_assets_are_held_by_inverse_variance():
    variance = np.array([0.04, 0.1, 0.3, 0.5, 0.9])
    assert hierarchical_weights(np.diag(variance)) == pytest.approx(1 / variance / (1 / variance).sum(), rel=1e-13)


def test_three_assets_split_between_the_pair_and_the_loner():
    covariance = np.array([[1.0, 0.8, 0.1], [0.8, 1.0, 0.1], [0.1, 0.1, 2.0]])
    pair = 0.25 * (1.0 + 1.0 + 1.6)
    loner = pair / (pair + 2.0)
    assert hierarchical_weights(covariance) == pytest.approx([(1 - loner) / 2, (1 - loner) / 2, loner], rel=1e-14)


def test_twins_share_what_one_of_them_would_have():
    two = np.diag([1.0, 1.0])
    three = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0], [0.0, 1.0, 1.0]])
    assert hierarchical_weights(three) == pytest.approx([0.5, 0.25, 0.25])
    assert hierarchical_weights(two) == pytest.approx([0.5, 0.5])


def test_weights_do_not_depend_on_the_unit_of_an_asset_that_halves_and_doubles(market):
    _, covariance = market(7, 2)
    assert hierarchical_weights(4.0 * covariance) == pytest.approx(hierarchical_weights(covariance), rel=1e-13)


def test_many_portfolios_at_once_are_each_its_own(market):
    many = np.stack([market(6, seed)[1] for seed in range(7)])
    assert np.array_equal(hierarchical_weights(many), [hierarchical_weights(each) for each in many])
