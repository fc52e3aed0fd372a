"""Liquidity mining: rewards are conserved to the atom, shared by shares and time, and end when they end."""

import numpy as np
import pytest

from protocols.amm.arbitrage import impermanent_loss
from sim import exposure
from sim.errors import ConfigError
from sim.intents import Act
from sim.model import SpilloverModel
from tests.worlds import STILL, do, holding, make_world, people, run

USD, ETH = 10**6, 10**8
GOV = '[[assets]]\nname = "GOV"\nprice = 2.0\ndecimals = 6\n' + STILL.replace("eth", "gov").replace("ETH", "GOV")
POOL = """
[[protocols]]
name = "pool"
kind = "KIND"
asset = "ETH"
[[protocols.rewards]]
asset = "GOV"
per_day = 1000.0
lasts = "PERIOD"
paid_every = "1h"
"""
KINDS = ("constant_product", "concentrated", "stableswap")
LP = people("lp", 3, USD=1e6, ETH=400.0, opens='[["add_liquidity", "pool", "ETH", 7.77]]')
OTHER = people("other", USD=1e7, ETH=900.0)


def make(kind="constant_product", lasts="3h", ticks=40):
    pool = POOL.replace("KIND", kind).replace("PERIOD", lasts)
    return make_world(STILL, GOV, pool, LP, OTHER, sets=[f"run.ticks={ticks}"])


def paid(world):
    owner = world.population("lp")
    row = world.ledger.balance[world.tokens["GOV"].index]
    return row[owner.lo : owner.hi].sum() + row[world.population("other").lo]


@pytest.mark.parametrize("kind", KINDS)
def test_paid_pending_and_dust_are_what_was_emitted_to_the_atom(kind):
    world = make(kind)
    share = world.tokens.rows[world.protocol("pool").shares[0]].name
    [programme] = world.protocol("pool").programmes
    rng = np.random.default_rng(1)
    model = SpilloverModel(world)
    while model.running:
        model.step()
        do(world, "other", Act.ADD_LIQUIDITY, "pool", "ETH", int(rng.integers(1, 10 * ETH)))
        do(world, "lp", Act.REMOVE_LIQUIDITY, "pool", share, int(rng.integers(1, 10**9)), row=int(rng.integers(3)))
        pending = sum(programme.pending(account) for account in range(world.accounts.count))
        held = holding(world, "pool", "GOV")
        assert paid(world) == programme.paid
        assert held == programme.emitted - programme.paid
        assert 0 <= held - pending <= 2 * model.tick + 10
    assert programme.emitted == 1000 * USD * 180 // 1440
    assert programme.emitted - paid(world) <= 100


def test_rewards_are_shared_by_shares_and_time():
    world = make(ticks=13)
    share = "pool.share"
    run(world, 7)  # an hour of holding, one tick is ten minutes
    assert do(world, "lp", Act.REMOVE_LIQUIDITY, "pool", share, 2**60, row=2).done
    run(world, 6)
    got = [holding(world, "lp", "GOV", row) for row in range(3)]
    hourly = 1000 * USD / 24
    emitted = world.protocol("pool").programmes[0].emitted
    assert emitted == pytest.approx(hourly * 13 / 6, abs=2)
    assert got[0] == pytest.approx(got[1], rel=1e-6)  # the first depositor has a thousand shares fewer
    assert got[1] > got[2] > 0
    assert got[2] == pytest.approx(hourly * 7 / 6 / 3, rel=1e-3)


def test_nothing_is_emitted_after_the_end_or_to_an_empty_pool():
    world = make(lasts="30min", ticks=20)
    run(world)
    assert world.protocol("pool").programmes[0].emitted == pytest.approx(1000 * USD / 48, abs=2)
    assert world.protocol("pool").quote(world).reward_per_year == (0.0,)
    empty = make_world(STILL, GOV, POOL.replace("KIND", "stableswap").replace("PERIOD", "3h"), OTHER)
    run(empty)
    assert empty.protocol("pool").programmes[0].emitted == 0


def test_the_quoted_yield_is_the_programmes_value_over_the_pools():
    world = make()
    run(world, 2)
    [rate] = world.protocol("pool").quote(world).reward_per_year
    assert rate == pytest.approx(1000 * 2.0 * 365 / (2 * 3 * 7.77 * 2000), rel=1e-6)


def test_what_waits_belongs_to_the_shares():
    world = make(lasts="30min")
    exposure.revalue(world)
    token = world.tokens["pool.share"].index
    before = world.prices.values[token] * -world.ledger.balance[token, world.protocol("pool").account] / 1e6
    run(world, 3)
    exposure.revalue(world)
    after = world.prices.values[token] * -world.ledger.balance[token, world.protocol("pool").account] / 1e6
    assert after - before == pytest.approx(2.0 * holding(world, "pool", "GOV") / 1e6, rel=1e-6)
    assert holding(world, "pool", "GOV") > 0


@pytest.mark.parametrize("price", [1200.0, 2000.0, 3100.0])
def test_a_providers_result_is_fees_rewards_and_impermanent_loss(price):
    """Result over holding = fees + rewards + impermanent loss; each from its own source, the sum from the ledger."""
    world = make("concentrated", ticks=12)
    pool = world.protocol("pool")
    run(world, 4)
    first, kept = pool.amounts(world)[0], pool.liquidity(world)[0]
    quote = pool.quote(world)
    amount = quote.sell_to(price) or quote.buy_to(price)
    amount = max(amount, 10**6)
    given, taken = ("ETH", "USD") if price <= quote.price else ("USD", "ETH")
    assert do(world, "other", Act.SWAP, "pool", given, amount, token2=taken).done
    price = float(world.spot()[1])  # a hair below 2000 after the smallest of the trades
    atom = np.array([price / 100.0, 1.0])
    fees, rewards = float(pool.earnings[0] @ atom), 2.0 * (holding(world, "pool", "GOV") + paid(world))
    lost = float(first @ atom) * float(impermanent_loss(price / 2000.0))
    exposure.revalue(world)
    share = world.tokens["pool.range0"].index
    result = world.prices.values[share] * kept + 2.0 * paid(world) - float(first @ atom)
    assert result == pytest.approx(fees + rewards + lost, abs=1e-6 * abs(float(first @ atom)))
    assert fees > 0
    assert rewards > 0
    assert lost <= 0


@pytest.mark.parametrize("asset", ["ETH", "USD"])
def test_a_pool_cannot_reward_with_what_it_trades(asset):
    text = (
        POOL.replace("KIND", "constant_product").replace("PERIOD", "1h").replace('asset = "GOV"', f'asset = "{asset}"')
    )
    with pytest.raises(ConfigError, match=f'cannot reward with "{asset}", which it trades'):
        make_world(STILL, GOV, text, OTHER)


def test_a_programme_for_a_range_that_is_not_offered_is_refused():
    text = POOL.replace("KIND", "stableswap").replace("PERIOD", "1h") + "range = 1\n"
    with pytest.raises(ConfigError, match="rewards range 1; its ranges run from 0 to 0"):
        make_world(STILL, GOV, text, OTHER)
