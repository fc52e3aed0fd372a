"""Selling volatility through vaults presses the price of volatility: the more is in the vaults, the lower it is."""

import numpy as np
import pytest

from sim.events import Kind
from tests.worlds import DEPTH, STILL, Act, do, events_of, make_world, people, run

MARKET = """
[[protocols]]
name = "options"
kind = "options"
every = "7d"
expiries = 1
[[protocols.collateral]]
asset = "ETH"
haircut = 0.0
[[protocols.underlyings]]
asset = "ETH"
strikes = [0.9, 1.0, 1.1, 1.2]
[protocols.underlyings.surface]
vega_pressure = PRESSURE
skew_pressure = 0.0
vega_capacity = 1e6
[[protocols]]
name = "vault"
kind = "covered_call_vault"
asset = "ETH"
options = "options"
underlying = "ETH"
market = "market"
epoch = "7d"
delta = 0.3
auction = 0
premium_discount = 0.9
"""
TVL = (0.0, 100.0, 500.0, 2_000.0)
"""ETH deposited."""


def epoch(tvl, pressure=0.05, seed=1):
    """A week of ticks of six hours in which a vault of so much sells calls: its world after the first day."""
    world = make_world(
        STILL.replace("0.0", "0.6"), DEPTH, MARKET.replace("PRESSURE", str(pressure)), people("savers", ETH=2_000.0),
        sets=(f"run.seed={seed}", "run.dt=6h", "run.ticks=8", "protocols.market.impact=false"),
    )  # fmt: skip
    if tvl:
        assert do(world, "savers", Act.MINT, "vault", "ETH", round(tvl * 1e8), token2="vault.share").done
    run(world, 4)
    return world


def atm(world):
    """Implied volatility at the money."""
    quote = world.quotes["options"]
    calls = np.flatnonzero(quote.is_call)
    return float(quote.volatility[calls[np.argmin(np.abs(quote.strike[calls] / quote.spot[calls] - 1.0))]])


def premium(world):
    """USD received per call sold."""
    trades = events_of(world, Kind.TRADE)
    return abs(sum(trades["value"]) / sum(trades["amount"])) * 1e8


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_implied_volatility_and_the_vaults_premium_fall_with_what_is_in_the_vault(seed):
    worlds = [epoch(tvl, seed=seed) for tvl in TVL]
    levels = np.array([atm(world) for world in worlds])
    assert (np.diff(levels) < 0.0).all()
    premiums = np.array([premium(world) for world in worlds[1:]])
    assert (np.diff(premiums) < 0.0).all()


def test_the_fall_is_the_vega_that_dealers_have_left_at_their_price_for_it():
    worlds = [epoch(tvl) for tvl in TVL]
    vega = np.array([world.protocol("options").surfaces[0].vega[0] for world in worlds])
    fall = np.array([atm(worlds[0]) - atm(world) for world in worlds])
    assert fall[1:] == pytest.approx(0.05 * -vega[1:] / 1e6, rel=0.02)
    assert vega / vega[1] == pytest.approx(np.array(TVL) / TVL[1], rel=0.05)


def test_where_dealers_pass_risk_on_at_no_price_crowding_does_nothing():
    levels = [atm(epoch(tvl, pressure=0.0)) for tvl in TVL]
    assert np.ptp(levels) == 0.0
