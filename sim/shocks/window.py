"""What shocks with an end share."""

from dataclasses import dataclass, field

from sim.fields import Duration
from sim.interfaces import Shock


@dataclass(kw_only=True, eq=False)
class Window(Shock):
    """A shock that lasts `duration`."""

    duration: Duration
    length: int = field(default=1, init=False)
    """Duration in ticks, set when the world is built."""

    @property
    def until(self) -> int:
        """First tick after the window."""
        return self.at + self.length
