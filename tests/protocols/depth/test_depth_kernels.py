"""The depth market against a 60-digit oracle, and the properties that make it a fair venue."""

import json
import math
import os
import subprocess
import sys
from decimal import Decimal, localcontext
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocols.shared.depth.kernels import (
    Depth,
    attribute,
    average_price,
    clear,
    clear_markets,
    displacement,
    log_price_change,
    recover,
    size_for_price,
    slope,
)
from sim.jit import KERNELS

ROOT = Path(__file__).resolve().parents[3]
DELTAS = [0.3, 0.5, 0.76, 0.94, 1.0, 1.5]

shapes = st.builds(
    Depth,
    scale=st.floats(1e-3, 4.0),
    volume=st.floats(1e2, 1e7),
    delta=st.sampled_from(DELTAS),
    epsilon=st.sampled_from([1e-8, 1e-6, 1e-3]),
)
moves = st.floats(-0.5, 0.5).filter(lambda value: value == 0.0 or abs(value) > 1e-15)
"""Sizes as a part of the daily volume."""


def exact_integral(u, side, depth):
    """Integral of exp(side * scale * v^delta) over 0..u by its power series."""
    w = side * Decimal(depth.scale) * u ** Decimal(depth.delta)
    total, power, k = Decimal(1), Decimal(1), 0
    while abs(power) > Decimal("1e-58"):
        k += 1
        power *= w / k
        total += power / (k * Decimal(depth.delta) + 1)
    return u * total


def exact_average(x, size, depth):
    """Average price over fundamental with 60 digits, from the same float64 inputs."""
    with localcontext() as context:
        context.prec = 60
        volume, epsilon = Decimal(depth.volume), Decimal(depth.epsilon)
        rest = Decimal(depth.scale) * epsilon ** Decimal(depth.delta)

        def primitive(state):
            side = 1 if state >= 0 else -1
            area = exact_integral(abs(state) + epsilon, side, depth) - exact_integral(epsilon, side, depth)
            return side * area * (-side * rest).exp()

        start, step = Decimal(x) / volume, Decimal(size) / volume
        return float((primitive(start + step) - primitive(start)) / step)


@pytest.mark.parametrize("delta", DELTAS)
@pytest.mark.parametrize("scale", [0.0077, 1.0, 3.9])
def test_average_price_is_exact(scale, delta):
    depth = Depth(scale, 2.9e6, delta, 1e-6)
    worst = 0.0
    for start in (0.0, 1e-9, 3e-6, 1e-3, 0.1, 1.0, -1e-9, -3e-6, -1e-3, -0.1, -1.0):
        for ratio in (1e-12, 1e-7, 1e-3, 0.1, 0.99, 1.01, 1.99, 2.01, 10.0):
            for side in (1.0, -1.0):
                x = start * depth.volume
                size = side * ratio * (abs(x) if x else depth.volume * 0.1)
                if abs(x + size) <= 1.01 * depth.volume:
                    expected = exact_average(x, size, depth)
                    worst = max(worst, abs(average_price(x, size, 1.0, depth) / expected - 1.0))
    assert worst < 1e-13


def test_linear_market_has_the_elementary_integral():
    depth = Depth(0.3, 100.0, 1.0, 1e-6)
    assert displacement(20.0, depth) == pytest.approx(0.06, rel=1e-14)
    expected = 50.0 * math.exp(0.06) * math.expm1(0.09) / 0.09
    assert average_price(20.0, 30.0, 50.0, depth) == pytest.approx(expected, rel=1e-14)


@given(shapes, moves, st.floats(1.0, 1e5))
def test_no_trade_pays_the_marginal_price(depth, start, fundamental):
    x = start * depth.volume
    after, price, dlog = clear(x, 0.0, fundamental, depth)
    assert after == x and dlog == 0.0
    assert price == pytest.approx(fundamental * math.exp(displacement(x, depth)), rel=1e-13)


@given(shapes, moves, moves)
def test_average_price_lies_between_the_prices_before_and_after(depth, start, step):
    x, size = start * depth.volume, step * depth.volume
    ends = sorted(math.exp(displacement(state, depth)) for state in (x, x + size))
    assert ends[0] * (1 - 1e-13) <= average_price(x, size, 1.0, depth) <= ends[1] * (1 + 1e-13)


@given(shapes, moves, moves, moves)
@example(Depth(3.6, 2.9e6, 0.94, 1e-6), 0.0, 0.1, 1e-12)
@example(Depth(3.6, 2.9e6, 0.94, 1e-6), -0.05, 0.1, -0.1)
def test_splitting_an_order_changes_nothing(depth, start, first, second):
    x, q1, q2 = (part * depth.volume for part in (start, first, second))
    middle, price1, dlog1 = clear(x, q1, 1.0, depth)
    _, price2, dlog2 = clear(middle, q2, 1.0, depth)
    _, price, dlog = clear(x, q1 + q2, 1.0, depth)
    assert dlog1 + dlog2 == pytest.approx(dlog, abs=1e-12)
    paid = q1 * price1 + q2 * price2
    # Rounding of the state x + q1 itself is worth the last digit of x.
    assert paid == pytest.approx((q1 + q2) * price, abs=1e-12 * (abs(q1) + abs(q2) + abs(x)))


