"""Pool perpetuals: impact, fees, borrowing, adaptive funding, profit caps and liquidation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.perps import pool_kernels as pool
from sim.units import SECONDS_PER_YEAR

TERMS = pool.PoolTerms()
UNCAPPED = TERMS._replace(max_negative_impact=1e9, max_positive_impact=1e9)
OPEN = st.floats(0.0, 1e8)
CHANGE = st.floats(-1e7, 1e7)
YEAR = 1.0 / SECONDS_PER_YEAR


def test_impact_is_the_difference_of_squared_imbalance():
    assert pool.price_impact(3e7, 1e7, 1e6, TERMS) == pytest.approx(1.2e-10 * (2e7**2 - 2.1e7**2))
    assert pool.price_impact(3e7, 1e7, -1e6, TERMS) == pytest.approx(1.2e-10 * (2e7**2 - 1.9e7**2))


def test_impact_beyond_balance_pays_the_negative_factor():
    terms = UNCAPPED._replace(impact_positive=5e-11)
    assert pool.price_impact(4e6, 2e6, -6e6, terms) == pytest.approx(5e-11 * 2e6**2 - 1.2e-10 * 4e6**2)


def test_impact_is_capped_by_size():
    assert pool.price_impact(9e7, 0.0, 1e6, TERMS) == pytest.approx(-0.005 * 1e6)
    assert pool.price_impact(9e7, 0.0, -1e6, TERMS) == pytest.approx(0.005 * 1e6)


@given(OPEN, OPEN, CHANGE, CHANGE)
def test_splitting_a_trade_leaves_uncapped_impact_as_it_is(longs, shorts, first, second):
    whole = pool.price_impact(longs, shorts, first + second, UNCAPPED)
    parts = pool.price_impact(longs, shorts, first, UNCAPPED)
    parts += pool.price_impact(longs + first, shorts, second, UNCAPPED)
    assert whole == pytest.approx(parts, abs=1e-3)


@given(OPEN, OPEN, CHANGE, st.floats(0.0, 1.2e-10))
def test_a_round_trip_never_gains(longs, shorts, change, positive):
    terms = UNCAPPED._replace(impact_positive=positive)
    there = pool.price_impact(longs, shorts, change, terms)
    back = pool.price_impact(longs + change, shorts, -change, terms)
    assert there + back <= 1e-3


def test_impact_gains_come_out_of_the_impact_pool():
    assert pool.pay_impact(50.0, 30.0) == (30.0, 0.0)
    assert pool.pay_impact(-50.0, 30.0) == (-50.0, 80.0)


@pytest.mark.parametrize(("change", "fee"), [(-1e6, 400.0), (1e6, 600.0), (-2e7, 12_000.0)])
def test_trades_that_balance_pay_the_lower_fee(change, fee):
    assert pool.trade_fee(2e7, 1e7, change, TERMS) == pytest.approx(fee)


@pytest.mark.parametrize(("used", "rate"), [(0.0, 0.0), (0.375, 0.225), (0.75, 0.45), (0.875, 0.725), (1.0, 1.0)])
def test_borrowing_has_a_kink(used, rate):
    assert pool.borrow_rate(used, TERMS) == pytest.approx(rate)
    high = TERMS._replace(borrow_at_optimal=0.55, borrow_at_full=1.3)
    assert pool.borrow_rate(0.75, high) == pytest.approx(0.55)


def test_usage_counts_the_reservable_part_of_the_pool():
    assert pool.usage(47.5, 100.0, TERMS) == pytest.approx(0.5)
    assert pool.usage(99.0, 100.0, TERMS) == 1.0
    assert (pool.usage(0.0, 0.0, TERMS), pool.usage(1.0, 0.0, TERMS)) == (0.0, 1.0)
    assert pool.open_interest_room(60.0, 100.0, TERMS) == pytest.approx(30.0)
    assert pool.open_interest_room(95.0, 100.0, TERMS) == 0.0


def test_v1_borrowing_is_a_basis_point_per_eight_hours():
    assert pool.borrow_rate_v1(0.5) * 8.0 * 3600.0 * YEAR == pytest.approx(0.5e-4)


def test_funding_grows_from_least_to_most_in_three_hours_of_full_skew():
    rate = 0.01
    for _ in range(180):
        rate = pool.adapt_funding(rate, 1e6, 0.0, 60.0 * YEAR, TERMS)
    assert rate == pytest.approx(0.9, abs=1e-9)
    assert pool.adapt_funding(rate, 1e6, 0.0, 60.0 * YEAR, TERMS) == 0.9


def test_funding_rests_between_thresholds_and_turns_at_once():
    minute = 60.0 * YEAR
    terms = TERMS._replace(decrease_below=0.02, funding_decay=TERMS.funding_growth)
    assert pool.adapt_funding(0.3, 52.0, 48.0, minute, terms) == 0.3
    assert pool.adapt_funding(0.3, 50.5, 49.5, minute, terms) < 0.3
    assert pool.adapt_funding(0.3, 49.5, 50.5, minute, terms) < 0.3
    assert pool.adapt_funding(0.0, 51.0, 49.0, minute, terms) > 0.0
    assert pool.adapt_funding(-0.9, 1.0, 99.0, minute, terms) == -0.9
    assert pool.adapt_funding(0.0, 0.0, 0.0, minute, terms) == 0.0


@given(st.floats(-0.9, 0.9), OPEN, OPEN, st.floats(0.0, 0.01))
def test_funding_stays_in_bounds_and_moves_towards_the_heavier_side(rate, longs, shorts, elapsed):
    after = pool.adapt_funding(rate, longs, shorts, elapsed, TERMS)
    assert abs(after) <= 0.9
    if after != rate:
        assert (after > rate) == (longs > shorts)


@given(st.floats(-0.9, 0.9), st.floats(1.0, 1e8), st.floats(1.0, 1e8))
def test_funding_paid_is_funding_received(rate, longs, shorts):
    charged = pool.charged_funding(rate, TERMS)
    payers, receivers = (longs, shorts) if charged > 0.0 else (shorts, longs)
    assert charged == 0.0 or 0.01 <= abs(charged) <= 0.9
    assert pool.funding_received_rate(charged, longs, shorts) * receivers == pytest.approx(abs(charged) * payers)


def test_profit_is_paid_up_to_a_share_of_the_pool():
    assert pool.pnl_paid_share(80.0, 100.0, TERMS.max_pnl) == 1.0
    assert pool.pnl_paid_share(120.0, 100.0, TERMS.max_pnl) == pytest.approx(0.75)
    assert pool.pnl_paid_share(-50.0, 100.0, TERMS.max_pnl) == 1.0
    assert pool.pnl_paid_share(5.0, 0.0, TERMS.max_pnl) == 0.0


@given(st.floats(1.0, 1e9), st.floats(0.86, 0.999))
def test_deleveraging_restores_the_profit_share(size, ratio):
    for terms in (TERMS, pool.SYNTHETIC):
        profit = ratio * size
        share = pool.share_to_close(profit, size, terms)
        assert 0.0 < share < 1.0
        assert (1.0 - share) * profit / (size - share * profit) == pytest.approx(terms.adl_down_to, rel=1e-6)


def test_deleveraging_starts_above_its_threshold_and_ends_with_everything():
    assert pool.share_to_close(85.0, 100.0, TERMS) == 0.0
    assert pool.share_to_close(-5.0, 100.0, TERMS) == 0.0
    assert pool.share_to_close(85.1, 100.0, TERMS) > 0.0
    assert pool.share_to_close(150.0, 100.0, TERMS) == 1.0


def excess(price, collateral=10_000.0, side=1.0, longs=1e7, shorts=1e7, paid=(1.0, 1.0), terms=TERMS):
    out = np.empty(2)
    rows = (np.array([1e5, 0.0]), np.array([side, side]), np.array([50.0, 0.0]), np.array([collateral, 0.0]))
    below = pool.pool_margin(*rows, np.zeros(2), price, longs, shorts, np.array(paid), terms, out)
    assert out[1] == np.inf
    assert below == (out[0] < 0.0)
    return out[0]


def test_a_position_needs_one_percent_after_the_cost_of_closing():
    assert excess(2000.0) == pytest.approx(10_000.0 - 60.0 - 1000.0)
    assert excess(1900.0) == pytest.approx(10_000.0 - 5000.0 - 60.0 - 1000.0)
    assert excess(2100.0, side=-1.0) == excess(1900.0)
    assert excess(2200.0, paid=(0.5, 1.0)) == pytest.approx(10_000.0 + 5000.0 - 60.0 - 1000.0)
    assert excess(1821.3) > 0.0 > excess(1821.1)


def test_negative_impact_is_capped_when_asking_for_liquidation():
    lopsided = {"longs": 1e6, "shorts": 5e7}
    assert excess(2000.0, **lopsided) == pytest.approx(8940.0)
    assert excess(2000.0, **lopsided, terms=TERMS._replace(liquidation_impact=0.003)) == pytest.approx(8640.0)
    assert excess(2000.0, longs=5e7, shorts=1e6, terms=TERMS._replace(liquidation_impact=0.003)) == pytest.approx(
        8960.0
    )


@given(st.floats(500.0, 4000.0), st.floats(500.0, 4000.0))
def test_longs_are_safer_at_higher_prices_and_shorts_at_lower(first, second):
    low, high = sorted([first, second])
    assert excess(low) <= excess(high)
    assert excess(low, side=-1.0) >= excess(high, side=-1.0)
