"""A toy set of components in a registry of its own, and a config that uses all of it."""

import csv
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Annotated, ClassVar, Literal

import pytest
from annotated_types import Ge, Gt

from sim import registry
from sim.clock import Clock
from sim.errors import ConfigError
from sim.fields import (
    AgentName,
    AssetName,
    Count,
    DataFile,
    Duration,
    NonNegative,
    OracleName,
    Positive,
    ProtocolName,
    Share,
    When,
)


@contextmanager
def own_registry() -> Iterator[dict[str, dict[str, type]]]:
    """Registration inside the block goes to a registry of its own."""
    shared = registry._components
    registry._components = {family: {} for family in registry.FAMILIES}
    try:
        yield registry._components
    finally:
        registry._components = shared


class Rule:
    """Target weights."""

    family: ClassVar[str] = "rule"


class Trigger:
    """When to act."""

    family: ClassVar[str] = "trigger"


@dataclass(frozen=True, kw_only=True)
class Reserve:
    """One asset of a pool."""

    asset: AssetName
    """The asset."""
    ltv: Share = 0.75
    """Debt a new loan may have per dollar."""
    threshold: Share = 0.8
    """Weight in the health factor."""

    def check(self) -> list[tuple[str, str]]:
        above = self.ltv > self.threshold
        return [("ltv", f"{self.ltv:g} is above threshold = {self.threshold:g}")] if above else []


with own_registry() as TOYS:

    @registry.component("rule", "equal")
    class Equal(Rule):
        """One nth of wealth in each asset."""

    @registry.component("rule", "inverse_volatility")
    class InverseVolatility(Rule):
        """Less of what moves more."""

        window: Duration = Duration(86_400.0)
        floor: Positive = 0.01

    @registry.component("trigger", "calendar")
    class Calendar(Trigger):
        """Every so often."""

        every: Annotated[Duration, Gt(0.0)]

    @registry.component("process", "walk")
    class Walk:
        """A random walk.

        It goes nowhere
        in particular.

        Settings
        --------
        asset: what walks. Note: not a setting.
        volatility, drift: per year, of
            the log price. slope: at the end of a line.
        """

        asset: AssetName
        volatility: NonNegative = 0.7
        drift: float = 0.0
        slope: float = 0.0

    @registry.component("process", "tape")
    class Tape:
        """A recorded path."""

        file: DataFile
        cap: Positive = math.inf

        def load(self, clock: Clock) -> None:
            """Refuse a file with a gap longer than a tick, or a price that is no number."""
            with open(self.file, newline="") as source:
                rows = [(int(t), float(p)) for t, p in csv.reader(source)]
            for line, (when, price) in enumerate(rows, start=1):
                if math.isnan(price):
                    raise ConfigError(f"prices.csv:{line}: price is nan; allowed: positive numbers")
                if line > 1 and when - rows[line - 2][0] > clock.dt:
                    raise ConfigError(f"prices.csv:{line}: {when - rows[line - 2][0]} s without a row")

    @registry.component("protocol", "pool")
    class Pool:
        """A lending pool."""

        name: str
        oracle: OracleName | None = None
        version: Literal["v2", "v3"] = "v3"
        reserves: list[Reserve] = field(default_factory=list)
        rounds: int = field(default=0, init=False)

    @registry.component("oracle", "feed")
    class Feed:
        """A price feed."""

        name: str
        asset: AssetName
        heartbeat: Duration = Duration(3_600.0)

    @registry.component("shock", "jump")
    class Jump:
        """A jump of the price."""

        name: str
        at: Annotated[When, Ge(1)]
        size: float

        def __post_init__(self) -> None:
            if self.size == 0.0:
                raise ConfigError("a jump of size 0 is no jump")

    @registry.component("population", "noise")
    class Noise:
        """Trades without a reason."""

        name: str
        count: Count
        rate: NonNegative = 1.0
        venue: ProtocolName | None = None
        follows: AgentName | None = None

    @registry.component("population", "allocator")
    class Allocator:
        """Holds target weights."""

        name: str
        count: Count
        rule: Rule = field(default_factory=Equal)
        triggers: list[Trigger] = field(default_factory=list)
        bounds: dict[AssetName, Share] = field(default_factory=dict)
        steps: list[tuple[When, float]] = field(default_factory=list)
        files: DataFile | list[DataFile] | None = None


MARKET = """\
# A toy market.
[run]
ticks = 144
dt = "10min"
start = 2021-05-19T00:00:00Z
seed = 7

[record]
networks = [0, "6h", 2021-05-19T23:50:00Z]

[[assets]]
name = "USDC"
price = 1.0
numeraire = true

[[assets]]
name = "ETH"
price = 3000
decimals = 9

[[assets]]
name = "BTC"
price = 40000.0

[[correlations]]
between = ["ETH", "BTC"]
value = 0.8

[[processes]]
name = "eth"
kind = "walk"
asset = "ETH"

[[processes]]
name = "btc"
kind = "tape"
file = "prices.csv"

[[oracles]]
name = "link"
kind = "feed"
asset = "ETH"

[[protocols]]
name = "aave"
kind = "pool"
oracle = "link"

[[protocols.reserves]]
asset = "ETH"
ltv = 0.7
threshold = 0.82

[[protocols.reserves]]
asset = "USDC"

[[shocks]]
name = "crash"
kind = "jump"
at = "12h"
size = -0.3

[[agents]]
name = "noise"
kind = "noise"
count = 100
venue = "aave"

[[agents]]
name = "funds"
kind = "allocator"
count = 10
rule = { kind = "inverse_volatility", window = "2d" }
triggers = [{ kind = "calendar", every = "1h" }]
bounds = { ETH = 0.5, BTC = 0.4 }
steps = [[1, 0.5], ["6h", 1.0]]
"""


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    """The toy components; they are the only ones registered while a test runs."""
    monkeypatch.setattr(registry, "_components", {family: dict(kinds) for family, kinds in TOYS.items()})
    every = {cls.__name__: cls for kinds in TOYS.values() for cls in kinds.values()}
    return SimpleNamespace(Reserve=Reserve, **every)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory: market.toml and the price file it names."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "market.toml").write_text(MARKET)
    (tmp_path / "prices.csv").write_text("0,100\n600,101\n1200,99\n")
    return tmp_path


@pytest.fixture
def edited(folder):
    """Write market.toml with some of its text replaced, each piece being there exactly once; returns the new text."""

    def edit(*changes: tuple[str, str]) -> str:
        text = MARKET
        for old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (folder / "market.toml").write_text(text)
        return text

    return edit
