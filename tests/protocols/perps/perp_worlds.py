"""Small worlds around a venue of perpetuals."""

import numpy as np

from protocols.perps.venue import Perpetuals
from sim.intents import Act, Intent
from sim.world import World
from tests.worlds import DEPTH, STILL, do, make_world, people, run

BOOK = "[protocols.contracts.book]\ndaily_volatility = 0.05\ndaily_volume = 1e5\ny = 1.0\n"
CRASH = """
[[processes]]
name = "eth"
kind = "shock_path"
assets = ["ETH"]
volatility = 0.8
knots = [["1h", 0.0], ["3h", -0.5]]
"""


def contract(name: str = "ETH", more: str = "", book: str = BOOK) -> str:
    """One listed contract on ETH."""
    return f'[[protocols.contracts]]\nname = "{name}"\nunderlying = "ETH"\n{more}\n{book}'


def venue(settings: str = "", *contracts: str) -> str:
    """A [[protocols]] entry of a venue named perp."""
    return "\n".join(['[[protocols]]\nname = "perp"\nkind = "perpetuals"', settings, *(contracts or (contract(),))])


def perp_world(settings: str = "", *contracts: str, path: str = STILL, who: str = "", sets: tuple[str, ...] = ()):
    """A world with the venue, a spot market that nobody trades on, and three traders with 100,000 USD and 100 ETH."""
    return make_world(path, DEPTH, venue(settings, *contracts), who or people("a", 3, USD=1e5, ETH=100.0), sets=sets)


def perps(world: World) -> Perpetuals:
    """The venue."""
    found = world.protocol("perp")
    assert isinstance(found, Perpetuals)
    return found


def trade(world: World, size: float, row: int = 0, token: str = "perp.ETH", **more):
    """Buy or sell whole contracts at once."""
    units = 10.0 ** world.tokens[token].decimals
    return do(world, "a", Act.BUY if size > 0 else Act.SELL, "perp", token, round(abs(size) * units), row, **more)


def deposit(world: World, usd: float, row: int = 0, **more):
    """Put up margin in the numeraire."""
    return do(world, "a", Act.DEPOSIT, "perp", "USD", round(usd * 1e6), row, **more)


def move_index(world: World, price: float) -> None:
    """Bring the spot market to a price past attribution, and mark."""
    market = world.markets.reference[world.tokens["ETH"].index]
    world.prices.log_market[market] = np.log(price)
    for listed in perps(world).markets:
        listed.follow(world)
        listed.last, listed.basis = np.nan, 0.0
        listed.book.x = 0.0
    mark(world)


def mark(world: World):
    """The margin phase of the venue alone."""
    found = perps(world).mark(world)
    world.breaches = {} if found is None else {"perp": found}
    return found


def account(world: World, row: int = 0) -> int:
    """Ledger account of a trader."""
    return world.population("a").lo + row


def equity(world: World, row: int = 0) -> float:
    """Margin atoms of a trader, as of the last mark."""
    return float(perps(world).desks[0].accounts.equity[account(world, row)])


def crowd(settings: str, seed: int, ticks: int = 30, count: int = 60, terms: str = "liquidation_fee = 0.001"):
    """The history of a leveraged crowd in a crash: half of it buys, half of it sells, all of it trades at random."""
    who = people("a", count, USD=2e4, opens='[["deposit", "perp", "USD", 1e4]]')
    book = BOOK.replace("1e5", "2e4")
    world = perp_world(settings, contract(more=terms, book=book), path=CRASH, who=who, sets=(f"run.ticks={ticks}",))
    rng, half = np.random.default_rng(seed), count // 2
    token, index = world.tokens["perp.ETH"].index, perps(world).index

    def script(view, draws):
        size = np.round(rng.uniform(1.0, 60.0, view.n) * 1e8).astype(np.int64)
        acts = rng.random(view.n) < 0.2
        sides = (Act.BUY, slice(0, half)), (Act.SELL, slice(half, view.n))
        rows = [(act, np.flatnonzero(acts[part]) + part.start) for act, part in sides]
        return [Intent(act, index, view.accounts[r], token, size[r], motive=4) for act, r in rows if r.size]

    world.population("a").script = script
    run(world)
    return world
