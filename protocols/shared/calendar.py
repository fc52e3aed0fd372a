"""When options expire and vaults roll: evenly spaced moments from an anchor, such as every Friday at 08:00 UTC."""

import math
from dataclasses import dataclass
from datetime import datetime

from sim.clock import Clock, parse_time
from sim.errors import ConfigError

_SLACK = 1e-9


@dataclass(frozen=True)
class Calendar:
    """Moments on a run's grid of ticks.

    anchor: any one of the moments. every: seconds between two. Raises ConfigError if two would share a tick.
    """

    clock: Clock
    anchor: datetime
    every: float

    def __post_init__(self) -> None:
        if self.every < self.clock.dt:
            raise ConfigError(
                f"expiries or epochs every {self.every:g} s are more frequent than ticks of {self.clock.dt:g} s; "
                "lengthen the interval or shorten run.dt"
            )

    def moment(self, tick: int) -> int:
        """Number of the first moment after a tick."""
        passed = (self.clock.time(tick) - self.anchor).total_seconds() / self.every
        return math.floor(passed + _SLACK) + 1

    def tick(self, moment: int) -> int:
        """First tick at or after a moment; it may lie beyond the end of the run."""
        seconds = (self.anchor - self.clock.start).total_seconds() + moment * self.every
        return math.ceil(seconds / self.clock.dt - _SLACK)


def calendar(clock: Clock, anchor: str, every: float) -> Calendar:
    """A calendar from settings; ConfigError if the anchor is no date."""
    return Calendar(clock, parse_time(anchor), every)
