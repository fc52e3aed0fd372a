"""Small worlds with an options venue."""

import numpy as np
import pytest

from tests.worlds import DEPTH, STILL, make_world, people, set_price

VENUE = """
[[protocols]]
name = "options"
kind = "options"
every = "1d"
expiries = 2
{settings}
[[protocols.underlyings]]
asset = "ETH"
strikes = [0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2]
{underlying}
"""
ETH, USD = 10**8, 10**6


def option_world(*more, settings="", underlying="", count=3, usd=100_000.0, eth=0.0, sets=(), ticks=300):
    """Traders named `t`: 90% of their USD, and all of their ETH if the venue takes it, lie in margin accounts."""
    opens = [["deposit", "options", "USD", 0.9 * usd]] if "margin_asset" not in settings else []
    if eth and ("collateral" in settings or "margin_asset" in settings):
        opens.append(["deposit", "options", "ETH", eth])
    shown = str(opens).replace("'", '"')
    group = people("t", count, opens=shown, USD=usd, ETH=eth)
    venue = VENUE.format(settings=settings, underlying=underlying)
    return make_world(DEPTH, STILL, venue, group, *more, sets=(f"run.ticks={ticks}", *sets))


def series(world, is_call, moneyness, expiry=0):
    """(number, name) of the series of an expiry whose strike is nearest to a share of the spot."""
    table = world.protocol("options").table
    groups = np.argsort(table.expiry, kind="stable")
    members = table.members(int(groups[expiry]))
    numbers = [s for s in range(members.start, members.stop) if table.is_call[s] == is_call]
    number = min(numbers, key=lambda s: abs(table.strike[s] / table.spot[s] - moneyness))
    return number, world.tokens.rows[table.token[number]].name


def expire(world, price):
    """Go to the first expiry with the index at `price` all through the window, and settle it; strikes as they were."""
    venue = world.protocol("options")
    strikes = venue.table.strike.copy()
    set_price(world, "ETH", price)
    world.clock.tick = int(venue.table.expiry.min())
    venue.settlement.index[:] = price
    venue.settle(world)
    return strikes


def sound(world):
    """Every row sums to zero, and the journal alone gives the same balances."""
    assert not world.ledger.residuals().any()
    assert np.array_equal(world.ledger.replay(), world.ledger.balance)


@pytest.fixture
def tools():
    """The helpers of this file."""

    class Tools:
        world, series, expire, sound = map(staticmethod, (option_world, series, expire, sound))
        eth, usd = ETH, USD

    return Tools
