"""Reading recorded prices: formats that are understood, and the text of every refusal."""

import gzip
from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import ConfigError
from sim.processes.recording import read_recording, read_recordings, utc

GOOD = "time,price\n2021-05-19T00:00:00Z,100\n2021-05-19T00:10:00Z,101.5\n2021-05-19T00:30:00Z,99\n"
SECONDS = 1621382400.0
"""2021-05-19T00:00:00Z"""


def test_csv_plain_gzip_and_byte_order_mark_read_alike(write_csv, tmp_path):
    plain = read_recording(write_csv(GOOD), "time", "price")
    zipped = tmp_path / "eth.csv.gz"
    zipped.write_bytes(gzip.compress(GOOD.encode()))
    marked = write_csv("\ufeff" + GOOD.replace("\n", "\r\n"), "marked.csv")
    for other in (str(zipped), marked):
        again = read_recording(other, "time", "price")
        assert np.array_equal(again.times, plain.times)
        assert np.array_equal(again.prices, plain.prices)
    assert plain.times.tolist() == [SECONDS, SECONDS + 600, SECONDS + 1800]
    assert plain.prices.tolist() == [100.0, 101.5, 99.0]
    assert plain.place(2) == f"{plain.file}:4"


@pytest.mark.parametrize(
    "text",
    [
        "2021-05-19T00:00:00Z",
        "2021-05-19 00:00:00",
        "2021-05-19T02:00:00+02:00",
        "2021-05-19",
        " 2021-05-19T00:00 ",
        "1621382400",
        "1621382400.0",
        "1621382400000",
        "1621382400000000",
        "1621382400000000000",
    ],
)
def test_times_in_every_allowed_form(write_csv, text):
    assert read_recording(write_csv(f"time,price\n{text},5\n"), "time", "price").times[0] == SECONDS


@given(stamp=st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)))
def test_utc_is_read_back(tmp_path_factory, stamp):
    text = utc(stamp.replace(tzinfo=UTC).timestamp())
    file = tmp_path_factory.mktemp("utc") / "x.csv"
    file.write_text(f"time,price\n{text},5\n")
    assert utc(read_recording(str(file), "time", "price").times[0]) == text


@pytest.mark.parametrize(
    "times",
    [
        pa.array([SECONDS, SECONDS + 60]),
        pa.array([int(SECONDS) * 1000, int(SECONDS + 60) * 1000]),
        pa.array(["2021-05-19T00:00:00Z", "2021-05-19T00:01:00Z"]),
        *(
            pa.array([int(SECONDS * per), int((SECONDS + 60) * per)]).cast(pa.timestamp(unit, zone))
            for unit, per in (("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9))
            for zone in (None, "UTC", "Europe/Zurich")
        ),
    ],
    ids=str,
)
def test_parquet_times_of_every_type(tmp_path, times):
    file = tmp_path / "eth.parquet"
    pq.write_table(pa.table({"other": [1, 2], "time": times, "price": [5.0, 6.0]}), file)
    recording = read_recording(str(file), "time", "price")
    assert recording.times.tolist() == [SECONDS, SECONDS + 60]
    assert recording.prices.tolist() == [5.0, 6.0]
    assert recording.lines.tolist() == [1, 2]


def test_parquet_days(tmp_path):
    file = tmp_path / "eth.parquet"
    pq.write_table(pa.table({"day": [date(2021, 5, 19), date(2021, 5, 20)], "price": [5, 6]}), file)
    assert read_recording(str(file), "day", "price").times.tolist() == [SECONDS, SECONDS + 86_400]


def row(text):
    return GOOD.replace("2021-05-19T00:10:00Z,101.5", text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"eth\.csv:1: no header; the first line must name the columns, among them time and price"),
        ("time,price\n", r"eth\.csv: has no rows below its header; at least two are needed"),
        (GOOD.replace("price", "prise"), r'eth\.csv:1: no column "price"; did you mean "prise"\? Allowed: time, prise'),
        (GOOD.replace("time", "when"), r'eth\.csv:1: no column "time".*Allowed: when, price'),
        (row("19 May,5"), r'eth\.csv:3: time "19 May" is not a time; allowed: ISO 8601 such as "2021-05-19T12:00:00Z"'),
        (row("nan,5"), r'eth\.csv:3: time "nan" is not a time'),
        (row(",5"), r'eth\.csv:3: time "" is not a time; .* milliseconds, microseconds or nanoseconds since 1970'),
        (row("1e300,5"), r'eth\.csv:3: time "1e300" is not a time'),
        (row("2021-05-19T00:10:00Z,"), r'eth\.csv:3: price is ""; allowed: positive numbers; correct it or drop the'),
        (row("2021-05-19T00:10:00Z,nan"), r'eth\.csv:3: price is "nan"; allowed: positive'),
        (row("2021-05-19T00:10:00Z,inf"), r'eth\.csv:3: price is "inf"; allowed: positive'),
        (row("2021-05-19T00:10:00Z,0.0"), r'eth\.csv:3: price is "0\.0"; allowed: positive'),
        (row("2021-05-19T00:10:00Z,-3"), r'eth\.csv:3: price is "-3"; allowed: positive'),
        (row("2021-05-19T00:10:00Z,n/a"), r'eth\.csv:3: price is "n/a"; allowed: positive'),
        (row("2021-05-19T00:10:00Z"), r"eth\.csv:3: 1 cells where the header names 2 columns; complete the row"),
        (
            row("2021-05-19T00:00:00Z,5"),
            r"eth\.csv:3: time 2021-05-19T00:00:00Z repeats line 2; keep one row for each time",
        ),
        (
            row("2021-05-18T23:00:00Z,5"),
            r"eth\.csv:3: time 2021-05-18T23:00:00Z is earlier than 2021-05-19T00:00:00Z on line 2; sort the file",
        ),
    ],
)
def test_csv_mistakes(write_csv, text, message):
    with pytest.raises(ConfigError, match=message):
        read_recording(write_csv(text), "time", "price")


