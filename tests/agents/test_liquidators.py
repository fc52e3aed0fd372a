"""Liquidators: expected profit, bids, payment, and emptying wallets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.chain import GAS, GWEI
from sim.intents import Act
from tests.agents.lending_fakes import (
    BTC,
    ETH,
    FLASH,
    POOL,
    USD,
    Curve,
    Flat,
    Venue,
    breaches,
    by_label,
    permuted,
)
from tests.agents.liquidator_fakes import VICTIMS, found, liquidators, opened, respond, table


def gas_usd(world, tip, act=Act.LIQUIDATE):
    return GAS[act] * (world.gas_price + tip) * GWEI * world.prices[ETH]


# Profit --------------------------------------------------------------------------------------------------------------


@settings(max_examples=150)
@given(
    debts=st.lists(st.floats(50.0, 5e6), min_size=1, max_size=12), bonus=st.floats(-0.02, 0.12),
    oracle=st.floats(1_800.0, 2_200.0), gas=st.floats(1.0, 2_000.0), depth=st.floats(20.0, 1e6),
    flash=st.sampled_from([0.0, 0.5, 1.0]), private=st.booleans(), seed=st.integers(0, 99),
)  # fmt: skip
def test_nobody_bids_at_an_expected_loss(debts, bonus, oracle, gas, depth, flash, private, seed):
    curve = Curve(2_000.0, depth)
    world, population = opened(4, curve, seed, flash=flash, private_relay=private, gas_coins=500.0, capital_usd=1e6)
    world.gas_price = gas
    positions = found(len(debts), np.array(debts), bonus, oracle)
    intents = respond(world, population, positions)
    bids = table(intents)
    share = {victim: 0.0 for _, victim, _, _ in bids}
    for _, victim, amount, _ in bids:
        share[victim] = max(share[victim], amount / positions.repay[victim - VICTIMS[0]])
    sold = sum(part * positions.seize[victim - VICTIMS[0]] for victim, part in share.items())
    price = curve.sell(int(sold)) / sold / 1e6 if sold else 0.0
    for row, victim, amount, tip in bids:
        j = victim - VICTIMS[0]
        part = amount / positions.repay[j]
        fee = positions.flash_fee if population.uses_flash[row] else 0.0
        profit = part * positions.seize[j] * price - amount / 1e6 * (1.0 + fee)
        profit -= gas_usd(world, tip) + gas_usd(world, population.tip, Act.SWAP)
        assert profit >= population.min_profit_usd - 1e-6 * amount / 1e6
        assert tip >= population.tip
    assert max(share.values(), default=0.0) <= 1.0


@pytest.mark.parametrize(
    ("bonus", "gas", "bids"), [(0.05, 20.0, 5), (0.004, 20.0, 0), (0.05, 400.0, 0), (-0.01, 0.1, 0)]
)
def test_bonus_must_cover_gas(bonus, gas, bids):
    # 10,000 USD at 5%: 500 less 10 of flash fee; 750,000 gas at 22 gwei cost 33, at 402 gwei 603
    world, population = opened()
    world.gas_price = gas
    assert len(table(respond(world, population, found(5, bonus=bonus)))) == bids


def test_slippage_limits_the_batch():
    world, population = opened(20, Curve(2_000.0, 2_000.0), capacity=50)
    bids = table(respond(world, population, found(50, 100_000.0)))
    assert 0 < len(bids) < 50
    deep, others = opened(20, Curve(2_000.0, 1e6), capacity=50)
    assert len(table(respond(deep, others, found(50, 100_000.0)))) == 50


def test_a_whale_is_liquidated_in_part():
    world, population = opened(1, Curve(2_000.0, 5_000.0))
    positions = found(1, 5e7)
    ((_, _, amount, _),) = table(respond(world, population, positions))
    assert 0 < amount < 0.01 * positions.repay[0]


def test_the_best_venue_counts():
    world, population = opened()
    population.venues = ["market", "other"]
    for here, there, bids in ((1_000.0, 1_900.0, 0), (1_000.0, 2_000.0, 1), (2_000.0, 1_000.0, 1)):
        world.venue_quote = Venue({ETH: Flat(here)})
        world.look()
        world.quotes["other"] = Venue({ETH: Flat(there)})
        world.tick += 5
        assert len(table(respond(world, population, found(1)))) == bids


def test_collateral_nobody_buys_is_left_alone():
    world, population = opened()
    world.venue_quote = Venue({})
    world.look()
    assert respond(world, population, found(3)) == []


def test_a_pool_without_cash_pays_out_nothing():
    world, population = opened()
    world.cash[ETH] = 0
    assert respond(world, population, found(3)) == []


# Competition ---------------------------------------------------------------------------------------------------------


def test_the_tip_is_a_share_of_the_profit():
    world, population = opened(1, bid=(0.5, 0.5))
    ((_, _, _, tip),) = table(respond(world, population, found(1)))
    before_tip = 500.0 - 5.0 - gas_usd(world, 2.0) - gas_usd(world, 2.0, Act.SWAP)
    assert (tip - 2.0) * GAS[Act.LIQUIDATE] * GWEI * 2_000.0 == pytest.approx(0.5 * before_tip, rel=1e-6)


def test_on_a_private_relay_only_the_best_bid_is_sent():
    world, population = opened(6)
    bids = table(respond(world, population, found(1)))
    assert [row for row, *_ in bids] == [int(np.argmax(population.bids_share))]


def test_in_public_all_bid_and_the_highest_share_tips_most():
    world, population = opened(6, private_relay=False)
    bids = table(respond(world, population, found(1)))
    assert sorted(row for row, *_ in bids) == list(range(6))
    by_tip = [row for row, *_ in sorted(bids, key=lambda bid: bid[3])]
    assert by_tip == np.argsort(population.bids_share).tolist()


def test_capacity_passes_positions_on_to_the_next_bidder():
    world, population = opened(3, capacity=4)
    bids = table(respond(world, population, found(10)))
    ranking = np.argsort(-population.bids_share)
    assert np.bincount([row for row, *_ in bids], minlength=3)[ranking].tolist() == [4, 4, 2]
    assert len({victim for _, victim, *_ in bids}) == 10


def test_capacity_holds_for_the_whole_tick():
    world, population = opened(2, capacity=3)
    assert len(table(respond(world, population, found(50)))) == 6
    assert respond(world, population, found(50)) == []
    world.tick += 1
    assert len(table(respond(world, population, found(50)))) == 6


def test_inattentive_accounts_do_not_bid():
    world, population = opened(2_000, attention=0.3, capacity=1, private_relay=False)
    bidders = {row for row, *_ in table(respond(world, population, found(1)))}
    assert len(bidders) == pytest.approx(600, abs=80)
    assert bidders == set(np.flatnonzero(population.awake).tolist())


def test_tips_stay_within_the_wallet():
    world, population = opened(1, bid=(0.9, 0.9), gas_coins=0.1, capacity=5)
    bids = table(respond(world, population, found(3, 1e6)))
    paid = sum(GAS[Act.LIQUIDATE] * (world.gas_price + tip) * GWEI for *_, tip in bids)
    assert len(bids) == 3
    assert paid <= 0.1
    poor, broke = opened(1, gas_coins=0.001)
    assert respond(poor, broke, found(3, 1e6)) == []


def test_a_bid_that_was_not_won_is_repeated_in_the_next_tick_or_for_a_changed_position():
    world, population = opened(1)
    assert len(respond(world, population, found(2))) == 1
    assert respond(world, population, found(2)) == []
    half = found(2, np.array([10_000.0, 5_000.0]))
    assert [victim for _, victim, *_ in table(respond(world, population, half))] == [VICTIMS[1]]
    world.tick += 1
    assert len(table(respond(world, population, found(2)))) == 2


def test_who_has_a_bid_waiting_makes_no_other():
    world, population = opened(2)
    world.waiting[:] = [True, False]
    assert {row for row, *_ in table(respond(world, population, found(2)))} == {1}


def test_nobody_bids_when_blocks_are_full():
    world, population = opened(3)
    world.room = 0
    assert respond(world, population, found(5)) == []


def test_no_more_bids_than_find_room_and_the_best_positions_first():
    world, population = opened(3)
    world.room = 4
    positions = found(10, 1_000.0 * (1 + np.arange(10)))
    assert {victim for _, victim, *_ in table(respond(world, population, positions))} == set(VICTIMS[6:10].tolist())


def test_bids_pay_what_blocks_ask_for_or_are_not_made():
    world, population = opened(1, bid=(0.0, 0.0))
    for asked, bids in ((50.0, 3), (500.0, 0)):
        world.least_tips = lambda act, most, asked=asked: np.full(most, asked)
        sent = table(respond(world, population, found(3)))
        assert len(sent) == bids
        assert all(tip == pytest.approx(asked, rel=1e-9) for *_, tip in sent)
        world.tick += 1


def test_a_bid_below_what_its_place_in_the_block_asks_for_is_not_made():
    world, population = opened(1, bid=(0.0, 0.0))
    world.least_tips = lambda act, most: 10.0 * np.arange(1, most + 1)
    assert len(table(respond(world, population, found(5)))) == 1


def test_rounds_of_one_tick_end():
    world, population = opened(1, capacity=10**6)
    world.venue_quote = Venue({})
    acted = 0
    for number in range(100):
        world.venue_quote = Venue({ETH: Flat(2_000.0)})
        world.look()
        acted += bool(respond(world, population, found(1, 10_000.0 + 1_000.0 * number)))
    assert acted < 64


# Payment -------------------------------------------------------------------------------------------------------------


def test_own_capital_is_never_exceeded():
    world, population = opened(2, flash=0.0, capital_usd=25_000.0)
    bids = table(respond(world, population, found(10)))
    for row in range(2):
        amounts = [amount for who, _, amount, _ in bids if who == row]
        assert sum(amounts) <= 25_000 * 10**6
        assert amounts[:2] == [10_000 * 10**6] * 2
        assert amounts[2] == pytest.approx(5_000 * 10**6, rel=1e-6)


def test_a_part_that_would_leave_dust_is_not_taken():
    world, population = opened(1, flash=0.0, capital_usd=9_500.0)
    assert respond(world, population, found(1)) == []


def test_debts_in_other_assets_need_an_inventory_without_flash_loans():
    positions = breaches(VICTIMS[:1], 10**7, int(10**7 * 30_000 * 1.05 / 2_000), debt=BTC)
    for inventory, bids in (({}, 0), ({"BTC": 5_000.0}, 1)):
        world, population = opened(1, flash=0.0, inventory=inventory)
        assert len(table(respond(world, population, positions))) == bids


def test_an_inventory_is_bought_back():
    world, population = opened(1, flash=0.0, inventory={"BTC": 6_000.0})
    assert world.balances[BTC, 0] == 2 * 10**7
    respond(world, population, breaches(VICTIMS[:1], 10**7, 15 * 10**7 * 105 // 100, debt=BTC))
    world.balances[BTC] -= 10**7
    world.balances[ETH] += 15 * 10**7 * 105 // 100
    world.tick += 1
    world.run(population.decide(world, world.draws(population)))
    assert world.balances[BTC, 0] == pytest.approx(2 * 10**7, rel=1e-3)
    assert world.balances[ETH, 0] == 50 * 10**8


def test_flash_debts_in_other_assets_are_cleared():
    world, population = opened(1)
    positions = breaches(VICTIMS[:1], 10**7, 15 * 10**7 * 105 // 100, debt=BTC)
    (bid,) = respond(world, population, positions)
    assert (bid.token, bid.token2) == (BTC, ETH)
    world.balances[FLASH[BTC]] -= 10**7 + 5_000
    world.balances[ETH] += 15 * 10**7 * 105 // 100
    world.run(respond(world, population, None))
    assert world.balances[BTC, 0] >= 10**7 + 5_000
    assert world.balances[ETH, 0] == 50 * 10**8


def test_flash_loans_need_cash_in_the_pool():
    world, population = opened(1)
    world.cash[USD] = 100
    assert respond(world, population, found(1)) == []


# Emptying wallets ----------------------------------------------------------------------------------------------------


def test_nothing_is_done_while_calm():
    world, population = opened(5)
    for _ in range(5):
        world.tick += 1
        assert population.decide(world, world.draws(population)) == []
        assert respond(world, population, None) == []


def test_breaches_of_other_pools_are_no_business_of_theirs():
    world, population = opened(1)
    assert population.respond(world, {"elsewhere": found(3)}, world.draws(population)) == []


@settings(max_examples=20)
@given(seed=st.integers(0, 1_000), order=st.permutations(range(8)), private=st.booleans())
def test_rows_may_be_permuted(seed, order, private):
    world, population = opened(
        8, Curve(2_000.0, 1e5), seed, flash=0.5, attention=0.7, capacity=3, private_relay=private, capital_usd=50_000.0
    )
    other, twin = permuted(world, population, np.array(order))
    for tick in range(3):
        world.tick = other.tick = tick
        positions = found(12, 4_000.0 + 3_000.0 * np.arange(12) + tick)
        assert by_label(population, respond(world, population, positions)) == by_label(
            twin, respond(other, twin, positions)
        )
        gain = 10**8 * (1 + np.arange(8))
        world.balances[ETH] += gain
        other.balances[ETH] += gain[order]
        assert by_label(population, respond(world, population, None)) == by_label(twin, respond(other, twin, None))


def test_intents_are_addressed_to_the_pool():
    world, population = opened(1)
    (intent,) = respond(world, population, found(2))
    assert (intent.venue, intent.token, intent.token2) == (POOL, USD, ETH)
    assert intent.cause.tolist() == [900, 901]


def test_check():
    assert liquidators().check() == []
    assert liquidators(bid=(0.9, 0.1)).check() == [("bid", "found [0.9, 0.1]; the first is the lower bound")]
