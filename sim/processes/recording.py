"""Prices recorded in a file of the user's: read once, checked whole, refused with file and line."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.errors import ConfigError, suggestion
from sim.fields import DataFile

_TIMES = (
    'allowed: ISO 8601 such as "2021-05-19T12:00:00Z" (UTC if it names no zone), '
    "or a number of seconds, milliseconds, microseconds or nanoseconds since 1970"
)


@dataclass(frozen=True, eq=False)
class Recording:
    """One price series. Times strictly increase, prices are positive and finite.

    Attributes
    ----------
    file: where it came from.
    times: (n,) seconds since 1970-01-01 UTC.
    prices: (n,) in numeraire.
    lines: (n,) line of each row in a CSV file, row number in a Parquet file.
    """

    file: str
    times: NDArray[np.float64]
    prices: NDArray[np.float64]
    lines: NDArray[np.int64]

    def place(self, row: int) -> str:
        """file:line of a row."""
        return f"{self.file}:{self.lines[row]}"


def utc(seconds: float) -> str:
    """Epoch seconds as an ISO 8601 date for messages."""
    return datetime.fromtimestamp(float(seconds), UTC).isoformat().replace("+00:00", "Z")


def per_asset(where: str, setting: str, value: str | Sequence[str], assets: Sequence[str]) -> list[str]:
    """A setting that is one text for all assets or a list with one for each, as a list. Raises ConfigError."""
    if isinstance(value, str):
        return [value] * len(assets)
    if len(value) != len(assets):
        raise ConfigError(
            f"{where}: {setting} lists {len(value)} values for {len(assets)} assets ({', '.join(assets)}); "
            "give one text for all of them or one for each, in the same order"
        )
    return list(value)


def read_recordings(
    where: str,
    assets: Sequence[str],
    file: DataFile | Sequence[DataFile],
    time: str | Sequence[str],
    price: str | Sequence[str],
) -> list[Recording]:
    """One recording for each asset; `file`, `time` and `price` are one value for all or one for each.

    Raises ConfigError if a list has the wrong length, two assets share a column, or a file is refused.
    """
    files = per_asset(where, "file", file, assets)
    times, prices = per_asset(where, "time", time, assets), per_asset(where, "price", price, assets)
    taken: dict[tuple[str, str], str] = {}
    for asset, key in zip(assets, zip(files, prices, strict=True), strict=True):
        if key in taken:
            raise ConfigError(
                f'{where}: {taken[key]} and {asset} would both take column "{key[1]}" of {key[0]}; '
                "list one price column or one file for each asset"
            )
        taken[key] = asset
    return [read_recording(*columns) for columns in zip(files, times, prices, strict=True)]


def read_recording(file: str, time: str, price: str) -> Recording:
    """Read and check two columns of a CSV (plain or gzip, UTF-8, comma) or Parquet file.

    Raises
    ------
    ConfigError: the file is missing, unreadable or empty; a column is missing; a time is unparseable, out of order or
        repeated; a price is not a positive number.
    """
    try:
        stat = Path(file).stat()
        return _read_cached(file, time, price, stat.st_mtime_ns, stat.st_size)
    except OSError as error:
        raise ConfigError(
            f"{file}: cannot be read ({error.strerror}); give the path of a CSV or Parquet file"
        ) from None


@lru_cache(maxsize=16)
def _read_cached(file: str, time: str, price: str, changed: int, size: int) -> Recording:
    """Many runs of one process read the same file; its date and size tell when it must be read again."""
    data = Path(file).read_bytes()
    rows = _parquet_rows(file, data, time, price) if data[:4] == b"PAR1" else _csv_rows(file, data, time, price)
    lines, times, prices = [], [], []
    for line, when, value in rows:
        lines.append(line)
        times.append(_seconds(when, f"{file}:{line}", time))
        prices.append(_positive(value, f"{file}:{line}", price))
    if not lines:
        raise ConfigError(f"{file}: has no rows below its header; at least two are needed")
    columns = np.array(times), np.array(prices), np.array(lines)
    for column in columns:
        column.setflags(write=False)
    recording = Recording(file, *columns)
    _check_order(recording)
    return recording


def _csv_rows(file: str, data: bytes, time: str, price: str) -> Iterator[tuple[int, str, str]]:
    reader = csv.reader(io.StringIO(_text(file, data), newline=""))
    header = next(reader, [])
    if not header:
        raise ConfigError(f"{file}:1: no header; the first line must name the columns, among them {time} and {price}")
    when, value = (_column(f"{file}:1", name, header) for name in (time, price))
    try:
        for row in reader:
            if row and len(row) <= max(when, value):
                raise ConfigError(
                    f"{file}:{reader.line_num}: {len(row)} cells where the header names {len(header)} columns; "
                    "complete the row or drop it"
                )
            if row:
                yield reader.line_num, row[when], row[value]
    except csv.Error as error:
        raise ConfigError(f"{file}:{reader.line_num}: not CSV ({error}); look for a quote that is not closed") from None


def _text(file: str, data: bytes) -> str:
    try:
        return (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"{file}: damaged gzip file ({error}); compress it again") from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{file}: byte {error.start} is not UTF-8 text; save the file as UTF-8 CSV (plain or gzip) or Parquet"
        ) from None


def _parquet_rows(file: str, data: bytes, time: str, price: str) -> Iterator[tuple[int, Any, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        source = pq.ParquetFile(pa.BufferReader(data))
        names = source.schema_arrow.names
        for name in (time, price):
            _column(file, name, names)
        table = source.read(columns=[time, price])
    except (pa.ArrowInvalid, OSError) as error:
        raise ConfigError(f"{file}: damaged Parquet file ({error}); write it again") from None
    times = table.column(time)
    if pa.types.is_date(times.type):
        times = times.cast(pa.timestamp("s"))
    if pa.types.is_timestamp(times.type):
        unit = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[times.type.unit]
        cells = [None if cell is None else cell / unit for cell in times.cast(pa.int64()).to_pylist()]
    else:
        cells = times.to_pylist()
    yield from zip(range(1, len(times) + 1), cells, table.column(price).to_pylist(), strict=True)


def _column(place: str, name: str, names: list[str]) -> int:
    if name not in names:
        raise ConfigError(f'{place}: no column "{name}"{suggestion(name, names)}')
    return names.index(name)


def _seconds(cell: Any, place: str, column: str) -> float:
    try:
        number = float(cell)
    except (TypeError, ValueError):
        number = _date_seconds(str(cell).strip())
    if not 0.0 <= number < 1e20:
        raise ConfigError(f'{place}: {column} "{cell}" is not a time; {_TIMES}')
    # 1e11 seconds are the year 5138, 1e11 milliseconds are 1973: the size of a number tells its unit
    for limit, unit in ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6)):
        if abs(number) < limit:
            return number / unit
    return number / 1e9


def _date_seconds(text: str) -> float:
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        return np.nan
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()


def _positive(cell: Any, place: str, column: str) -> float:
    try:
        number = float(cell)
    except (TypeError, ValueError):
        number = np.nan
    if not 0.0 < number < np.inf:
        raise ConfigError(f'{place}: {column} is "{cell}"; allowed: positive numbers; correct it or drop the row')
    return number


def _check_order(recording: Recording) -> None:
    wrong = np.flatnonzero(np.diff(recording.times) <= 0.0)
    if wrong.size == 0:
        return
    row = int(wrong[0]) + 1
    place, now, before = recording.place(row), utc(recording.times[row]), utc(recording.times[row - 1])
    if now == before:
        raise ConfigError(f"{place}: time {now} repeats line {recording.lines[row - 1]}; keep one row for each time")
    raise ConfigError(
        f"{place}: time {now} is earlier than {before} on line {recording.lines[row - 1]}; sort the file by time, "
        "oldest first"
    )
