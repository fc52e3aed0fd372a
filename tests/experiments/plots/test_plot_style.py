"""The house style: colours that can be told apart and read, labels that keep apart, thin lines that keep their look."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.plots import style
from sim.flows import Motive


def luminance(colour):
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.03928, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_every_motive_has_a_colour_of_its_own():
    assert set(style.MOTIVES) == set(Motive)
    assert len(set(style.MOTIVES.values())) == len(Motive)
    assert not set(style.MOTIVES.values()) & {style.INK, style.MUTED, style.PAPER, style.GRID}


@pytest.mark.parametrize("colour", [style.INK, style.MUTED])
def test_text_can_be_read(colour):
    assert contrast(colour, style.PAPER) > 4.5


@given(st.lists(st.floats(0, 1), max_size=9), st.floats(0.01, 0.1))
def test_labels_keep_apart_in_order_and_inside(places, gap):
    moved = style.spread(places, gap)
    order = np.argsort(places, kind="stable")
    assert all(
        later - earlier >= gap - 1e-9 for earlier, later in zip(*_neighbours(np.array(moved)[order]), strict=True)
    )
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in moved)


def _neighbours(values):
    return values[:-1].tolist(), values[1:].tolist()


def test_labels_far_apart_stay_where_they_are():
    assert style.spread([0.9, 0.1, 0.5], 0.1) == pytest.approx([0.9, 0.1, 0.5])


@given(st.integers(1, 5000), st.integers(0, 100))
def test_thinning_keeps_ends_and_extremes(size, seed):
    values = np.random.default_rng(seed).standard_normal(size)
    kept = style.thin(values, 100)
    assert kept.size <= max(102, min(size, 100))
    assert {0, size - 1, int(np.argmin(values)), int(np.argmax(values))} <= set(kept.tolist())
    assert (np.diff(kept) > 0).all()


@pytest.mark.parametrize(
    ("hours", "unit"), [(0.2, "minutes"), (2.0, "minutes"), (24.0, "hours"), (144.0, "hours"), (720.0, "hours")]
)
def test_time_axis_has_a_handful_of_ticks(hours, unit):
    axes = style.figure((7, 4)).subplots()
    axes.set_xlim(0, hours)
    style.time_axis(axes, "2021-05-19 00:00 UTC")
    assert 4 <= sum(0 <= tick <= hours for tick in axes.get_xticks()) <= 17
    assert axes.get_xlabel() == f"{unit} since 2021-05-19 00:00 UTC"


def test_lines_of_a_title_are_balanced():
    lines = style._wrapped("one two three four five six seven eight nine ten eleven twelve", 12.0, "bold", 4.0)
    assert len(lines) == 2
    assert abs(len(lines[0]) - len(lines[1])) < 10


def test_rounding_cuts_coordinates_and_leaves_words_alone():
    svg = b'<path d="M 12.345678 9.1 L 100 7.999999"/><text id="x1.23456" y="1.005">at 0.12345 USD</text>'
    short = b'<path d="M 12.34 9.1 L 100 7.99"/><text id="x1.23456" y="1.00">at 0.12345 USD</text>'
    assert style.rounded(svg) == short
