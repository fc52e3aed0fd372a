"""The table of hedging rules in the literature of transaction costs, by the project's own hedgers on its own venues.

Short one at-the-money call of 30 days, S = 100, implied and realised volatility 70 %, 10 bp per trade, hourly grid; the
figures are standard deviation of P&L and mean cost. A world holds many independent assets with one option each, and one
account of every population on each. Path by path the populations do what the published formulas say, and the formulas
give the table; docs/validation.md has the table from 2,000 paths of the venues themselves.
"""

import numpy as np
import pytest
from scipy.stats import norm

from experiments.build import build
from sim import exposure
from sim.events import Kind
from sim.model import SpilloverModel
from tests.worlds import make_config

ASSETS, HOURS, PATHS = 12, 720, 8000
STRIKE, VOLATILITY = 100.0, 0.7
TABLE = {
    "hourly": ('kind = "calendar", every = "1h"', 0.423, 0.902),
    "four_hourly": ('kind = "calendar", every = "4h"', 0.555, 0.477),
    "daily": ('kind = "calendar", every = "24h"', 1.266, 0.224),
    "fixed_band": ('kind = "fixed_band", width = 0.05', 0.804, 0.226),
    "whalley_wilmott": ('kind = "whalley_wilmott", risk_aversion = 1.0', 0.640, 0.235),
    "zakamouline": ('kind = "zakamouline", risk_aversion = 1.0', 0.412, 0.369),
    "zakamouline_bold": ('kind = "zakamouline", risk_aversion = 0.1', 0.940, 0.174),
}
TOLERANCE = 0.05
FEE = 0.001


LAND = """
[run]
ticks = 721
dt = "1h"
start = "2025-01-01T00:00:00Z"
seed = 3
[record]
every = 720
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
assets = [LISTED]
volatility = 0.7
[[protocols]]
name = "market"
kind = "depth_market"
impact = false
fee = 0.001
BOOKS
[[protocols]]
name = "options"
kind = "options"
expiries = 1
every = "30d"
anchor = "2025-01-31T00:00:00Z"
settlement_window = 0
fee = 0.0
half_spread = 0.0
UNDERLYINGS
"""
ASSET = '[[assets]]\nname = "{}"\nprice = 100.0\ndecimals = 8\n'
BOOK = '[[protocols.books]]\nasset = "{}"\ndaily_volatility = 0.04\ndaily_volume = 1e6\n'
UNDERLYING = """
[[protocols.underlyings]]
asset = "{}"
strikes = [1.0]
[protocols.underlyings.surface]
atm = 0.7
skew = 0.0
curvature = 1e-9
premium = 0.0
half_life = 1e12
vega_pressure = 0.0
skew_pressure = 0.0
"""
HEDGER = """
[[agents]]
name = "{name}"
kind = "delta_hedgers"
count = {count}
options = "options"
underlyings = [{listed}]
hedge_venue = "market"
capital_usd = {{ mean = 1000.0, spread = 0.0 }}
legs_held = [{{ option = "call", amount = -1.0 }}]
renew = false
hedge = {{ {rule} }}
"""


def config(assets: int):
    """A world of so many assets with everybody in the table."""
    names = [f"A{i}" for i in range(assets)]
    listed = ", ".join(f'"{name}"' for name in names)
    books, underlyings = ("".join(map(each.format, names)) for each in (BOOK, UNDERLYING))
    land = LAND.replace("LISTED", listed).replace("BOOKS", books).replace("UNDERLYINGS", underlyings)
    people = [HEDGER.format(name=n, count=assets, listed=listed, rule=rule) for n, (rule, _, _) in TABLE.items()]
    return make_config(land, *map(ASSET.format, names), *people)


