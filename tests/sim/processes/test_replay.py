"""Replayed prices: round trips, resampling, and what does not fit the run."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import ConfigError
from sim.processes import PathGrid
from sim.processes.replay import Replay
from sim.units import SECONDS_PER_YEAR

START = datetime(2024, 1, 1, tzinfo=UTC)
MINUTES = "time,price\n2024-01-01T00:00:00Z,100\n2024-01-01T00:10:00Z,110\n2024-01-01T00:40:00Z,88\n"


def replay(file, ticks, seconds, start=START, **settings):
    process = Replay(name="past", assets=settings.pop("assets", ["ETH"]), file=file, **settings)
    grid = PathGrid(ticks, seconds / SECONDS_PER_YEAR, start, seconds, np.ones(len(process.assets)))
    return process.log_path(grid, np.random.default_rng(0), np.zeros((ticks, len(process.assets))))


@given(
    prices=st.lists(st.floats(1e-8, 1e8), min_size=2, max_size=40),
    seconds=st.sampled_from([1.0, 12.0, 600.0, 86_400.0]),
)
@pytest.mark.parametrize("fill", ["previous", "linear"])
def test_round_trip_through_csv_and_parquet(tmp_path_factory, fill, prices, seconds):
    folder = tmp_path_factory.mktemp("trip")
    times = [START + timedelta(seconds=seconds * i) for i in range(len(prices))]
    lines = [f"{time.isoformat()},{price!r}" for time, price in zip(times, prices, strict=True)]
    (folder / "p.csv").write_text("\n".join(["time,price", *lines]))
    pq.write_table(pa.table({"time": times, "price": prices}), folder / "p.parquet")
    for name in ("p.csv", "p.parquet"):
        path = replay(str(folder / name), len(prices) - 1, seconds, fill=fill)
        assert np.allclose(np.exp(path[:, 0]) * prices[0], prices, rtol=1e-12)


def test_filling_between_rows(write_csv):
    file = write_csv(MINUTES)
    steps = np.exp(replay(file, 8, 300.0)[:, 0]) * 100
    assert np.allclose(steps, [100, 100, 110, 110, 110, 110, 110, 110, 88])
    lines = replay(file, 8, 300.0, fill="linear")[:, 0]
    assert np.allclose(np.diff(lines), [np.log(1.1) / 2] * 2 + [np.log(0.8) / 6] * 6)


def test_the_run_may_start_inside_the_file(write_csv):
    path = replay(write_csv(MINUTES), 3, 600.0, start=START + timedelta(minutes=10))
    assert np.allclose(np.exp(path[:, 0]), [1, 1, 1, 0.8])


def test_a_start_without_time_zone_is_utc(write_csv):
    assert np.array_equal(
        replay(write_csv(MINUTES), 4, 600.0, start=START.replace(tzinfo=None)), replay(write_csv(MINUTES), 4, 600.0)
    )


def test_first_row_alignment_ignores_dates(write_csv):
    elsewhere = datetime(1999, 7, 4, 5, 6, tzinfo=UTC)
    moved = replay(write_csv(MINUTES), 4, 600.0, start=elsewhere, align="first_row")
    assert np.array_equal(moved, replay(write_csv(MINUTES), 4, 600.0))


def test_columns_follow_assets(write_csv):
    file = write_csv("time,btc,eth\n2024-01-01,10,5\n2024-01-02,20,5\n", "both.csv")
    path = replay(file, 1, 86_400.0, assets=["ETH", "BTC"], price=["eth", "btc"])
    assert np.allclose(path[1], [0.0, np.log(2.0)])


@pytest.mark.parametrize(
    ("ticks", "start", "message"),
    [
        (
            6,
            START,
            r'process "past" \(replay\): .*eth\.csv covers 2024-01-01T00:00:00Z to 2024-01-01T00:40:00Z, the run '
            r"2024-01-01T00:00:00Z to 2024-01-01T01:00:00Z: too short; 4 of 6 ticks can be replayed\. Shorten the run",
        ),
        (
            2,
            START - timedelta(minutes=10),
            r"it does not contain the run's start; set the run's start to 2024-01-01T00:00:00Z, or align = \"first_row",
        ),
        (2, START + timedelta(days=9), r"it does not contain the run's start"),
    ],
)
def test_files_that_do_not_cover_the_run(write_csv, ticks, start, message):
    with pytest.raises(ConfigError, match=message):
        replay(write_csv(MINUTES), ticks, 600.0, start=start)


@pytest.mark.parametrize("fill", ["previous", "linear"])
def test_a_long_gap_is_refused_and_may_be_allowed(write_csv, fill):
    with pytest.raises(
        ConfigError,
        match=rf"eth\.csv:4: 1800 s without a row after 2024-01-01T00:10:00Z; allowed: max_gap = 1799 s\. "
        rf'Raise max_gap to fill it by "{fill}", or complete the file',
    ):
        replay(write_csv(MINUTES), 4, 600.0, fill=fill, max_gap=1799.0)
    assert replay(write_csv(MINUTES), 4, 600.0, fill=fill, max_gap=1800.0).shape == (5, 1)


def test_gaps_outside_the_run_do_not_matter(write_csv):
    assert replay(write_csv(MINUTES), 1, 600.0, max_gap=600.0).shape == (2, 1)
    with pytest.raises(ConfigError, match="eth\\.csv:4: 1800 s"):
        replay(write_csv(MINUTES), 1, 600.0, start=START + timedelta(minutes=15), max_gap=600.0)


def test_the_crash_of_19_may_2021(recorded):
    file = recorded("prices/eth_usd_2021-05-19_10min.csv")
    start = datetime(2021, 5, 19, tzinfo=UTC)
    path = replay(file, 143, 600.0, start=start, price="open")[:, 0]
    prices = 3375.69 * np.exp(path)
    assert prices[1] == pytest.approx(3420.54)
    assert prices[-1] == pytest.approx(2513.1)
    low = replay(file, 143, 600.0, start=start, price="low")[:, 0]
    assert 3357.72 * np.exp(low.min()) == pytest.approx(1862, abs=1)
    with pytest.raises(ConfigError, match="too short; 143 of 144 ticks"):
        replay(file, 144, 600.0, start=start, price="close")
    finer = replay(file, 1430, 60.0, start=start, price="open", fill="linear")[:, 0]
    assert np.allclose(finer[::10], path, atol=1e-12)
