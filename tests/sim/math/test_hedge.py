"""Hedges: on target, and no cheaper one exists."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import ConfigError
from sim.math.hedge import exact_hedge, least_cost_hedge

DELTA, GAMMA, VEGA = 0, 1, 2


def problem(seed, instruments, greeks):
    rng = np.random.default_rng(seed)
    units = 10.0 ** rng.uniform(-4, 4, greeks)
    each = rng.standard_normal((instruments, greeks)) * units * 10.0 ** rng.uniform(-2, 2, instruments)[:, None]
    return each, rng.standard_normal(greeks) * units * 100.0, rng.uniform(0.1, 3.0, instruments)


@settings(max_examples=60)
@given(seed=st.integers(0, 10_000), greeks=st.integers(1, 5), spare=st.integers(0, 6))
def test_neutral_to_ten_digits(seed, greeks, spare):
    each, book, cost = problem(seed, greeks + spare, greeks)
    hedge = least_cost_hedge(each, book, cost)
    terms = np.abs(each * hedge.sizes[:, None]).sum(axis=0) + np.abs(book)
    assert np.all(np.abs(book + each.T @ hedge.sizes) <= 1e-10 * np.maximum(1.0, terms))
    assert hedge.greeks == pytest.approx(book + each.T @ hedge.sizes, abs=1e-9 * terms.max())
    assert hedge.cost == pytest.approx(cost @ np.abs(hedge.sizes))


@settings(max_examples=60)
@given(seed=st.integers(0, 10_000), greeks=st.integers(1, 3), spare=st.integers(0, 3))
def test_no_choice_of_as_many_instruments_as_greeks_is_cheaper(seed, greeks, spare):
    """The least cost of a linear programme lies at a vertex, so trying all of them is an independent answer."""
    each, book, cost = problem(seed, greeks + spare, greeks)
    best = min(
        cost[list(some)] @ np.abs(np.linalg.solve(each[list(some)].T, -book))
        for some in combinations(range(greeks + spare), greeks)
    )
    assert least_cost_hedge(each, book, cost).cost == pytest.approx(best, rel=1e-7)


@settings(max_examples=60)
@given(seed=st.integers(0, 10_000), width=st.floats(0.0, 1.2))
def test_inside_the_band_and_cheaper_the_wider_it_is(seed, width):
    each, book, cost = problem(seed, 6, 3)
    target, band = 0.1 * book, width * np.abs(book)
    hedge = least_cost_hedge(each, book, cost, target, band)
    terms = np.abs(each * hedge.sizes[:, None]).sum(axis=0) + np.abs(book)
    assert np.all(np.abs(hedge.greeks - target) <= band + 1e-10 * np.maximum(1.0, terms))
    assert hedge.cost <= least_cost_hedge(each, book, cost, target).cost * (1.0 + 1e-9)
    assert least_cost_hedge(each, book, cost, target, 1.1 * band).cost <= hedge.cost * (1.0 + 1e-7) + 1e-12


@given(seed=st.integers(0, 10_000))
def test_a_book_within_its_bands_trades_nothing(seed):
    each, book, cost = problem(seed, 4, 3)
    hedge = least_cost_hedge(each, book, cost, target=0.95 * book, band=0.1 * np.abs(book))
    assert not hedge.sizes.any() and hedge.cost == 0.0
    assert np.array_equal(hedge.greeks, book)


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000))
def test_limits_hold_and_cost_at_least_as_much(seed):
    each, book, cost = problem(seed, 8, 2)
    free = least_cost_hedge(each, book, cost)
    limit = np.where(free.sizes != 0.0, 0.5 * np.abs(free.sizes), np.inf)
    hedge = least_cost_hedge(each, book, cost, limit=limit)
    assert np.all(np.abs(hedge.sizes) <= limit * (1.0 + 1e-9))
    assert np.all(np.abs(hedge.greeks) <= 1e-10 * np.maximum(1.0, np.abs(each * hedge.sizes[:, None]).max(axis=0)))
    assert hedge.cost >= free.cost * (1.0 - 1e-9)


def test_short_straddle_is_hedged_with_the_cheap_perpetual_where_it_can_be():
    perpetual, call, put = [1.0, 0.0, 0.0], [0.55, 0.012, 18.0], [-0.45, 0.012, 18.0]
    book, cost = np.array([-12.0, -0.24, -360.0]), np.array([1.0, 20.0, 20.0])
    neutral_delta = least_cost_hedge(np.array([perpetual, call, put])[:, [DELTA]], book[[DELTA]], cost)
    assert neutral_delta.sizes == pytest.approx([12.0, 0.0, 0.0])
    both = least_cost_hedge(np.array([perpetual, call, put])[:, [DELTA, GAMMA]], book[[DELTA, GAMMA]], cost)
    assert both.sizes[1:].sum() == pytest.approx(20.0, abs=1e-9)
    assert both.greeks == pytest.approx([0.0, 0.0], abs=1e-10)
    every = least_cost_hedge(np.array([perpetual, call, put]), book, cost)
    assert every.greeks == pytest.approx([0.0, 0.0, 0.0], abs=1e-10)


@given(seed=st.integers(0, 1000), greeks=st.integers(1, 5), books=st.integers(1, 20))
def test_as_many_instruments_as_greeks_have_one_answer_for_each_of_many_books(seed, greeks, books):
    each, book, cost = problem(seed, greeks, greeks)
    gaps = np.outer(np.linspace(-2.0, 1.0, books), -book)
    sizes = exact_hedge(each, gaps)
    assert sizes.shape == (books, greeks)
    terms = np.abs(sizes[:, :, None] * each).sum(axis=1)
    assert np.all(np.abs(sizes @ each - gaps) <= 1e-10 * np.maximum(1e-3, terms))
    assert least_cost_hedge(each, book, cost).sizes == pytest.approx(exact_hedge(each, [-book])[0], rel=1e-6)


def test_what_no_instrument_carries_cannot_be_hedged():
    with pytest.raises(ConfigError, match=r"2 instruments cannot reach the target: no instrument .* carries Greek 1;"):
        least_cost_hedge([[1.0, 0.0], [2.0, 0.0]], [5.0, 1.0], [1.0, 1.0])
    with pytest.raises(ConfigError, match=r"do not span the gap within the limits; add an instrument, widen"):
        least_cost_hedge([[1.0, 0.5], [2.0, 1.0]], [5.0, 1.0], [1.0, 1.0])
    with pytest.raises(ConfigError, match="do not span the gap within the limits"):
        least_cost_hedge([[1.0]], [5.0], [1.0], limit=4.0)


def test_settings_are_checked():
    with pytest.raises(ConfigError, match=r"instruments have shape \(2, 1\), so book must be \(1,\) and cost \(2,\)"):
        least_cost_hedge([[1.0], [2.0]], [1.0, 2.0], [1.0])
    with pytest.raises(ConfigError, match="hedge: band is -1; it must be at least 0"):
        least_cost_hedge([[1.0]], [1.0], [1.0], band=-1.0)
    with pytest.raises(ConfigError, match="linearly dependent"):
        exact_hedge([[1.0, 2.0], [2.0, 4.0]], [[1.0, 1.0]])