def outcomes(world):
    """(populations, accounts) P&L and costs of a finished world, in USD, before the last hedge is given back."""
    exposure.revalue(world)
    gain = exposure.wealth_by_account(world) - world.opening_wealth
    swaps = world.events.where(Kind.SWAP)
    actor, fee = world.events.column("actor")[swaps], world.events.value[swaps] * FEE
    last = world.events.column("tick")[swaps] == HOURS
    paid, returned = (np.bincount(actor, fee * part, minlength=world.accounts.count) for part in (~last, last))
    rows = [world.population(name) for name in TABLE]
    return tuple(np.array([values[p.lo : p.hi] for p in rows]) for values in (gain + returned, paid))


def bands(name, spot, years, held):
    """What each rule of the table wants to hold against one short call, (low, high), by its published formula."""
    width = VOLATILITY * np.sqrt(years)
    d1 = np.log(spot / STRIKE) / width + width / 2
    delta, gamma = norm.cdf(d1), norm.pdf(d1) / (spot * width)
    if name == "fixed_band":
        return delta - 0.05, delta + 0.05
    if name == "whalley_wilmott":
        half = (1.5 * FEE * spot * gamma**2) ** (1 / 3)
        return delta - half, delta + half
    aversion = {"zakamouline": 1.0, "zakamouline_bold": 0.1}[name]
    shift = 4.76 * FEE**0.78 / years**0.02 * VOLATILITY**-0.25 * (aversion * spot**2 * gamma) ** 0.15
    wider = VOLATILITY * np.sqrt(1 + shift) * np.sqrt(years)
    centre = norm.cdf(np.log(spot / STRIKE) / wider + wider / 2)
    inner = 1.12 * FEE**0.31 * years**0.05 * VOLATILITY**-0.25 * np.sqrt(gamma / aversion)
    half = inner + FEE / (aversion * spot * VOLATILITY**2 * years)
    return centre - half, centre + half


def hedged(name, paths):
    """(n,) P&L and costs of a rule on (hours + 1, n) paths, without the simulator."""
    period = {"hourly": 1, "four_hourly": 4, "daily": 24}.get(name)
    held, cash, cost = (np.zeros(paths.shape[1]) for _ in range(3))
    for hour in range(HOURS):
        spot, years = paths[hour], (HOURS - hour) / 8760
        if period is None:
            low, high = bands(name, spot, years, held)
        elif hour % period == 0:
            width = VOLATILITY * np.sqrt(years)
            low = high = norm.cdf(np.log(spot / STRIKE) / width + width / 2)
        else:
            continue
        wanted = np.clip(held, low, high)
        cash -= (wanted - held) * spot
        cost += np.abs(wanted - held) * spot * FEE
        held = wanted
    half = VOLATILITY * np.sqrt(HOURS / 8760) / 2
    premium = STRIKE * (norm.cdf(half) - norm.cdf(-half))
    return premium + cash + held * paths[-1] - np.maximum(paths[-1] - STRIKE, 0.0) - cost, cost


@pytest.mark.slow
def test_hedgers_on_the_venues_do_what_the_formulas_say_on_every_path():
    world = build(config(ASSETS))
    SpilloverModel(world).run()
    gains, costs = outcomes(world)
    paths = world.prices.history[:, 1:]
    for row, name in enumerate(TABLE):
        gain, cost = hedged(name, paths)
        assert costs[row] == pytest.approx(cost, rel=0.02, abs=2e-3), name
        assert gains[row] == pytest.approx(gain, abs=0.02), name


@pytest.mark.parametrize("name", TABLE)
def test_the_formulas_give_the_table(name):
    normals = np.random.default_rng(7).standard_normal((HOURS, PATHS))
    step = VOLATILITY * np.sqrt(1 / 8760)
    steps = step * normals - step**2 / 2
    paths = STRIKE * np.exp(np.concatenate([np.zeros((1, PATHS)), np.cumsum(steps, axis=0)]))
    gain, cost = hedged(name, paths)
    _, deviation, mean_cost = TABLE[name]
    assert gain.std() == pytest.approx(deviation, rel=TOLERANCE)
    assert cost.mean() == pytest.approx(mean_cost, rel=TOLERANCE)
