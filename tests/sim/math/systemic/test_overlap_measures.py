"""Overlap and concentration of holdings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sim.math.systemic import overlap

TABLE = arrays(np.float64, (4, 3), elements=st.floats(0.0, 1e4).map(lambda usd: round(usd, 2)))


def test_overlap_is_what_one_loses_when_another_sells_all():
    holdings, impact = np.array([[100.0, 50.0], [0.0, 80.0]]), np.array([1e-4, 1e-3])
    found = overlap.liquidity_weighted_overlap(holdings, impact)
    moves = holdings * impact
    for seller in range(2):
        assert found[seller] == pytest.approx(holdings @ moves[seller])


def test_eigenvalue_of_equal_holders_of_one_asset():
    holdings = np.full((5, 1), 100.0)
    found = overlap.top_eigenvalue(overlap.liquidity_weighted_overlap(holdings, np.array([1e-3])))
    assert found == pytest.approx(5 * 100.0**2 * 1e-3)
    assert overlap.top_eigenvalue(np.zeros((0, 0))) == 0.0
    assert np.isnan(overlap.top_eigenvalue(np.full((1, 1), np.nan)))


@given(TABLE)
def test_no_holdings_have_a_larger_eigenvalue_than_their_trace(holdings):
    matrix = overlap.liquidity_weighted_overlap(holdings, np.array([1e-4, 2e-4, 0.0]))
    top = overlap.top_eigenvalue(matrix)
    assert np.trace(matrix) / 4 - 1e-9 <= top <= np.trace(matrix) * (1 + 1e-9) + 1e-9


def test_cosine_is_one_for_the_same_portfolio_and_nothing_for_disjoint_ones():
    found = overlap.cosine_overlap(np.array([[1.0, 1.0], [7.0, 7.0], [1.0, 0.0], [0.0, 0.0]]))
    assert found[0, 1] == pytest.approx(1.0)
    assert found[0, 2] == pytest.approx(0.5**0.5)
    assert np.isnan(found[3]).all()
    assert overlap.mean_overlap(found) == pytest.approx((1.0 + 2.0 * 0.5**0.5) / 3.0)
    assert overlap.mean_overlap(overlap.cosine_overlap(np.eye(3))) == 0.0
    assert np.isnan(overlap.mean_overlap(np.ones((1, 1))))


@pytest.mark.parametrize("count", [1, 2, 20])
def test_equal_holdings_have_one_over_their_number(count):
    assert overlap.herfindahl(np.full((1, count), 3.0)) == pytest.approx(1.0 / count)


@given(TABLE)
def test_concentration_lies_between_one_over_the_number_and_one(holdings):
    found = overlap.herfindahl(holdings)
    some = holdings.sum(axis=1) > 0.0
    assert np.array_equal(np.isnan(found), ~some)
    assert np.all((found[some] >= 1.0 / 3.0 - 1e-12) & (found[some] <= 1.0 + 1e-12))
