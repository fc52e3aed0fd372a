"""Durations, moments and the tick grid."""

from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.clock import UNITS, Clock, parse_duration, parse_time
from sim.errors import ConfigError

START = datetime(2021, 5, 19, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("90s", 90.0),
        ("10min", 600.0),
        ("8h", 28_800.0),
        ("7d", 604_800.0),
        ("2w", 1_209_600.0),
        ("1h30min", 5_400.0),
        ("1h 30min", 5_400.0),
        (" 1.5 h ", 5_400.0),
        (12, 12.0),
        (0.5, 0.5),
        (0, 0.0),
    ],
)
def test_durations(written, seconds):
    assert parse_duration(written) == seconds


@pytest.mark.parametrize(
    "written", ["", "10", "10m", "min", "1h-5s", "-5s", -5, True, float("nan"), float("inf"), None]
)
def test_what_is_no_duration(written):
    with pytest.raises(ConfigError, match=r'is no duration; write seconds or a text like "90s", "10min", "8h", "7d"'):
        parse_duration(written)


@given(st.integers(0, 10**6), st.sampled_from(sorted(UNITS)))
def test_a_unit_scales(number, unit):
    assert parse_duration(f"{number}{unit}") == number * UNITS[unit]


@pytest.mark.parametrize(
    "written",
    [
        START,
        datetime(2021, 5, 19),
        datetime(2021, 5, 19, 2, tzinfo=timezone(timedelta(hours=2))),
        date(2021, 5, 19),
        "2021-05-19",
        "2021-05-19T00:00:00Z",
        " 2021-05-19 00:00 ",
        "2021-05-18T19:00:00-05:00",
    ],
)
def test_one_moment_in_many_ways(written):
    moment = parse_time(written)
    assert moment == START
    assert moment.utcoffset() == timedelta(0)


@pytest.mark.parametrize("written", ["2021-02-30", "May 19", "", time(12), 5, None, "0001-01-01T00:00:00+05:00"])
def test_what_is_no_date(written):
    with pytest.raises(ConfigError, match='is no date; write UTC like "2021-05-19T12:00:00Z"'):
        parse_time(written)


@pytest.fixture
def clock():
    return Clock(START, 600.0, 144)


@pytest.mark.parametrize(
    ("when", "tick"),
    [
        (0, 0),
        (143, 143),
        ("0s", 0),
        ("6h", 36),
        ("23h50min", 143),
        ("2021-05-19T06:00:00Z", 36),
        (datetime(2021, 5, 19, 6), 36),
        (date(2021, 5, 19), 0),
        ("10min", 1),
        ("601s", 2),
        ("599s", 1),
    ],
)
def test_moments_become_the_first_tick_at_or_after_them(clock, when, tick):
    assert clock.tick_of(when) == tick


@pytest.mark.parametrize(("when", "tick"), [(-1, -1), (144, 144), ("24h", 144), ("25h", 150), ("2021-05-18", -144)])
def test_a_moment_outside_the_run(clock, when, tick):
    with pytest.raises(ConfigError) as caught:
        clock.tick_of(when)
    shown = f'"{when}"' if isinstance(when, str) else str(when)
    assert str(caught.value) == (
        f"{shown} is outside the run, at tick {tick}; "
        "allowed: ticks 0 to 143 (2021-05-19T00:00:00Z to 2021-05-19T23:50:00Z)"
    )


@pytest.mark.parametrize("when", [True, 1.5, "noon", "720", "", "6 parsecs", None, time(12)])
def test_what_is_no_moment(clock, when):
    with pytest.raises(
        ConfigError, match=r'is no moment of the run; write a tick \(720\), an offset \("6h"\) or a UTC'
    ):
        clock.tick_of(when)


@given(st.integers(1, 100_000), st.sampled_from([0.1, 1.0, 12.0, 60.0, 600.0, 3_600.0]), st.data())
def test_a_ticks_own_time_and_offset_lead_back_to_it(ticks, dt, data):
    clock = Clock(START, dt, ticks)
    tick = data.draw(st.integers(0, ticks - 1))
    assert clock.tick_of(clock.time(tick)) == tick
    assert clock.tick_of(clock.time(tick).isoformat()) == tick
    assert clock.tick_of(f"{tick * dt:.6f}s") == tick


@given(st.integers(0, 10**8), st.integers(0, 10**8))
def test_later_moments_are_never_earlier_ticks(first, second):
    clock = Clock(START, 7.0, 10**8)
    early, late = (clock.tick_of(f"{seconds}s") for seconds in sorted((first, second)))
    assert early <= late
    assert late * 7.0 >= max(first, second) > (late - 1) * 7.0


def test_the_clock_counts(clock):
    assert clock.time() == START
    clock.tick += 6
    assert clock.time() == START + timedelta(hours=1)
    assert clock.dt_years * 365 * 144 == pytest.approx(1.0)
