"""Marks, profits, liquidation, bankruptcy and fillable prices."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.perps import prices

PRICE = st.floats(1.0, 1e5)
SIZE = st.floats(1e-3, 1e3).flatmap(lambda size: st.sampled_from([size, -size]))


@pytest.mark.parametrize(
    ("size", "margin", "leverage", "expected"), [(1.0, 10, 40, 91.139241), (-1.0, 10, 40, 108.641975), (1.0, 50, 3, 60)]
)
def test_liquidation_prices_of_hyperliquid(size, margin, leverage, expected):
    assert prices.liquidation_price(100.0, size, margin, 0.5 / leverage) == pytest.approx(expected, abs=5e-7)


@given(PRICE, SIZE, st.floats(0.05, 0.9), st.floats(0.001, 0.04), st.floats(0.0, 1.0))
def test_at_the_liquidation_price_equity_just_meets_maintenance(entry, size, backed, rate, part):
    margin, deduction = backed * abs(size) * entry, part * 0.001 * abs(size) * entry
    price = float(prices.liquidation_price(entry, size, margin, rate, deduction))
    equity = margin + float(prices.unrealised_pnl(size, entry, price))
    assert equity == pytest.approx(rate * abs(size) * price - deduction, abs=1e-9 * abs(size) * entry)
    bankrupt = float(prices.bankruptcy_price(entry, size, margin))
    assert (price - bankrupt) * np.sign(size) > 0.0 or deduction > 0.0
    assert margin + prices.unrealised_pnl(size, entry, bankrupt) == pytest.approx(0.0, abs=1e-9 * abs(size) * entry)


@given(PRICE, SIZE, st.floats(0.05, 0.9))
def test_an_inverse_position_is_bankrupt_where_its_coins_are_gone(entry, size, backed):
    margin = backed * abs(size) / entry
    bankrupt = prices.bankruptcy_price(entry, size, margin, inverse=True)
    assert margin + prices.unrealised_pnl(size, entry, bankrupt, inverse=True) == pytest.approx(
        0.0, abs=1e-9 * abs(size) / entry
    )


def test_an_inverse_short_covered_by_coins_cannot_go_bankrupt():
    assert prices.bankruptcy_price(100.0, -100.0, 1.5, inverse=True) == np.inf
    assert prices.effective_leverage(-100.0, 100.0, np.inf, inverse=True) == pytest.approx(1.0)


@given(PRICE, PRICE, SIZE)
def test_profit_is_the_difference_of_values(entry, price, size):
    for inverse in (False, True):
        gain = prices.position_value(size, price, inverse) - prices.position_value(size, entry, inverse)
        scale = abs(size) * (max(entry, price) if not inverse else 1.0 / min(entry, price))
        assert prices.unrealised_pnl(size, entry, price, inverse) == pytest.approx(float(gain), abs=1e-12 * scale)


def test_inverse_profit_is_worth_the_linear_one_at_the_new_price():
    coins = prices.unrealised_pnl(1000.0, 100.0, 125.0, inverse=True)
    assert coins == pytest.approx(2.0)
    assert coins * 125.0 == pytest.approx(prices.unrealised_pnl(10.0, 100.0, 125.0))


@pytest.mark.parametrize(("pnl", "mark", "bankrupt", "score"), [(0.2, 110, 90, 1.1), (-0.1, 90, 80, -0.1 / 9.0)])
def test_bitmex_rank(pnl, mark, bankrupt, score):
    leverage = prices.effective_leverage(1.0, mark, bankrupt)
    assert prices.bitmex_score(pnl, leverage) == pytest.approx(score, abs=1e-12)
    assert score == pytest.approx(1.1 if pnl > 0 else -0.011111, abs=5e-7)


def test_rank_rises_with_leverage_for_winners_and_falls_in_size_for_losers():
    assert prices.bitmex_score([0.1, 0.1, -0.1, -0.1], [2.0, 4.0, 2.0, 4.0]).tolist() == [0.2, 0.4, -0.05, -0.025]
    assert prices.effective_leverage([1.0, -1.0], 100.0, [100.0, 90.0]).tolist() == [np.inf, np.inf]
    assert prices.effective_leverage(-1.0, 100.0, 125.0) == pytest.approx(4.0)


def test_hyperliquid_rank_is_symmetric_in_side_and_rises_with_leverage():
    score = prices.hyperliquid_score([2.0, 2.0, -2.0, 2.0, 0.0], 100.0, [110.0, 110.0, 90.0, 110.0, 110.0],
                                     [220.0, 110.0, 180.0, 0.0, 0.0])  # fmt: skip
    assert score == pytest.approx([1.1, 2.2, 100.0 / 90.0, np.inf, 0.0])


@pytest.mark.parametrize(("oracle", "fillable"), [(97.5, 97.4575), (96.0, 95.812), (95.0, 94.715), (94.0, 93.718)])
def test_dydx_fillable_price(oracle, fillable):
    maintenance = 0.03 * oracle
    found = prices.dydx_fillable_price(oracle, 1.0, oracle - 95.0, maintenance, maintenance)
    assert found == pytest.approx(fillable, abs=1e-9)
    assert prices.dydx_bankruptcy_price(oracle, 1.0, oracle - 95.0, maintenance, maintenance) == pytest.approx(95.0)


@given(PRICE, st.floats(-1.0, 1.0), SIZE, SIZE)
def test_dydx_positions_closed_at_bankruptcy_prices_use_up_the_equity(price, leverage, size, other):
    margins = 0.03 * price * np.abs([size, other])
    equity = leverage * margins.sum()
    closed = prices.dydx_bankruptcy_price(price, np.array([size, other]), equity, margins, margins.sum())
    cost = (np.array([size, other]) * (price - closed)).sum()
    assert cost == pytest.approx(
        equity, abs=1e-9 * margins.sum() + 1e-9 * abs(size * price) + 1e-9 * abs(other * price)
    )


@given(st.lists(st.floats(0.5, 2.0), min_size=3, max_size=3))
def test_mark_is_the_median_of_three(found):
    anchor, mid, last = found
    assert prices.mark_price(anchor - 0.25, 0.25, mid, last) == pytest.approx(np.median(found), abs=1e-15)


@pytest.mark.parametrize(
    ("mid", "last", "mark"), [(np.nan, np.nan, 101.0), (103.0, np.nan, 102.0), (np.nan, 99.0, 100.0)],
    ids=["neither", "no trade", "empty book"],
)  # fmt: skip
def test_mark_without_a_book_or_a_trade(mid, last, mark):
    assert prices.mark_price(100.0, 1.0, mid, last) == mark


@given(st.floats(-5.0, 5.0), st.floats(-5.0, 5.0), st.floats(0.0, 500.0), st.floats(0.0, 500.0))
def test_the_average_basis_does_not_depend_on_how_time_is_cut(start, basis, first, second):
    once = prices.follow_basis(start, basis, first + second)
    twice = prices.follow_basis(prices.follow_basis(start, basis, first), basis, second)
    assert once == pytest.approx(float(twice), abs=1e-12)
    assert min(start, basis) - 1e-12 <= once <= max(start, basis) + 1e-12
