"""Attribution: in any world, at every tick, the credited parts sum to the price move."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.causes import Causes, NetParts, cascades
from sim.events import COLUMNS, Kind
from sim.flows import OUTSIDE, Motive
from sim.intents import Act, Intent
from tests.town import history
from tests.worlds import AMM, DEPTH, WILD, make_world, people, run

OUTSIDERS = {Motive.FUNDAMENTAL, Motive.SHOCK, Motive.RECOVERY, Motive.LIQUIDITY, Motive.INDEX}
"""Price moves that are nobody's order."""

USD, ETH = 10**6, 10**8
LP = people("lp", 2, USD=1e6, ETH=500.0, opens='[["add_liquidity", "amm", "ETH", 100.0]]')
CROWD = people("crowd", 6, USD=1e6, ETH=400.0)
SHOCKS = """
[[shocks]]
name = "jump"
kind = "price_jump"
at = {jump}
asset = "ETH"
size = {size}
[[shocks]]
name = "dry"
kind = "depth_withdrawal"
at = {dry}
venue = "market"
share = {share}
duration = "{length}min"
"""


@settings(max_examples=20)
@given(
    st.integers(0, 2**32 - 1),
    st.fixed_dictionaries(
        {
            "jump": st.integers(0, 19), "size": st.floats(-0.5, 0.5), "dry": st.integers(0, 19),
            "share": st.floats(0.0, 0.9), "length": st.integers(10, 100),
        }
    ),
    st.floats(0.0, 0.4),
)  # fmt: skip
def test_parts_sum_to_the_move_at_every_tick_of_random_worlds(seed, shocks, thinning):
    depth = DEPTH + f"thinning = {thinning}\nhalf_life = '20min'\n"
    world = make_world(WILD, depth, AMM, LP, CROWD, SHOCKS.format(**shocks), sets=["run.ticks=20", f"run.seed={seed}"])
    rng = np.random.default_rng(seed)

    def trade(view, draws):
        sent = []
        for venue in (0, 1):
            rows = np.flatnonzero(rng.random(view.n) < 0.6)
            if rows.size:
                sells = bool(rng.random() < 0.5)
                amount = (rng.exponential(3.0, rows.size) * (ETH if sells else 2000 * USD)).astype(np.int64) + 1
                pair = (1, 0) if sells else (0, 1)
                motive = int(rng.integers(len(Motive)))
                sent.append(
                    Intent(Act.SWAP, venue, view.accounts[rows], pair[0], amount, token2=pair[1], motive=motive)
                )
        return sent

    world.population("crowd").script = trade
    opening = world.prices.log_market.copy()
    moves = []
    for _ in range(20):
        before = world.prices.log_market.copy()
        run(world, 1)  # the attribution check runs here too
        moves.append(world.prices.log_market - before)
    table = world.flows.table()
    credited = np.zeros((20, 2))
    np.add.at(credited, (table["tick"], table["market"]), table["dlog"])
    assert np.abs(credited - np.array(moves)).max() <= 1e-12
    assert np.abs(credited.sum(axis=0) - (world.prices.log_market - opening)).max() <= 1e-11


def test_in_a_crash_every_source_has_its_part():
    world = history()
    table = world.flows.table()
    reference = table["market"] == world.markets.reference[1]
    motives = {Motive(int(motive)).name for motive in table["motive"][reference]}
    assert motives >= {
        "FUNDAMENTAL",
        "RECOVERY",
        "NOISE",
        "MOMENTUM",
        "ARBITRAGE",
        "LIQUIDATION",
        "DELEVERAGING",
        "REBALANCING",
    }
    total = table["dlog"][reference].sum()
    assert total == pytest.approx(np.log(world.prices.history[-1, 1] / 3000.0), abs=1e-11)
    nobody = table["population"] == OUTSIDE
    assert set(table["motive"][nobody]) <= OUTSIDERS


def causes_of(world):
    events = {name: world.events.column(name) for name in COLUMNS} | {"value": world.events.value}
    return Causes(events, world.flows.table(), world.markets.reference, world.clock.tick + 1)


def test_net_parts_add_up_to_the_displacement_and_the_fundamental():
    world = history()
    market = world.markets.reference[1]
    parts = NetParts(world.flows.table(), market, world.clock.tick + 1)
    closing = np.log(world.prices.history[:, 1] / 3000.0)
    assert parts.closed.sum(axis=1) == pytest.approx(closing, abs=1e-9)
    fundamental = [i for i, (_, motive) in enumerate(parts.sources) if motive == Motive.FUNDAMENTAL]
    exogenous = np.log(world.prices.fundamental_history[:, 1] / 3000.0)
    assert parts.closed[:, fundamental].sum(axis=1) == pytest.approx(exogenous, abs=1e-9)
    assert parts.between(-1, 5).sum() == pytest.approx(parts.seen[5].sum())


def test_the_fall_behind_a_liquidation_is_shared_out_completely():
    causes = causes_of(history())
    assert causes.liquidations.size > 5
    for event in causes.liquidations.tolist():
        cause = causes.of(event)
        assert cause.parts.sum() == pytest.approx(cause.fall)
        if cause.fall < 0:
            assert cause.shares().sum() == pytest.approx(1.0)
        assert 0.0 <= causes.forced_share(cause) <= 1.0
        assert cause.start < cause.observed <= causes.events["tick"][event]
        parents, weights = causes.parents(cause)
        assert (parents < event).all()
        assert (causes.events["kind"][parents] == Kind.LIQUIDATION).all()
        assert weights.sum() <= causes.forced_share(cause) + 1e-12


def test_cascades_are_no_larger_than_everything_and_branching_stays_below_one():
    world = history()
    causes = causes_of(world)
    branching, largest = cascades(causes)
    total = world.events.value[causes.liquidations].sum()
    assert 0.0 < branching < 1.0
    assert world.events.value[causes.liquidations].max() <= largest <= total * (1 + 1e-12)


def test_a_run_without_liquidations_has_no_cascade():
    world = make_world(WILD, DEPTH, CROWD)
    run(world)
    assert cascades(causes_of(world)) == (0.0, 0.0)
