"""A world in which a synthetic dollar is hedged on a venue of perpetuals that tests control."""

from experiments.build import build
from tests.perp_fakes import PERPS, perp_config
from tests.worlds import COMMON, DEPTH, people

STABLE = """
[[assets]]
name = "USDE"
price = 1.0
decimals = 6
[[processes]]
name = "usde"
kind = "gbm"
assets = ["USDE"]
volatility = 0.0
"""
ISSUER = """
[[protocols]]
name = "issuer"
kind = "synthetic_dollar"
issues = "USDE"
backing = "ETH"
spot_venue = "market"
perp_venue = "perps"
"""
BOOK = """
[[protocols.books]]
asset = "USDE"
daily_volatility = 0.002
daily_volume = 5e7
"""
HOLDERS = people("holders", 4, USD=1e6, USDE=1e6)
MONEY = 10**6
PATH = """
[[processes]]
name = "eth"
kind = "shock_path"
assets = ["ETH"]
volatility = 0.0
knots = {knots}
"""


def make(*more, knots='[["10min", 0.0]]', issuer=ISSUER, depth=DEPTH + BOOK, sets=()):
    """The built world; knots: (time, log return) points of the path of ETH."""
    parts = (COMMON, STABLE, PATH.format(knots=knots), depth, PERPS, issuer, HOLDERS, *more)
    return build(perp_config(*parts, sets=sets))
