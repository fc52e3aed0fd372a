"""Numbers as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.wording import count, duration, percent, points, price, signed, usd


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "$0"),
        (0.004, "$0"),
        (7.5, "$7.5"),
        (930, "$930"),
        (999.96, "$1k"),
        (1234, "$1.23k"),
        (84.14e6, "$84.1M"),
        (1e9, "$1B"),
        (-1200, "−$1.2k"),
        (float("nan"), "n/a"),
        (float("inf"), "n/a"),
    ],
)
def test_usd(value, text):
    assert usd(value) == text


@given(st.floats(0.01, 1e12))
def test_usd_is_right_to_half_a_percent(value):
    text = usd(value)
    scale = {"k": 1e3, "M": 1e6, "B": 1e9}.get(text[-1], 1.0)
    assert float(text.strip("$kMB")) * scale == pytest.approx(value, rel=0.006, abs=0.006)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (percent(0.3214), "32.1%"),
        (percent(-11.5, 0), "−1,150%"),
        (percent(-0.0001), "0.0%"),
        (points(-0.063), "6.3 points"),
        (signed(-445.12), "−445.1"),
        (signed(2.0), "+2.0"),
        (signed(-0.04), "0.0"),
        (count(1, "run"), "1 run"),
        (count(2310, "liquidation"), "2,310 liquidations"),
        (price(43.891), "$43.89"),
        (price(2140.4), "$2,140"),
        (price(0.012345), "$0.01235"),
        (duration(60), "1 minute"),
        (duration(600), "10 minutes"),
        (duration(9000), "2.5 hours"),
        (duration(12), "12 seconds"),
        (duration(1.0004), "1 second"),
    ],
)
def test_words(text, expected):
    assert text == expected
