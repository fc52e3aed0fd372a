"""Worlds of option traders: many independent underlyings, options on a flat or moving surface, no frictions."""

from functools import cache

import numpy as np

from experiments.build import build
from sim import exposure
from sim.model import SpilloverModel
from tests.worlds import make_config

HEDGED_ON_SPOT = 'hedge_venue = "market"'
FLAT = "skew = 0.0, curvature = 1e-9, half_life = 1e12, vega_pressure = 0.0, skew_pressure = 0.0, premium = 0.0"
LAND = """
[run]
ticks = {ticks}
dt = "{dt}"
start = "2025-01-01T00:00:00Z"
seed = {seed}
[record]
every = {ticks}
checks = "sampled"
networks = [0]
[chain]
allowance = 0.0
[[assets]]
name = "USD"
numeraire = true
price = 1.0
[[processes]]
name = "paths"
kind = "gbm"
assets = [{assets}]
volatility = {volatility}
[[protocols]]
name = "market"
kind = "depth_market"
{books}
"""


def option_config(
    *populations, assets=16, ticks=85, dt="2h", volatility=0.7, every="7d", strikes=(1.0,), surface=FLAT, atm=0.7,
    listed=1, venue="", books="impact = false\nfee = 0.0", more="", seed=3,
):  # fmt: skip
    """A config of `assets` coins of 100 USD, each with one expiry of options, a spot venue `market` and populations.

    A population is (name, kind, settings); it has one account for each coin unless it says otherwise.
    """
    names = [f"A{i}" for i in range(assets)]
    assets_listed = ", ".join(f'"{name}"' for name in names)
    parts = [LAND.format(ticks=ticks, dt=dt, seed=seed, assets=assets_listed, volatility=volatility, books=books)]
    parts += [f'[[protocols.books]]\nasset = "{name}"\ndaily_volatility = 0.04\ndaily_volume = 1e6\n' for name in names]
    parts.append(
        f"""
[[protocols]]
name = "options"
kind = "options"
expiries = {listed}
every = "{every}"
anchor = "2025-01-01T00:00:00Z"
settlement_window = 0
fee = 0.0
half_spread = 0.0
{venue}
"""
    )
    parts += [
        f'[[protocols.underlyings]]\nasset = "{name}"\nstrikes = {list(strikes)}\n'
        f"surface = {{ atm = {atm}, {surface} }}\n"
        for name in names
    ]
    parts += [f'[[assets]]\nname = "{name}"\nprice = 100.0\ndecimals = 8\n' for name in names]
    parts += [
        f'[[agents]]\nname = "{name}"\nkind = "{kind}"\n'
        f"{'' if 'count' in settings else f'count = {assets}'}\n"
        f'options = "options"\nunderlyings = [{assets_listed}]\n'
        f"{'' if 'hedge_venue' in settings else HEDGED_ON_SPOT}\n"
        f"{'' if 'capital_usd' in settings else 'capital_usd = { mean = 1000.0, spread = 0.0 }'}\n{settings}\n"
        for name, kind, settings in populations
    ]
    return make_config(*parts, more)


class Story:
    """A finished run: wealth of every account at the end of every tick, and what each population held.

    wealth: (ticks + 1, accounts) USD. greeks, years: population -> (ticks, n, 5), (ticks, n) after each tick's trades.
    """

    def __init__(self, config):
        world = build(config)
        self.world, model = world, SpilloverModel(world)
        self.wealth = [world.opening_wealth.copy()]
        self.greeks, self.held = {}, {}
        while model.running:
            model.step()
            exposure.revalue(world)
            self.wealth.append(exposure.wealth_by_account(world))
            self._note()
        self.wealth = np.array(self.wealth)
        self.greeks = {name: np.array(rows) for name, rows in self.greeks.items()}
        self.held = {name: np.array(rows) for name, rows in self.held.items()}

    def _note(self):
        for protocol in self.world.protocols:
            self.world.quotes[protocol.name] = protocol.quote(self.world)
        for actor in self.world.actors:
            if hasattr(actor.population, "positions"):
                greeks, held = book(actor)
                self.greeks.setdefault(actor.population.name, []).append(greeks)
                self.held.setdefault(actor.population.name, []).append(held)

    def rows(self, name):
        """Ledger accounts of a population."""
        population = self.world.population(name)
        return slice(population.lo, population.hi)

    def gains(self, name):
        """(ticks + 1, n) USD earned in each tick, the opening included, without what the stock itself did."""
        people, history = self.world.population(name), self.world.prices.history
        prices = history[:, np.array(people.tokens)[people.number]]
        stock = np.diff(np.concatenate([prices[:1], prices]), axis=0) * (people.stock + people.collateral)
        return np.diff(self.wealth[:, self.rows(name)], axis=0) - stock

    def gain(self, name):
        """(n,) USD earned over the run."""
        return self.gains(name).sum(axis=0)


def book(actor):
    """(n, 5) Greeks of each account's options, and (n,) units of the underlying held against them, as of now."""
    people, view = actor.population, actor.view
    held = people._hedges.held(view, np.arange(people.count), people.number)
    return people.positions(view).greeks.copy(), held + people.collateral


def actor_of(world, name):
    """A population with its view."""
    return next(actor for actor in world.actors if actor.population.name == name)


@cache
def story(*populations, **settings):
    """A finished run, shared by tests that only read it."""
    return Story(option_config(*populations, **settings))
