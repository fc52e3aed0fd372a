"""Perpetuals against a pool: who pays whom, caps, liquidation and deleveraging."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.events import Kind
from sim.intents import ALL, Act, Intent
from sim.phases import liquidate
from tests.protocols.perps.perp_worlds import CRASH
from tests.worlds import DEPTH, STILL, WILD, do, events_of, holding, make_world, people, run

POOL = '[[protocols]]\nname = "gmx"\nkind = "pool_perpetuals"\nasset = "ETH"\n'


def pool_world(more: str = "", path: str = STILL, count: int = 3, sets=()):
    """A pool of 1,000,000 USD, a spot market, and traders with 100,000 USD."""
    return make_world(path, DEPTH, POOL + more, people("a", count, USD=1e5), sets=sets)


def enter(world, usd: float, size: float, row: int = 0):
    """Put up margin and trade whole contracts."""
    do(world, "a", Act.DEPOSIT, "gmx", "USD", round(usd * 1e6), row)
    act = Act.BUY if size > 0 else Act.SELL
    return do(world, "a", act, "gmx", "gmx.ETH", round(abs(size) * 1e8), row)


def leave(world, row: int = 0):
    """Close whatever is open."""
    held = holding(world, "a", "gmx.ETH", row)
    return do(world, "a", Act.SELL if held > 0 else Act.BUY, "gmx", "gmx.ETH", abs(held), row)


def move_to(world, price: float):
    """Bring the spot market to a price, and mark."""
    world.prices.log_market[world.markets.reference[world.tokens["ETH"].index]] = np.log(price)
    world.prices.record(0)
    found = world.protocol("gmx").mark(world)
    world.breaches = {} if found is None else {"gmx": found}
    return found


@given(size=st.floats(-40.0, 40.0).filter(lambda x: abs(x) > 0.1), price=st.floats(1900.0, 2100.0))
@settings(max_examples=10, deadline=None)
def test_what_a_trader_loses_the_pool_and_the_impact_pool_gain(size, price):
    world = pool_world()
    pool = world.protocol("gmx")
    before = pool.pool_atoms(world)
    assert enter(world, 1e4, size).done
    move_to(world, price)
    assert leave(world).done
    kept = holding(world, "a", "gmx.margin")
    impact = int(world.ledger.balance[pool.accounts.quote, pool.accounts.fund])
    assert pool.pool_atoms(world) + impact - before == pytest.approx(10**10 - kept, abs=1.0)
    fees = pool.fees[world.population("a").lo]
    assert kept - 10**10 == pytest.approx(round(abs(size) * 1e8) / 1e8 * np.sign(size) * (price - 2000.0) * 1e6
                                          - fees - impact, abs=4.0)  # fmt: skip


def test_funding_of_the_larger_side_goes_to_the_smaller_and_borrowing_to_the_pool():
    world = pool_world(sets=("run.ticks=30",))
    pool = world.protocol("gmx")
    enter(world, 5e4, 100.0)
    enter(world, 5e4, -40.0, 1)
    run(world)
    lo = world.population("a").lo
    longs, shorts = pool.carried[lo], pool.carried[lo + 1]
    assert pool.funding > 0.0
    assert longs > 0 > shorts
    assert min(events_of(world, Kind.FUNDING)["value"]) >= 0.0
    left = int(world.ledger.balance[pool.accounts.quote, pool.accounts.fund])
    for row in range(2):
        settled = holding(world, "a", "gmx.margin", row) + holding(world, "a", "gmx.quote", row)
        spent = settled + pool.cost[lo + row] - 5 * 10**10
        left += int(spent + pool.carried[lo + row] + pool.fees[lo + row])
    assert 0 <= left <= 2 * 30
    assert np.array_equal(world.ledger.replay(), world.ledger.balance)


def test_a_side_may_not_reserve_more_than_its_share_of_the_pool():
    world = pool_world("liquidity = 1e5")
    assert enter(world, 5e4, 44.0).done
    assert "cannot reserve" in enter(world, 1e3, 5.0).reason
    assert do(world, "a", Act.MINT, "gmx", "USD", 10**10, 1, token2="gmx.share").done
    assert enter(world, 1e3, 5.0).done
    assert "reserved" in do(world, "a", Act.REDEEM, "gmx", "gmx.share", ALL, 1).reason


def test_profit_beyond_the_threshold_closes_winners_until_it_is_down_to_the_target():
    world = pool_world("liquidity = 5e4")
    for row in range(3):
        assert enter(world, 9e4, 7.0, row).done
    pool = world.protocol("gmx")
    move_to(world, 3300.0)
    assert not world.breaches
    move_to(world, 3500.0)
    assert pool.profits()[0] > 0.55 * pool.pool_before_profits(world)
    liquidate(world)
    assert pool.profits()[0] <= 0.50 * pool.pool_before_profits(world) + 1e-6
    assert len(events_of(world, Kind.DELEVERAGE)["id"]) == 2
    assert not world.ledger.residuals().any()


def test_a_position_is_liquidated_at_its_least_collateral_and_the_pool_bears_the_rest():
    world = pool_world()
    enter(world, 1e3, 10.0)
    assert move_to(world, 1935.0) is None
    assert move_to(world, 1925.0) is None
    assert move_to(world, 1915.0).account.tolist() == [world.population("a").lo]
    move_to(world, 1850.0)
    liquidate(world)
    assert holding(world, "a", "gmx.ETH") == holding(world, "a", "gmx.quote") == 0
    assert holding(world, "a", "gmx.margin") == 0
    assert events_of(world, Kind.LOSS_ABSORBED)["amount"][0] > 0
    assert world.events.where(Kind.LIQUIDATION).size == 1


def test_negative_impact_liquidates_only_as_far_as_the_venue_counts_it():
    found = {}
    for share in (0.0, 0.005):
        world = pool_world(f"liquidation_impact = {share}\nimpact = 4e-8")
        enter(world, 2e3, 20.0)
        enter(world, 5e4, -60.0, 1)
        move_to(world, 1935.0)
        found[share] = world.breaches != {}
    assert found == {0.0: False, 0.005: True}


@pytest.mark.parametrize("seed", range(2))
def test_a_crowd_in_a_crash_is_conserved_and_replayed(seed):
    world = pool_world(path=CRASH, count=30, sets=("run.ticks=30",))
    rng, pool = np.random.default_rng(seed), world.protocol("gmx")

    def script(view, draws):
        sent = [Intent(Act.DEPOSIT, pool.index, view.accounts, 0, 10**9)] if view.tick < 5 else []
        for act in (Act.BUY, Act.SELL):
            rows = np.flatnonzero(rng.random(view.n) < 0.2)
            size = rng.integers(1, 15 * 10**8, rows.size)
            sent.append(Intent(act, pool.index, view.accounts[rows], pool.token, size))
        return sent

    world.population("a").script = script
    run(world)
    assert np.array_equal(world.ledger.replay(), world.ledger.balance)
    row = world.ledger.balance[pool.token]
    inside = np.delete(row, pool.account)
    assert -row[pool.account] == inside.sum()
    assert pool.state[2] == pytest.approx(inside[inside > 0].sum())
    assert world.events.where(Kind.LIQUIDATION).size > 3


def test_providers_hold_what_traders_lose():
    world = pool_world(path=WILD)
    pool = world.protocol("gmx")
    do(world, "a", Act.MINT, "gmx", "USD", 5 * 10**10, 2, token2="gmx.share")
    enter(world, 2e4, 30.0)
    world.clock.tick = 0
    move_to(world, 1900.0)
    share = holding(world, "a", "gmx.share", 2) / -int(world.ledger.balance[pool.shares, pool.account])
    before = holding(world, "a", "USD", 2)
    assert do(world, "a", Act.REDEEM, "gmx", "gmx.share", ALL, 2).done
    paid = holding(world, "a", "USD", 2) - before
    assert paid == pytest.approx(share * (1.05e12 + 3e9 + pool.fees.sum()), rel=1e-4)
    assert paid > 5 * 10**10
