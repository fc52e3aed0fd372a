"""The run's time grid: a start, a fixed step, a number of ticks.

Tick t is the moment t * dt after the start: tick 0 is the opening state, and the last step ends at tick `ticks`.
Users name a tick by its number, by an offset from the start ("6h") or by a UTC date; all three become a tick here.
"""

import math
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sim.errors import ConfigError
from sim.units import SECONDS_PER_YEAR

UNITS = {"s": 1.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
"""Seconds in each unit of a duration text."""

_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-zA-Z]+)\s*")
_ROUNDING = 1e-9
"""Relative slack, so that an offset written in decimals still lands on the tick it names."""


def parse_duration(text: Any) -> float:
    """Seconds of a duration: a number of seconds, or a text such as "90s", "10min", "8h", "1h30min", "7d", "2w".

    Raises ConfigError for anything else, for negative and for non-finite numbers.
    """
    if isinstance(text, int | float) and not isinstance(text, bool) and math.isfinite(text) and text >= 0:
        return float(text)
    parts = _PART.findall(text) if isinstance(text, str) and _PART.sub("", text).strip() == "" else []
    if not parts or any(unit not in UNITS for _, unit in parts):
        raise ConfigError(f'{_shown(text)} is no duration; write seconds or a text like "90s", "10min", "8h", "7d"')
    return sum(float(number) * UNITS[unit] for number, unit in parts)


def parse_time(text: Any) -> datetime:
    """A moment in UTC from a datetime, a date (its midnight) or an ISO 8601 text; without a zone it is UTC.

    Raises ConfigError if there is no such moment.
    """
    moment = text
    with suppress(ValueError, OverflowError):
        if isinstance(moment, str):
            moment = datetime.fromisoformat(moment.strip())
        elif isinstance(moment, date) and not isinstance(moment, datetime):
            moment = datetime(moment.year, moment.month, moment.day)
        if isinstance(moment, datetime):
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    raise ConfigError(f'{_shown(text)} is no date; write UTC like "2021-05-19T12:00:00Z" or "2021-05-19"')


@dataclass
class Clock:
    """Where a run stands in time.

    start: UTC moment of tick 0. dt: seconds per tick. ticks: steps of the run. tick: the current tick.
    """

    start: datetime
    dt: float
    ticks: int
    tick: int = 0

    @property
    def dt_years(self) -> float:
        """Length of a tick in 365-day years."""
        return self.dt / SECONDS_PER_YEAR

    def time(self, tick: int | None = None) -> datetime:
        """UTC moment of a tick; of the current tick if none is named."""
        return self.start + timedelta(seconds=(self.tick if tick is None else tick) * self.dt)

    def tick_of(self, when: Any) -> int:
        """The first tick at or after a moment: a tick, an offset such as "6h", or a date (datetime or ISO text).

        Raises ConfigError if it cannot be read or lies outside the run's ticks 0 to `ticks` - 1.
        """
        tick = self._grid(when)
        if 0 <= tick < self.ticks:
            return tick
        last = self.ticks - 1
        span = f"0 to {last} ({_iso(self.start)} to {_iso(self.time(last))})"
        raise ConfigError(f"{_shown(when)} is outside the run, at tick {tick}; allowed: ticks {span}")

    def _grid(self, when: Any) -> int:
        if isinstance(when, int) and not isinstance(when, bool):
            return when
        with suppress(ConfigError):
            return self._ceil(parse_duration(when if isinstance(when, str) else None))
        with suppress(ConfigError):
            return self._ceil((parse_time(when) - self.start).total_seconds())
        raise ConfigError(
            f'{_shown(when)} is no moment of the run; write a tick (720), an offset ("6h") '
            f'or a UTC date ("{_iso(self.start)}")'
        )

    def _ceil(self, seconds: float) -> int:
        ticks = seconds / self.dt
        return math.ceil(ticks - _ROUNDING * max(1.0, abs(ticks)))


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _shown(when: Any) -> str:
    if isinstance(when, datetime):
        return _iso(when)
    return f'"{when}"' if isinstance(when, str) else str(when)
