"""A whole small economy in which every registered protocol, oracle and population takes part; ETH crashes in it.

`town()` is its config; the conformance suites look components up here by kind, so a new kind has to move in.
"""

from functools import cache
from pathlib import Path

from experiments.build import build
from experiments.config import Config
from sim.model import SpilloverModel
from sim.world import World
from tests.worlds import make_config, people

TICKS = 40
LAND = f"""
[run]
ticks = {TICKS}
dt = "5min"
seed = 11
[record]
every = 5
checks = "every"
postings = true
[chain]
base_fee = 8.0
failure_rate = 0.05
gas_limit = 15e6
[[assets]]
name = "USD"
numeraire = true
price = 1.0
[[assets]]
name = "ETH"
price = 3000.0
decimals = 8
[[assets]]
name = "BTC"
price = 60000.0
decimals = 8
[[processes]]
name = "eth"
kind = "shock_path"
assets = ["ETH"]
volatility = 0.8
knots = [["1h", 0.0], ["2h", -0.3]]
[[processes]]
name = "btc"
kind = "gbm"
assets = ["BTC"]
volatility = 0.6
[[protocols]]
name = "market"
kind = "depth_market"
[[protocols.books]]
asset = "ETH"
daily_volatility = 0.03
daily_volume = 3e5
thinning = 0.3
[[protocols.books]]
asset = "BTC"
daily_volatility = 0.02
daily_volume = 1e4
[[protocols]]
name = "amm"
kind = "constant_product"
asset = "ETH"
[[protocols]]
name = "lending"
kind = "pooled_lending"
[[protocols.reserves]]
asset = "ETH"
ltv = 0.805
liquidation_threshold = 0.83
liquidation_bonus = 0.05
[[protocols.reserves]]
asset = "BTC"
ltv = 0.73
liquidation_threshold = 0.78
liquidation_bonus = 0.05
[[protocols.reserves]]
asset = "USD"
ltv = 0.75
liquidation_threshold = 0.78
liquidation_bonus = 0.045
[[oracles]]
name = "eth_usd"
kind = "push"
asset = "ETH"
[[oracles]]
name = "btc_usd"
kind = "push"
asset = "BTC"
"""
PEOPLE = {file.stem: file.read_text() for file in sorted((Path(__file__).parent / "town_people").glob("*.toml"))}
"""Settings of one population of every kind; it is named after its kind."""
HOUSE = people("house", USD=2e7, opens='[["deposit", "lending", "USD", 1e7]]')
VANDAL = people("vandal", 3, USD=1e6, ETH=100.0, BTC=5.0)
"""Does nothing until a test gives it a script."""


def table(kind: str, settings: str, section: str = "agents", name: str | None = None) -> str:
    """One item of a list of components."""
    return f'[[{section}]]\nname = "{name or kind}"\nkind = "{kind}"\n{settings}'


VENUES = [file.read_text() for file in sorted((Path(__file__).parent / "town_venues").glob("*.toml"))]
"""More protocols of the town, one file of whole [[protocols]] entries for each kind that is not in LAND."""


def town(*more: str, sets: tuple[str, ...] = (), without: tuple[str, ...] = ()) -> Config:
    """The config with more pieces of TOML; `without` empties these populations."""
    agents = [table(kind, settings) for kind, settings in PEOPLE.items()]
    sets = (*sets, *(f"agents.{kind}.count=0" for kind in without))
    return make_config(LAND, *VENUES, *agents, HOUSE, VANDAL, *more, sets=sets)


@cache
def history(replication: int = 0) -> World:
    """The town's world after its run; shared, not to be touched."""
    world = build(town(), replication)
    SpilloverModel(world).run()
    return world