def test_line_numbers_count_blank_and_quoted_lines(write_csv):
    text = 'time,note,price\n\n2021-05-19,"two\nlines",5\n2021-05-20,,bad\n'
    with pytest.raises(ConfigError, match=r'eth\.csv:5: price is "bad"'):
        read_recording(write_csv(text), "time", "price")


def test_an_unclosed_quote_that_swallows_the_file(write_csv):
    text = "time,price\n" + '2021-05-19,"5\n' + "2021-05-19,5\n" * 12_000
    with pytest.raises(ConfigError, match=r"eth\.csv:\d+: not CSV \(field larger.*\); look for a quote that is not"):
        read_recording(write_csv(text), "time", "price")


@pytest.mark.parametrize(
    ("times", "prices", "message"),
    [
        ([1.0, None], [5.0, 6.0], r'eth\.parquet:2: time "None" is not a time'),
        ([1.0, 2.0], [5.0, None], r'eth\.parquet:2: price is "None"; allowed: positive'),
        ([2.0, 1.0], [5.0, 6.0], r"eth\.parquet:2: time 1970-01-01T00:00:01Z is earlier than"),
    ],
)
def test_parquet_mistakes(tmp_path, times, prices, message):
    file = tmp_path / "eth.parquet"
    pq.write_table(pa.table({"time": times, "price": prices}), file)
    with pytest.raises(ConfigError, match=message):
        read_recording(str(file), "time", "price")
    with pytest.raises(ConfigError, match=r'eth\.parquet: no column "close".*Allowed: time, price'):
        read_recording(str(file), "time", "close")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (gzip.compress(GOOD.encode())[:40], r"bad\.bin: damaged gzip file \(.+\); compress it again"),
        (gzip.compress(GOOD.encode())[:-8] + b"12345678", r"bad\.bin: damaged gzip file \(CRC check failed"),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xff\xff\xff", r"bad\.bin: damaged gzip file \("),
        (b"PAR1 and nothing else", r"bad\.bin: damaged Parquet file \(.+\); write it again"),
        (b"time,price\n\xe9,5\n", r"bad\.bin: byte 11 is not UTF-8 text; save the file as UTF-8 CSV"),
    ],
    ids=["cut gzip", "wrong checksum", "no gzip", "no Parquet", "Latin-1"],
)
def test_damaged_files(tmp_path, data, message):
    file = tmp_path / "bad.bin"
    file.write_bytes(data)
    with pytest.raises(ConfigError, match=message):
        read_recording(str(file), "time", "price")


def test_missing_file(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.csv: cannot be read \(No such file.*\); give the path of a CSV or"):
        read_recording(str(tmp_path / "none.csv"), "time", "price")
    with pytest.raises(ConfigError, match=r"cannot be read \(Is a directory\)"):
        read_recording(str(tmp_path), "time", "price")


def test_a_changed_file_is_read_again(write_csv):
    first = read_recording(write_csv(GOOD), "time", "price")
    assert read_recording(first.file, "time", "price") is first
    assert read_recording(write_csv(GOOD + "2021-05-20,7\n"), "time", "price").prices.tolist()[-1] == 7.0
    with pytest.raises(ValueError, match="read-only"):
        first.prices[0] = 1.0


def test_settings_spread_over_assets(write_csv):
    both = write_csv("t,btc,eth\n2021-05-19,10,1\n2021-05-20,11,2\n", "both.csv")
    other = write_csv("t,btc\n2021-05-19,30\n2021-05-20,31\n", "other.csv")
    columns = read_recordings("here", ["BTC", "ETH"], both, "t", ["btc", "eth"])
    assert [recording.prices.tolist() for recording in columns] == [[10, 11], [1, 2]]
    files = read_recordings("here", ["BTC", "ETH"], [both, other], ["t", "t"], "btc")
    assert [recording.prices.tolist() for recording in files] == [[10, 11], [30, 31]]


@pytest.mark.parametrize(
    ("price", "message"),
    [
        ("btc", r'here: BTC and ETH would both take column "btc" of both\.csv; list one price column or one file for'),
        (["btc"], r"here: price lists 1 values for 2 assets \(BTC, ETH\); give one text for all of them or one for"),
    ],
)
def test_settings_that_do_not_fit_the_assets(price, message):
    with pytest.raises(ConfigError, match=message):
        read_recordings("here", ["BTC", "ETH"], "both.csv", "time", price)