@given(shapes, moves, moves)
def test_displacement_is_odd_and_rises(depth, one, other):
    low, high = sorted((one * depth.volume, other * depth.volume))
    assert displacement(low, depth) == -displacement(-low, depth)
    assert displacement(low, depth) <= displacement(high, depth)


@pytest.mark.parametrize("delta", DELTAS)
def test_displacement_is_the_power_law_and_linear_at_rest(delta):
    depth = Depth(0.5, 1e6, delta, 1e-6)
    assert displacement(2e5, depth) == pytest.approx(0.5 * (0.200001**delta - 1e-6**delta), rel=1e-13)
    tangent = 0.5 * delta * 1e-6 ** (delta - 1.0) / 1e6
    assert displacement(1e-7, depth) == pytest.approx(1e-7 * tangent, rel=1e-6)
    assert slope(0.0, 0.0, 0.0, depth) == pytest.approx(tangent, rel=1e-14)


@given(shapes, moves, moves)
def test_log_price_change_is_the_difference_of_displacements(depth, start, step):
    x, size = start * depth.volume, step * depth.volume
    expected = displacement(x + size, depth) - displacement(x, depth)
    assert log_price_change(x, size, depth) == pytest.approx(expected, abs=1e-13)


def test_log_price_change_keeps_its_digits_for_tiny_orders():
    depth = Depth(3.6, 2.9e6, 0.94, 1e-6)
    x = 1e5
    assert log_price_change(x, 1e-9, depth) == pytest.approx(1e-9 * slope(x, 0.0, 0.0, depth), rel=1e-12)


@given(shapes, moves, st.floats(0.3, 3.0))
def test_size_for_price_reaches_the_price(depth, start, tilt):
    x = start * depth.volume
    size = size_for_price(x, 2000.0, 2000.0 * tilt, depth)
    reached = 2000.0 * math.exp(displacement(x + size, depth))
    # A state far beyond the target is rounded to its own last digit, which is what the price can be off by.
    slack = 1e-15 * abs(x) * slope(x + size, 0.0, 0.0, depth)
    assert reached == pytest.approx(2000.0 * tilt, rel=1e-12 + slack)


@given(shapes, moves, st.lists(moves, min_size=1, max_size=30))
def test_parts_sum_to_the_move(depth, start, steps):
    sizes, x = np.array(steps) * depth.volume, start * depth.volume
    net, parts = math.fsum(sizes), np.empty(len(steps))
    dlog = log_price_change(x, net, depth)
    attribute(sizes, net, x, dlog, depth, parts)
    assert math.fsum(parts) == pytest.approx(dlog, abs=1e-12)
    assert (parts * sizes >= 0.0).all()


def test_orders_that_offset_each_other_get_the_tangent():
    depth, x = Depth(3.6, 2.9e6, 0.94, 1e-6), 500.0
    tangent = slope(x, 0.0, 0.0, depth)
    for net in (0.0, 1e-13, -1e-13, 5e-324):
        sizes, parts = np.array([1000.0, -1000.0]), np.empty(2)
        attribute(sizes, net, x, log_price_change(x, net, depth), depth, parts)
        np.testing.assert_allclose(parts, sizes * tangent, rtol=1e-12)


@given(shapes, moves, st.lists(st.integers(-(10**12), 10**12), min_size=2, max_size=20), st.randoms())
def test_a_batch_does_not_depend_on_its_order(depth, start, atoms, random):
    x, shuffled = start * depth.volume, list(atoms)
    random.shuffle(shuffled)
    results = []
    for batch in (atoms, shuffled):
        sizes = np.array(batch, dtype=np.int64)
        parts = np.empty(sizes.size)
        net = int(sizes.sum()) * 1e-8
        after, price, dlog = clear(x, net, 1800.0, depth)
        attribute(sizes * 1e-8, net, x, dlog, depth, parts)
        results.append((after, price, dlog, sorted(zip(batch, parts.tolist(), strict=True))))
    assert results[0] == results[1]


@given(shapes, moves, st.floats(0.0, 5.0), st.floats(0.0, 5.0))
def test_recovery_composes_and_forgets(depth, start, first, second):
    x = start * depth.volume
    middle, dlog1 = recover(x, 0.7, first, depth)
    after, dlog2 = recover(middle, 0.7, second, depth)
    whole, dlog = recover(x, 0.7, first + second, depth)
    assert after == pytest.approx(whole, rel=1e-13)
    assert dlog1 + dlog2 == pytest.approx(dlog, abs=1e-13)
    assert displacement(x, depth) + dlog == pytest.approx(displacement(whole, depth), abs=1e-12)
    assert x * dlog <= 0.0


