"""Small worlds for tests: a config as text, accounts that do what a test tells them, orders executed at once."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from experiments.build import build
from experiments.catalogue import load_components
from experiments.config import Config, load
from sim import registry
from sim.events import Kind
from sim.fields import AssetName
from sim.intents import Act, Intent, Orders
from sim.interfaces import Endowment, Population
from sim.model import Solo, SpilloverModel
from sim.phases import look, settle_orders
from sim.registry import component
from sim.world import World

load_components()

COMMON = """
[run]
ticks = 12
dt = "10min"
seed = 1
[record]
checks = "every"
postings = true
[chain]
background = 0.0
[[assets]]
name = "USD"
numeraire = true
price = 1.0
[[assets]]
name = "ETH"
price = 2000.0
decimals = 8
"""
STILL = """
[[processes]]
name = "eth"
kind = "gbm"
assets = ["ETH"]
volatility = 0.0
"""
WILD = STILL.replace("volatility = 0.0", "volatility = 2.0")
DEPTH = """
[[protocols]]
name = "market"
kind = "depth_market"
[[protocols.books]]
asset = "ETH"
daily_volatility = 0.05
daily_volume = 1e5
"""
AMM = """
[[protocols]]
name = "amm"
kind = "constant_product"
asset = "ETH"
"""
LENDING = """
[[protocols]]
name = "aave"
kind = "pooled_lending"
[[protocols.reserves]]
asset = "ETH"
ltv = 0.80
liquidation_threshold = 0.83
liquidation_bonus = 0.05
[[protocols.reserves]]
asset = "USD"
ltv = 0.75
liquidation_threshold = 0.78
liquidation_bonus = 0.05
"""
ORACLE = """
[[oracles]]
name = "feed"
kind = "push"
asset = "ETH"
"""


def people(name: str, count: int = 1, kind: str = "scripted", opens: str = "[]", **holds: float) -> str:
    """An [[agents]] table of scripted accounts; `holds` in whole tokens each."""
    money = ", ".join(f"{token} = {float(amount)!r}" for token, amount in holds.items())
    return f'[[agents]]\nname = "{name}"\nkind = "{kind}"\ncount = {count}\nholds = {{ {money} }}\nopens = {opens}\n'


@contextmanager
def own_registry() -> Iterator[None]:
    """What is registered inside the block is forgotten after it."""
    shared = registry._components
    registry._components = {family: dict(classes) for family, classes in shared.items()}
    try:
        yield
    finally:
        registry._components = shared


with own_registry():

    @component("population", "scripted")
    class Scripted(Population):
        """Holds what it is given, opens what it is told, and then does what `script` says."""

        holds: dict[AssetName, float] = field(default_factory=dict)
        opens: list[tuple[str, str, str, float]] = field(default_factory=list)
        """Act, protocol, token and whole tokens of each opening position of every account."""

        def __post_init__(self) -> None:
            self.script: Callable[[Any, Any], list[Intent]] = lambda view, draws: []

        def endow(self, view, rng):
            balances = {view.token(name): np.full(self.count, atoms(view, name, n)) for name, n in self.holds.items()}
            intents = [
                Intent(Act[act.upper()], view.venue(venue), view.accounts, view.token(token), atoms(view, token, n))
                for act, venue, token, n in self.opens
            ]
            return Endowment(balances=balances, intents=intents)

        def decide(self, view, draws):
            return self.script(view, draws)

    @component("population", "responder")
    class Responder(Scripted):
        """A scripted population that takes part in liquidation rounds through `reply`."""

        def __post_init__(self) -> None:
            super().__post_init__()
            self.reply: Callable[[Any, Any], list[Intent]] = lambda view, breaches: []

        def respond(self, view, breaches, draws):
            return self.reply(view, breaches)

    @component("population", "loner")
    class Loner(Solo):
        """One account that sells a coin every tick."""

        holds: dict[AssetName, float] = field(default_factory=dict)
        opens: list[tuple[str, str, str, float]] = field(default_factory=list)

        def endow(self, view, rng):
            return Endowment(
                balances={view.token(name): np.array([atoms(view, name, n)]) for name, n in self.holds.items()}
            )

        def step(self):
            if self.balance("ETH") and self.price("ETH") > 1.0:
                self.submit(Act.SWAP, "market", "ETH", 10**8, "USD")

    @component("population", "hermit")
    class Hermit(Loner):
        """One account that does nothing."""

        def step(self):
            return

    TEST_KINDS = {kind: registry.lookup("population", kind) for kind in ("scripted", "responder", "loner", "hermit")}


def atoms(view, token: str, whole: float) -> int:
    """Atoms of a token by name."""
    return round(whole * 10.0 ** view.decimals(view.token(token)))


def make_config(*parts: str, sets: Sequence[str] = (), files: dict[str, str] | None = None) -> Config:
    """A config from pieces of TOML, with the test populations registered; `files` are written beside it."""
    with own_registry(), TemporaryDirectory() as folder:
        registry._components["population"] |= TEST_KINDS
        for name, text in (files or {}).items():
            (Path(folder) / name).write_text(text)
        file = Path(folder) / "world.toml"
        file.write_text("\n".join(parts))
        return load(file, sets)


def make_world(*parts: str, sets: Sequence[str] = (), **more: Any) -> World:
    """The built world of COMMON and these pieces; `more` goes to `build`."""
    return build(make_config(COMMON, *parts, sets=sets), **more)


def run(world: World, ticks: int | None = None) -> SpilloverModel:
    """Step a world to its end, or for some ticks."""
    model = SpilloverModel(world)
    if ticks is None:
        model.run()
    else:
        for _ in range(ticks):
            model.step()
    return model


@dataclass(frozen=True)
class Outcome:
    """What became of one order: its event, whether it ran, and why not."""

    event: int
    done: bool
    reason: str
    amount: int


def do(world: World, who: str, act: Act, venue: str, token: str, amount: int, row: int = 0, **more: Any) -> Outcome:
    """Execute one order of one account now, past the chain; `token2` by name, `subject` a ledger account."""
    population = world.population(who)
    if "token2" in more:
        more["token2"] = world.tokens[more["token2"]].index
    protocol = world.protocol(venue)
    account = np.array([population.lo + row])
    orders = Orders(4)
    orders.add(
        Intent(act, protocol.index, account, world.tokens[token].index, amount, **more), population.index, account, 0
    )
    event = world.events.count
    done = bool(settle_orders(world, orders))
    kind = int(world.events.column("kind")[event])
    reason = protocol.reasons[int(world.events.value[event])] if kind == Kind.TX_FAILED else "done"
    return Outcome(event, done, reason, int(world.events.column("amount")[event]))


def holding(world: World, who: str, token: str, row: int = 0) -> int:
    """Atoms that an account of a population, or a protocol, holds."""
    names = {protocol.name: protocol.account for protocol in world.protocols}
    account = names[who] if who in names else world.population(who).lo + row
    return int(world.ledger.balance[world.tokens[token].index, account])


def set_price(world: World, asset: str, price: float) -> None:
    """Move every market of an asset to a price, record it and let everybody look; before the first tick, in it."""
    world.clock.tick = max(world.clock.tick, 0)
    token = world.tokens[asset].index
    for market in world.markets.rows:
        if market.asset == token:
            world.prices.log_market[market.index] = np.log(price)
    look(world)


def events_of(world: World, kind: Kind) -> dict[str, list]:
    """Columns of all events of a kind, ids under "id"."""
    ids = world.events.where(kind)
    names = ("tick", "phase", "round", "actor", "subject", "protocol", "token", "amount", "cause")
    columns = {name: world.events.column(name)[ids].tolist() for name in names}
    return {"id": ids.tolist(), "value": world.events.value[ids].tolist(), **columns}
