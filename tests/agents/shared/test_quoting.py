"""Optimal quotes: published formulas, the equations they solve, and the orders they come to."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.shared.quoting import (
    BUY,
    SELL,
    Screen,
    Volatility,
    avellaneda_stoikov,
    expected_excess,
    glft,
    glft_constants,
    quote_distances,
    quote_orders,
)

GAMMA, FILLS, DECAY, SIGMA = 20.0, 0.1, 2_000.0, 1e-4


def distances(coefficients, inventory, nearest=-1.0, farthest=1.0):
    """(2, n) of bids and asks for one account at many inventories."""
    inventory = np.asarray(inventory, dtype=float)
    n = inventory.size
    base, skew = (np.broadcast_to(part, n).copy() for part in coefficients)
    out = np.empty((2, n))
    quote_distances(base, skew, inventory, np.full(n, nearest), np.full(n, farthest), out)
    return out


@pytest.mark.parametrize("left", [10.0, 3_600.0])
def test_avellaneda_and_stoikov_stand_half_their_spread_around_the_reservation_price(left):
    bid, ask = distances(avellaneda_stoikov(GAMMA, SIGMA, DECAY, left), [-3, 0, 3])
    spread = GAMMA * SIGMA**2 * left + 2.0 / GAMMA * np.log(1.0 + GAMMA / DECAY)
    reservation = -np.array([-3, 0, 3]) * GAMMA * SIGMA**2 * left
    assert bid + ask == pytest.approx(spread, rel=1e-12)
    assert 0.5 * (ask - bid) == pytest.approx(reservation, rel=1e-12)


def test_avellaneda_and_stoikov_at_the_horizon_are_those_of_a_maker_without_risk():
    bid, ask = distances(avellaneda_stoikov(GAMMA, SIGMA, DECAY, 0.0), [-5, 0, 5])
    assert bid == pytest.approx(np.log1p(GAMMA / DECAY) / GAMMA, rel=1e-12)
    assert np.array_equal(bid, ask)


def test_stationary_constants_are_those_of_the_formula():
    c1, c2 = glft_constants(0.01, 0.9, 0.3, size=2.0, xi=0.02)
    assert float(c1) == pytest.approx(np.log(1.0 + 0.04 / 0.3) / 0.04, rel=1e-14)
    power = (1.0 + 0.04 / 0.3) ** (0.3 / 0.04 + 1.0)
    assert float(c2) == pytest.approx(np.sqrt(0.01 / (2.0 * 0.9 * 2.0 * 0.3) * power), rel=1e-14)
    spread = glft(c1, c2, 0.5, size=2.0)
    assert float(spread.base) == pytest.approx(float(c1) + 0.5 * float(c2), rel=1e-14)


def test_stationary_quotes_solve_the_makers_equations():
    """The exact quotes come from the lowest eigenvector of the linear system that the value function obeys."""
    most = 40
    held = np.arange(-most, most + 1)
    alpha = 0.5 * DECAY * GAMMA * SIGMA**2
    eta = FILLS * (1.0 + GAMMA / DECAY) ** -(1.0 + DECAY / GAMMA)
    system = np.diag(alpha * held.astype(float) ** 2) - eta * (np.eye(held.size, k=1) + np.eye(held.size, k=-1))
    lowest = np.abs(np.linalg.eigh(system)[1][:, 0])
    exact_bid = np.log(lowest[:-1] / lowest[1:]) / DECAY + np.log1p(GAMMA / DECAY) / GAMMA
    near = np.abs(held[:-1]) <= 8
    bid, ask = distances(glft(*glft_constants(GAMMA, FILLS, DECAY), SIGMA), held[:-1][near])
    assert bid == pytest.approx(exact_bid[near], rel=0.01)
    exact_ask = np.log(lowest[1:] / lowest[:-1]) / DECAY + np.log1p(GAMMA / DECAY) / GAMMA  # held[1:] sells one
    assert ask[1:] == pytest.approx(exact_ask[near][:-1], rel=0.01)


@pytest.mark.parametrize(
    "coefficients",
    [glft(*glft_constants(GAMMA, FILLS, DECAY), SIGMA), avellaneda_stoikov(GAMMA, SIGMA, DECAY, 3_600.0)],
    ids=["glft", "avellaneda_stoikov"],
)
def test_quotes_are_symmetric_without_inventory_and_move_against_it(coefficients):
    bid, ask = distances(coefficients, np.arange(-6, 7))
    assert bid[6] == ask[6] > 0.0
    assert np.array_equal(bid, ask[::-1])
    assert (np.diff(bid) > 0.0).all()
    assert (np.diff(ask) < 0.0).all()


def test_quotes_are_wider_for_the_volatile_the_averse_and_the_rarely_filled():
    usual = glft(*glft_constants(GAMMA, FILLS, DECAY), SIGMA)
    assert glft(*glft_constants(GAMMA, FILLS, DECAY), 2 * SIGMA).base > usual.base
    assert glft(*glft_constants(4 * GAMMA, FILLS, DECAY), SIGMA).skew > usual.skew
    assert glft(*glft_constants(GAMMA, FILLS / 4, DECAY), SIGMA).skew > usual.skew


def test_bounds_hold_the_quotes():
    bid, ask = distances(glft(*glft_constants(GAMMA, FILLS, DECAY), SIGMA), [-200, 0, 200], 0.0004, 0.0007)
    assert bid.tolist() == [0.0004, pytest.approx(5.08e-4, rel=0.02), 0.0007]
    assert ask.tolist() == [0.0007, bid[1], 0.0004]


def orders(screen, away, inventory, most, size, cash, held, levels=3, step=0.001):
    n = len(inventory)
    prices, amounts = np.empty((2, levels, n)), np.zeros((2, levels, n), dtype=np.int64)
    ints = (np.asarray(column, dtype=np.int64) for column in (size, cash, held))
    quote_orders(screen, away, step, np.array(inventory), np.array(most), *ints, prices, amounts)
    return prices, amounts


SCREEN = Screen(100.0, 99.9, 100.1, 0.05, 10, 0.01)


def test_levels_stand_a_step_apart_on_the_grid():
    prices, amounts = orders(SCREEN, np.full((2, 1), 0.0033), [0.0], [10.0], [1_000], [10**9], [10**9])
    assert prices[BUY, :, 0] == pytest.approx([99.65, 99.55, 99.45])
    assert prices[SELL, :, 0] == pytest.approx([100.35, 100.45, 100.55])
    assert (amounts == 1_000).all()


def test_quotes_do_not_cross_the_book():
    prices, _ = orders(SCREEN, np.full((2, 1), -0.01), [0.0], [10.0], [1_000], [10**9], [10**9], levels=1)
    assert prices[BUY, 0, 0] == pytest.approx(100.05)
    assert prices[SELL, 0, 0] == pytest.approx(99.95)


def test_the_side_that_would_exceed_the_limit_stops():
    away = np.full((2, 4), 0.01)
    size, means = [1_000] * 4, [10**9] * 4
    _, amounts = orders(SCREEN, away, [-10.0, 0.0, 8.5, 12.0], [10.0] * 4, size, means, means)
    assert amounts[BUY].sum(axis=0).tolist() == [3_000, 3_000, 1_500, 0]
    assert amounts[SELL].sum(axis=0).tolist() == [0, 3_000, 3_000, 3_000]


@given(st.data())
def test_quotes_lock_no_more_than_there_is_nor_carry_inventory_past_its_limit(data):
    n = 5
    draw = lambda low, high: data.draw(st.lists(st.integers(low, high), min_size=n, max_size=n))  # noqa: E731
    size, cash, held = draw(1, 10**6), draw(0, 10**8), draw(0, 10**7)
    inventory, most = np.array(draw(-12_000, 12_000)) / 1e3, np.array(draw(0, 12_000)) / 1e3
    away = np.array([draw(-100, 3_000), draw(-100, 3_000)]) / 1e5
    prices, amounts = orders(SCREEN, away, inventory, most, size, cash, held)
    assert (amounts >= 0).all()
    assert not (amounts % SCREEN.lot).any()
    assert ((amounts[BUY] * prices[BUY] * SCREEN.money).sum(axis=0) <= cash).all()
    assert (amounts[SELL].sum(axis=0) <= held).all()
    room = np.maximum(most - np.array([inventory, -inventory]), 0.0) * size
    assert (amounts.sum(axis=1) <= room + 1e-6).all()
    assert (prices[BUY] < SCREEN.ask).all()
    assert (prices[SELL] > SCREEN.bid).all()


@pytest.mark.parametrize("bound", [0.0, 0.5, 2.0])
def test_expected_excess_is_the_mean_of_what_exceeds_a_bound(bound):
    x = np.linspace(-12.0, 12.0, 200_001)
    weight = np.exp(-0.5 * (x / 1.5) ** 2) / (1.5 * np.sqrt(2.0 * np.pi))
    mean = (np.maximum(np.abs(x) - bound, 0.0) * weight).sum() * (x[1] - x[0])
    assert expected_excess(1.5, bound) == pytest.approx(mean, rel=1e-6)
    assert expected_excess(0.0, bound) == 0.0


def test_volatility_is_that_of_the_prices_and_its_habit_the_median():
    watch = Volatility(dt=60.0, memory=6_000.0, habit=600_000.0, prior=5e-4)
    rng = np.random.default_rng(2)
    price = 100.0 * np.exp(np.cumsum(1e-4 * np.sqrt(60.0) * rng.standard_normal(4_000)))
    for value in price[:2_000]:
        watch.see(value)
    assert watch.now == pytest.approx(1e-4, rel=0.15)
    assert watch.habit == pytest.approx(1e-4, rel=0.05)
    for value in price[1_999] * (price[2_000:2_300] / price[1_999]) ** 5:
        watch.see(value)
    assert watch.stress == pytest.approx(5.0, rel=0.25)
    assert watch.habit == pytest.approx(1e-4, rel=0.25)


def test_before_any_price_has_moved_volatility_is_what_was_expected():
    watch = Volatility(dt=60.0, memory=600.0, habit=6_000.0, prior=5e-4)
    watch.see(100.0)
    assert watch.now == watch.habit == 5e-4
    assert watch.stress == 1.0
