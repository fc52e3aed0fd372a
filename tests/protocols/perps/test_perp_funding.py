"""Funding: premium, rate, averages and exact payments."""

from fractions import Fraction
from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.perps import funding

POSITIONS = st.lists(st.integers(-(2**50), 2**50), min_size=1, max_size=30)
DUE = st.floats(-1e3, 1e3).filter(lambda due: due == 0.0 or abs(due) > 1e-12)


def settle(position, due):
    position = np.array(position, dtype=np.int64)
    received = np.empty_like(position)
    return received, funding.funding_payments(position, due, received)


@pytest.mark.parametrize(
    ("bid", "ask", "expected"), [(101.0, 102.0, 0.01), (98.0, 99.0, -0.01), (99.0, 101.0, 0.0), (100.0, 100.0, 0.0)]
)
def test_the_premium_is_how_far_the_index_lies_outside_the_impact_prices(bid, ask, expected):
    assert funding.premium(bid, ask, 100.0) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(
    ("premium", "rate"), [(-0.002, -0.0015), (0.0, 0.0001), (0.0001, 0.0001), (0.0006, 0.0001), (0.002, 0.0015)]
)
def test_rate_is_the_premium_plus_clamped_interest(premium, rate):
    assert funding.funding_rate(premium) == pytest.approx(rate, abs=1e-15)


@given(st.lists(st.floats(-0.1, 0.1), min_size=2, max_size=2))
def test_rate_rises_with_the_premium_and_stays_within_the_clamp_of_it(premiums):
    low, high = sorted(premiums)
    assert funding.funding_rate(low) <= funding.funding_rate(high) + 1e-15
    assert abs(funding.funding_rate(low) - low) <= funding.CLAMP + 1e-15
    assert abs(funding.funding_rate(high, cap=0.004)) <= 0.004


def test_hourly_rates_are_an_eighth_and_capped():
    assert funding.rate_over(funding.funding_rate(0.002), 1.0) == pytest.approx(0.0015 / 8.0, abs=1e-18)
    assert funding.rate_over([-1.0, 1.0], 1.0, funding.HOURLY_CAP).tolist() == [-0.04, 0.04]


def test_dydx_caps_the_rate_at_six_times_the_gap_between_margins():
    cap = funding.dydx_cap(0.05, 0.03)
    assert cap == pytest.approx(0.12)
    assert funding.funding_rate(0.5, interest=0.0, cap=cap) == cap


def test_impact_notional_grows_with_the_highest_leverage():
    assert funding.impact_notional(1.0 / 125.0) == pytest.approx(25_000.0)


@given(st.lists(st.floats(-0.01, 0.01), min_size=1, max_size=40))
def test_the_running_average_weighs_late_samples_most(samples):
    linear, plain = funding.PremiumAverage("linear"), funding.PremiumAverage("plain")
    for sample in samples:
        linear.add(sample)
        plain.add(sample)
    weights = np.arange(1, len(samples) + 1)
    assert linear.take() == pytest.approx(np.average(samples, weights=weights), abs=1e-15)
    assert plain.value == pytest.approx(np.mean(samples), abs=1e-15)
    assert linear.count == 0
    assert linear.value == 0.0


def test_averages_keep_markets_apart():
    average = funding.PremiumAverage()
    for sample in ([1.0, 0.0], [4.0, 3.0]):
        average.add(sample)
    assert average.value.tolist() == [3.0, 2.0]


def test_velocity_funding_integrates_the_rate():
    velocity = funding.funding_velocity([5.0, -50.0, 0.0], 10.0, 0.025)
    assert velocity.tolist() == [0.0125, -0.025, 0.0]
    rate, due = funding.advance_rate(0.01, velocity, 2.0)
    assert rate == pytest.approx([0.035, -0.04, 0.01])
    assert due == pytest.approx([0.045, -0.03, 0.02])
    halfway, first = funding.advance_rate(0.01, velocity, 0.5)
    assert first + funding.advance_rate(halfway, velocity, 1.5)[1] == pytest.approx(due)


@given(POSITIONS, DUE)
def test_payments_and_residue_sum_to_zero_and_each_is_rounded_for_the_venue(position, due):
    received, residue = settle(position, due)
    assert received.sum() + residue == 0
    assert received.tolist() == [-ceil(Fraction(size) * Fraction(due)) for size in position]


@given(POSITIONS, DUE)
def test_the_venue_never_pays_for_the_rounding_of_a_closed_book(position, due):
    _, residue = settle([*position, -sum(position)], due)
    assert 0 <= residue <= len(position) + 1


@given(POSITIONS, DUE, st.randoms())
def test_permuting_rows_permutes_payments(position, due, random):
    order = list(range(len(position)))
    random.shuffle(order)
    received, residue = settle(position, due)
    shuffled, again = settle([position[i] for i in order], due)
    assert shuffled.tolist() == received[order].tolist()
    assert again == residue


def test_longs_pay_shorts_when_the_rate_is_positive():
    received, residue = settle([3, -2, -1], 0.5)
    assert received.tolist() == [-2, 1, 0]
    assert residue == 1