def test_recovery_has_its_half_life():
    after, _ = recover(1000.0, math.log(2) / 30.0, 30.0, Depth(1.0, 1e6, 0.5, 1e-6))
    assert after == pytest.approx(500.0, rel=1e-14)


def test_a_market_of_unlimited_depth_stays_at_its_fundamental():
    depth = Depth(0.0, 1e6, 0.5, 1e-6)
    assert clear(3e5, -4e5, 7.0, depth) == (-1e5, pytest.approx(7.0, rel=1e-15), 0.0)


@pytest.mark.parametrize("delta", DELTAS)
@pytest.mark.parametrize("start", [0.0, 1e3, -1e3, 1e7, -1e7])
def test_absurd_orders_stay_finite(start, delta):
    depth = Depth(1.0, 100.0, delta, 1e-6)
    for size in (1e4, -1e4, 1e8, -1e8, -1.5e7):
        price = average_price(start, size, 2000.0, depth)
        assert math.isfinite(price) and price >= 0.0
    proceeds = [size * average_price(0.0, -size, 1.0, depth) for size in (1e3, 1e4, 1e6, 1e9)]
    assert proceeds == pytest.approx(sorted(proceeds), rel=1e-13)
    # A whole book of scale 1 is worth V Gamma(1 + 1 / delta), up to epsilon, whatever is thrown at it.
    worth = 100.0 * math.exp(1e-6**delta) * math.gamma(1.0 + 1.0 / delta)
    assert proceeds[-1] == pytest.approx(worth, rel=1e-5)


# ------------------------------------------------------------------------------------------------------------ kernels


def markets(size):
    rng = np.random.default_rng(size)
    volume = np.exp(rng.uniform(4, 16, size))
    scale, epsilon = rng.uniform(0.01, 3.0, size), 10.0 ** rng.integers(-8, -2, size)
    shape = np.column_stack([scale, volume, rng.choice(DELTAS, size), epsilon])
    net = rng.normal(0, 0.1, size) * volume * np.exp(rng.uniform(-20, 0, size)) * rng.choice([0.0, 1.0, 1.0], size)
    return rng.normal(0, 0.1, size) * volume, net, np.exp(rng.uniform(0, 10, size)), shape


def cleared(kernel, size):
    x, net, fundamental, shape = markets(size)
    average, dlog = np.full(size, np.nan), np.full(size, np.nan)
    kernel(x, net, fundamental, shape, average, dlog)
    return x, average, dlog


def test_clear_markets_clears_each_market():
    x, net, fundamental, shape = markets(50)
    after = cleared(clear_markets, 50)
    for i in range(50):
        depth = Depth(*shape[i].tolist())
        expected = clear(float(x[i]), float(net[i]), float(fundamental[i]), depth)
        assert tuple(float(column[i]) for column in after) == expected


@pytest.mark.jit
@pytest.mark.parametrize("size", [0, 1, 7, 500])
def test_twins_are_bit_identical(size):
    twin = KERNELS["protocols.shared.depth.kernels.clear_markets"].twin
    for compiled, plain in zip(cleared(clear_markets, size), cleared(twin, size), strict=True):
        assert compiled.tobytes() == plain.tobytes()
    sizes, depth = np.random.default_rng(size).normal(0, 100, size), Depth(3.6, 2.9e6, 0.94, 1e-6)
    net, compiled, plain = math.fsum(sizes), np.empty(size), np.empty(size)
    dlog = log_price_change(5.0, net, depth)
    attribute(sizes, net, 5.0, dlog, depth, compiled)
    KERNELS["protocols.shared.depth.kernels.attribute"].twin(sizes, net, 5.0, dlog, depth, plain)
    assert compiled.tobytes() == plain.tobytes()


UNCOMPILED = """
import json, sys
import numpy as np
from protocols.shared.depth.kernels import Depth, clear, displacement, recover, size_for_price
rows = json.load(sys.stdin)
results = []
for x, net, fundamental, *shape in rows:
    depth = Depth(*shape)
    results.append([*clear(x, net, fundamental, depth), displacement(x, depth),
                    size_for_price(x, fundamental, 1.1 * fundamental, depth), *recover(x, 0.3, 1.0, depth)])
json.dump(results, sys.stdout)
"""


@pytest.mark.jit
def test_scalar_helpers_are_bit_identical_without_the_compiler():
    x, net, fundamental, shape = markets(300)
    rows = np.column_stack([x, net, fundamental, shape]).tolist()
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    run = subprocess.run(
        [sys.executable, "-c", UNCOMPILED], input=json.dumps(rows), env=environment, cwd=ROOT,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    here = []
    for x_, net_, fundamental_, *shape_ in rows:
        depth = Depth(*shape_)
        aim = size_for_price(x_, fundamental_, 1.1 * fundamental_, depth)
        outcome = clear(x_, net_, fundamental_, depth)
        here.append([*outcome, displacement(x_, depth), aim, *recover(x_, 0.3, 1.0, depth)])
    assert json.loads(run.stdout) == here
