"""The tables every config has, whatever components it uses."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Len

from sim.clock import Clock
from sim.fields import AssetName, Count, Duration, Positive, ProtocolName, When
from sim.units import MAX_ATOMS

FAMILY_OF = {
    "processes": "process",
    "protocols": "protocol",
    "oracles": "oracle",
    "shocks": "shock",
    "agents": "population",
}
"""Lists of components, and the family that each takes."""

MIN_ROOM = 1e11
"""USD of an asset that one int64 balance must be able to hold."""


@dataclass(frozen=True, kw_only=True)
class RunTable:
    """What is run: how long, in which steps, from which seed."""

    name: str = "run"
    """Title of the run in its results."""
    ticks: Annotated[int, Ge(1)] | None = None
    """Length of the run in ticks; or give duration."""
    duration: Duration | None = None
    """Length of the run in time, a whole number of ticks; or give ticks."""
    dt: Duration
    """Time per tick."""
    start: datetime = datetime(2024, 1, 1, tzinfo=UTC)
    """UTC moment of tick 0."""
    seed: Count = 0
    """Seed of all random streams."""
    replications: Annotated[int, Ge(1)] = 1
    """Runs on independent draws of the same config."""
    quick: bool = False
    """Whether the settings of the [quick] table are put in: a short version of the config."""

    @property
    def length(self) -> int:
        """Ticks of the run."""
        return self.ticks or round((self.duration or 0.0) / self.dt)

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        if self.dt <= 0:
            return [("dt", f"found {self.dt:g}; must be longer than 0 seconds")]
        if (self.ticks is None) == (self.duration is None):
            return [("ticks", "give either ticks or duration, one of them")]
        if self.duration is not None and (self.length < 1 or not math.isclose(self.length * self.dt, self.duration)):
            return [("duration", f"{self.duration:g} s is no whole number of ticks of {self.dt:g} s")]
        try:
            Clock(self.start, self.dt, self.length).time(self.length)
        except OverflowError:
            return [("ticks", f"{self.length} ticks of {self.dt:g} s end after the year 9999")]
        return []


@dataclass(frozen=True, kw_only=True)
class Run:
    """The [run] table as the rest of the program sees it: ticks is always known, dt is in seconds."""

    name: str
    ticks: int
    dt: float
    start: datetime
    seed: int
    replications: int


@dataclass(frozen=True, kw_only=True)
class Record:
    """What a run writes down."""

    every: Annotated[int, Ge(1)] = 1
    """Ticks between samples of wealth and exposure."""
    networks: tuple[When, ...] = ()
    """Moments at which the exposure network is stored; 25 of them, evenly spread over the run, if none is named."""
    checks: Literal["every", "sampled", "off"] = "sampled"
    """How often the invariants are checked."""
    postings: bool = False
    """Whether single ledger postings are kept with the events."""


@dataclass(frozen=True, kw_only=True)
class Asset:
    """A base asset, issued by nobody in the model."""

    name: str
    """Name by which everything else refers to the asset."""
    decimals: Annotated[int, Ge(0), Le(18)] = 6
    """Decimal places of one atom; balances are 64-bit whole numbers of atoms."""
    price: Positive
    """First price in USD; 1 for the numeraire."""
    market: ProtocolName | None = None
    """Venue of the reference price; the first that trades the asset if none is named."""
    numeraire: bool = False
    """Whether values are counted in this asset; true for exactly one."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        found = []
        if self.numeraire and self.price != 1.0:
            found.append(("price", f"found {self.price:g}; the numeraire's price is 1"))
        most = math.floor(math.log10(MAX_ATOMS * self.price / MIN_ROOM))
        if self.decimals > most:
            room = MAX_ATOMS / 10.0**self.decimals
            found.append(
                (
                    "decimals",
                    f"found {self.decimals}; a 64-bit balance would hold only {room:.3g} {self.name} "
                    f"(${room * self.price:.3g}); at this price allowed: 0 to {max(most, 0)}",
                )
            )
        return found


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What really happened, printed beside the outcome of the run; nothing is fitted to it."""

    name: str
    """Outcome column it is compared with, such as liquidated_usd."""
    value: float
    """Recorded value, in the unit of the outcome."""
    factor: Annotated[float, Gt(1.0)] | None = None
    """The run agrees if its median is within this factor of the record."""
    distance: Positive | None = None
    """The run agrees if its median is within this distance of the record."""
    source: str
    """Where the figure comes from."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        if (self.factor is None) == (self.distance is None):
            return [("factor", "give either factor or distance, one of them")]
        return []

    def agrees(self, outcome: float) -> bool:
        """Whether an outcome is as close to the record as was asked."""
        if self.distance is not None:
            return abs(outcome - self.value) <= self.distance
        ratio = outcome / self.value if self.value else math.inf
        return self.factor is not None and 1.0 / self.factor <= ratio <= self.factor


@dataclass(frozen=True, kw_only=True)
class Correlation:
    """Correlation of the noise that drives two assets."""

    between: Annotated[tuple[AssetName, ...], Len(2, 2)]
    """The two assets."""
    value: Annotated[float, Ge(-1.0), Le(1.0)]
    """Correlation coefficient."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        same = self.between[0] == self.between[1]
        return [("between", f'found "{self.between[0]}" twice; must be two different assets')] if same else []
