"""Mispricing, excess volatility and co-movement of a run, and that they vanish without impact."""

import math

import numpy as np
import pytest

from sim.flows import Motive
from sim.math.systemic.feedback import loop_gain
from sim.metrics.comovement import ComovementMetric
from sim.metrics.loop_gain import LoopGainMetric
from sim.metrics.mispricing import MispricingMetric
from tests.town import history, table
from tests.worlds import DEPTH, WILD, make_world, run

BTC = """
[[assets]]
name = "BTC"
price = 60000.0
decimals = 8
[[processes]]
name = "btc"
kind = "gbm"
assets = ["BTC"]
volatility = 1.5
[[correlations]]
between = ["ETH", "BTC"]
value = 0.6
"""
BOOK = '[[protocols.books]]\nasset = "BTC"\ndaily_volatility = 0.05\ndaily_volume = 1e4\n'
CHASERS = table(
    "allocator",
    'count = 20\nassets = ["ETH", "BTC"]\nvenues = ["market"]\ntrigger = { kind = "calendar", every = "10min" }\n'
    'rule = { kind = "volatility_target", target = 0.5, window = "3h" }\nwealth_usd = { total = 1e7 }\n'
    "slippage = 0.5\n",
)
TICKS = 400


@pytest.fixture(scope="module")
def runs():
    """Allocators that follow volatility, with and without impact."""
    done = {}
    for impact in (True, False):
        depth = DEPTH.replace('kind = "depth_market"', f'kind = "depth_market"\nimpact = {str(impact).lower()}')
        world = make_world(
            WILD, depth, BOOK, BTC, CHASERS,
            sets=(f"run.ticks={TICKS}", "record.checks='sampled'", f"record.every={TICKS}"),
        )  # fmt: skip
        run(world)
        done[impact] = world
    return done


def paths(world, asset):
    column = world.tokens[asset].index
    return world.prices.history[:, column], world.prices.fundamental_history[:, column]


def test_mispricing_is_the_gap_of_the_paths(runs):
    found = MispricingMetric().final(runs[True])
    for asset in ("ETH", "BTC"):
        market, fundamental = paths(runs[True], asset)
        gap = np.log(market / fundamental)
        assert found[f"mispricing_rms.{asset}"] == pytest.approx(math.sqrt((gap**2).mean()))
        assert found[f"mispricing_bias.{asset}"] == pytest.approx(gap.mean())
        ratio = np.std(np.diff(np.log(market))) / np.std(np.diff(np.log(fundamental)))
        assert found[f"excess_volatility.{asset}"] == pytest.approx(ratio, rel=1e-2)
        assert found[f"mispricing_rms.{asset}"] > 1e-3


def test_without_impact_there_is_no_mispricing_no_excess_and_no_loop(runs):
    found = MispricingMetric().final(runs[False])
    together, loop = ComovementMetric().final(runs[False]), LoopGainMetric().final(runs[False])
    for asset in ("ETH", "BTC"):
        assert found[f"mispricing_rms.{asset}"] == pytest.approx(0.0, abs=1e-12)
        assert found[f"excess_volatility.{asset}"] == pytest.approx(1.0, rel=1e-12)
    assert together["excess_correlation"] == pytest.approx(0.0, abs=1e-9)
    assert together["excess_stress_correlation"] == pytest.approx(0.0, abs=1e-9)
    assert set(loop.values()) == {0.0}


def test_selling_everything_together_moves_assets_together(runs):
    free, traded = ComovementMetric().final(runs[False]), ComovementMetric().final(runs[True])
    assert traded["excess_correlation"] > 0.01
    assert traded["absorption_ratio"] > free["absorption_ratio"]
    returns = np.diff(np.log(runs[False].prices.history[:, 1:]), axis=0)
    top = np.linalg.eigvalsh(np.cov(returns.T))[-1]
    assert free["absorption_ratio"] == pytest.approx(top / np.trace(np.cov(returns.T)))
    assert np.isfinite([free["stress_correlation"], free["calm_correlation"]]).all()


def test_loop_gain_pairs_orders_with_the_prices_their_senders_saw(runs):
    """The regression by hand: prices at the look are those of the tick's start, after news and before orders."""
    world = runs[True]
    flows, ticks = world.flows.table(), world.clock.tick + 1
    market = world.markets.reference[world.tokens["ETH"].index]
    mine = flows["market"] == market
    orders = mine & (flows["motive"] == Motive.REBALANCING)
    answers = np.bincount(flows["tick"][orders], flows["dlog"][orders], minlength=ticks)
    seen = np.log(world.prices.history[:, world.tokens["ETH"].index]) - answers
    found = LoopGainMetric().final(world)
    assert answers.any()
    moves = np.diff(np.concatenate(([math.log(2000.0)], seen)))
    assert found["loop_gain.ETH"] == pytest.approx(loop_gain(moves, answers), rel=1e-9)
    assert found["loop_gain_falls.ETH"] != 0.0
    assert found["feedback_gain.ETH"] == found["loop_gain.ETH"]


def test_in_the_town_more_flows_than_rebalancing_feed_back():
    found = LoopGainMetric().final(history())
    assert set(found) == {f"{name}.{a}" for name in ("loop_gain", "loop_gain_falls", "feedback_gain") for a in
                          ("ETH", "BTC", "USDE")}  # fmt: skip
    assert found["feedback_gain.ETH"] != found["loop_gain.ETH"]


def test_one_asset_moves_with_nothing():
    world = make_world(WILD, DEPTH, sets=("run.ticks=150", "record.checks='sampled'"))
    run(world)
    assert all(math.isnan(value) for value in ComovementMetric().final(world).values())
