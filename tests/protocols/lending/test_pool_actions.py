"""Deposits, loans, repayments and withdrawals through the protocol: limits hold and no round trip pays."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.intents import ALL, Act
from tests.worlds import AMM, DEPTH, LENDING, STILL, do, holding, make_world, people, set_price

USD, ETH = 10**6, 10**8
BANK = people("bank", USD=2e6, opens='[["deposit", "aave", "USD", 1e6]]')
BOB = people("bob", 2, USD=5e5, ETH=100.0)
EMODE = """
[[protocols.emodes]]
label = "dollars"
ltv = 0.9
liquidation_threshold = 0.93
liquidation_bonus = 0.02
collateral = ["USD"]
borrowable = ["USD"]
"""


def make(*more, lending=LENDING, **kwargs):
    return make_world(STILL, DEPTH, lending, BANK, BOB, *more, **kwargs)


def age(world, supply, borrow):
    """Give every reserve these indices, as if time had passed."""
    pool = world.protocol("aave")
    pool.supply_index, pool.borrow_index = np.full(2, supply), np.full(2, borrow)
    pool._refresh(world)
    return pool


indices = st.floats(1.0, 3.0)
pieces = st.lists(st.integers(1, 10**11) | st.integers(1, 9), max_size=12)
"""Amounts of several steps, many of them so small that rounding is all there is to them."""
crumbs = st.lists(st.integers(1, 10**8) | st.integers(1, 9), max_size=12)


@settings(max_examples=30)
@given(indices, st.lists(st.integers(1, 5 * 10**11), min_size=1, max_size=4), pieces)
def test_depositing_and_withdrawing_never_pays(index, deposits, parts):
    world = make()
    age(world, index, index)
    before = holding(world, "bob", "USD")
    for amount in deposits:
        do(world, "bob", Act.DEPOSIT, "aave", "USD", amount)
    for part in parts:
        do(world, "bob", Act.WITHDRAW, "aave", "USD", part)
    do(world, "bob", Act.WITHDRAW, "aave", "USD", ALL)
    assert holding(world, "bob", "aave.receipt.USD") == 0
    assert before - 4 * (len(deposits) + len(parts) + 1) <= holding(world, "bob", "USD") <= before


@settings(max_examples=30)
@given(indices, indices, st.lists(st.integers(10**9, 10**10), min_size=1, max_size=4), crumbs)
def test_borrowing_and_repaying_never_pays(supply, borrow, loans, parts):
    world = make()
    age(world, supply, borrow)
    do(world, "bob", Act.DEPOSIT, "aave", "ETH", 90 * ETH)
    before = holding(world, "bob", "USD")
    for amount in loans:
        assert do(world, "bob", Act.BORROW, "aave", "USD", amount).done
    for part in parts:
        do(world, "bob", Act.REPAY, "aave", "USD", part)
    do(world, "bob", Act.REPAY, "aave", "USD", ALL)
    assert holding(world, "bob", "aave.debt.USD") == 0
    assert before - 4 * (len(loans) + len(parts) + 1) <= holding(world, "bob", "USD") <= before


@settings(max_examples=30)
@given(indices, st.integers(1, 4 * 10**11))
def test_a_deposit_in_one_piece_or_two_is_worth_no_more(index, amount):
    world = make()
    pool = age(world, index, index)
    do(world, "bob", Act.DEPOSIT, "aave", "USD", amount)
    for half in (amount // 2, amount - amount // 2):
        do(world, "bob", Act.DEPOSIT, "aave", "USD", half, row=1)
    whole, halves = (holding(world, "bob", "aave.receipt.USD", row) for row in (0, 1))
    assert whole - 2 <= halves <= whole
    assert np.floor(whole * pool.supply_index[1]) <= amount


def test_events_carry_what_moved():
    world = make()
    found = do(world, "bob", Act.DEPOSIT, "aave", "USD", 100 * USD)
    assert (found.done, found.amount, world.events.value[found.event]) == (True, 100 * USD, pytest.approx(100.0))
    found = do(world, "bob", Act.WITHDRAW, "aave", "USD", ALL)
    assert (found.done, found.amount) == (True, 100 * USD)


@pytest.mark.parametrize(
    ("act", "token", "amount", "reason"),
    [
        (Act.DEPOSIT, "USD", 10**12, "the account does not hold that much"),
        (Act.DEPOSIT, "USD", 0, "nothing to move"),
        (Act.DEPOSIT, "USD", -5, "nothing to move"),
        (Act.WITHDRAW, "USD", 5, "nothing to move"),
        (Act.WITHDRAW, "ETH", -5, "nothing to move"),
        (Act.REPAY, "USD", 5, "nothing to move"),
        (Act.BORROW, "USD", 0, "nothing to move"),
        (Act.BORROW, "USD", -5, "nothing to move"),
        (Act.BORROW, "USD", 5, "the account's collateral would not cover its debt"),
        (Act.BORROW, "USD", 2 * 10**12, "the pool has no cash"),
        (Act.BORROW, "ETH", 5, "the pool has no cash"),
        (Act.DEPOSIT, "aave.receipt.USD", 5, "the pool does not list this asset"),
        (Act.SET_MODE, "USD", 1, "there is no such efficiency mode"),
        (Act.SET_MODE, "USD", -1, "there is no such efficiency mode"),
    ],
)
def test_refusals_say_why_and_move_nothing(act, token, amount, reason):
    world = make()
    before = world.ledger.balance.copy()
    found = do(world, "bob", act, "aave", token, amount)
    assert (found.done, found.reason, found.amount) == (False, reason, 0)
    assert np.array_equal(world.ledger.balance, before)


def test_loans_up_to_the_limit_and_not_an_atom_more():
    world = make()
    do(world, "bob", Act.DEPOSIT, "aave", "ETH", 10 * ETH)
    limit = 16_000 * USD  # 10 ETH at 2,000 USD and a limit of 80%
    assert not do(world, "bob", Act.BORROW, "aave", "USD", limit + 1).done
    assert do(world, "bob", Act.BORROW, "aave", "USD", limit - 1).done
    assert do(world, "bob", Act.BORROW, "aave", "USD", 3).reason == "the account's collateral would not cover its debt"


def test_collateral_that_a_loan_needs_cannot_be_taken_out():
    world = make()
    do(world, "bob", Act.DEPOSIT, "aave", "ETH", 10 * ETH)
    do(world, "bob", Act.BORROW, "aave", "USD", 8_300 * USD)
    free = 5 * ETH  # 8,300 of debt over the threshold of 83% needs 5 ETH
    found = do(world, "bob", Act.WITHDRAW, "aave", "ETH", free + 100)
    assert found.reason == "the account's collateral would not cover its debt"
    assert do(world, "bob", Act.WITHDRAW, "aave", "ETH", free - 100).done
    assert (
        do(world, "bob", Act.WITHDRAW, "aave", "ETH", ALL).reason == "the account's collateral would not cover its debt"
    )
    assert do(world, "bob", Act.REPAY, "aave", "USD", ALL).done
    assert do(world, "bob", Act.WITHDRAW, "aave", "ETH", ALL).done


def test_withdrawals_fail_when_the_cash_is_gone_and_work_again_when_it_is_back():
    world = make()
    do(world, "bob", Act.DEPOSIT, "aave", "ETH", 100 * ETH)
    for row in (0, 1):
        do(world, "bob", Act.DEPOSIT, "aave", "ETH", 100 * ETH, row=row)
    set_price(world, "ETH", 20_000.0)
    assert do(world, "bob", Act.BORROW, "aave", "USD", 999_000 * USD).done
    found = do(world, "bank", Act.WITHDRAW, "aave", "USD", ALL)
    assert found.reason == "the pool has no cash"
    assert do(world, "bank", Act.WITHDRAW, "aave", "USD", 1_000 * USD).done
    assert do(world, "bank", Act.WITHDRAW, "aave", "USD", 1).reason == "the pool has no cash"
    do(world, "bob", Act.REPAY, "aave", "USD", 500_000 * USD)
    assert do(world, "bank", Act.WITHDRAW, "aave", "USD", 400_000 * USD).done


def test_caps_hold():
    capped = LENDING + "supply_cap = 1100000\nborrow_cap = 5000\n"  # of the last reserve, USD
    world = make(lending=capped)
    assert do(world, "bob", Act.DEPOSIT, "aave", "USD", 100_001 * USD).reason == "a supply or borrow cap is reached"
    assert do(world, "bob", Act.DEPOSIT, "aave", "USD", 100_000 * USD).done
    do(world, "bob", Act.DEPOSIT, "aave", "ETH", 100 * ETH)
    assert do(world, "bob", Act.BORROW, "aave", "USD", 5_001 * USD).reason == "a supply or borrow cap is reached"
    assert do(world, "bob", Act.BORROW, "aave", "USD", 5_000 * USD).done
    assert do(world, "bob", Act.BORROW, "aave", "USD", 1).reason == "a supply or borrow cap is reached"


def test_assets_that_cannot_be_borrowed_or_are_no_collateral():
    closed = LENDING.replace('asset = "ETH"', 'asset = "ETH"\nborrowable = false')
    world = make(lending=closed)
    do(world, "bob", Act.DEPOSIT, "aave", "USD", 1000 * USD)
    do(world, "bob", Act.DEPOSIT, "aave", "ETH", ETH, row=1)
    assert do(world, "bob", Act.BORROW, "aave", "ETH", 1000).reason == "the asset cannot be borrowed in this mode"
    useless = LENDING.replace('asset = "ETH"', 'asset = "ETH"\ncollateral = false')
    world = make(lending=useless)
    do(world, "bob", Act.DEPOSIT, "aave", "ETH", 100 * ETH)
    assert (
        do(world, "bob", Act.BORROW, "aave", "USD", USD).reason == "the account's collateral would not cover its debt"
    )


def test_an_efficiency_mode_lifts_limits_and_narrows_choice():
    world = make(lending=LENDING + EMODE)
    do(world, "bob", Act.DEPOSIT, "aave", "ETH", 10 * ETH, row=1)
    do(world, "bob", Act.DEPOSIT, "aave", "USD", 1000 * USD)
    assert (
        do(world, "bob", Act.BORROW, "aave", "USD", 751 * USD).reason
        == "the account's collateral would not cover its debt"
    )
    assert do(world, "bob", Act.SET_MODE, "aave", "USD", 1).done
    assert do(world, "bob", Act.BORROW, "aave", "ETH", 100).reason == "the asset cannot be borrowed in this mode"
    assert do(world, "bob", Act.BORROW, "aave", "USD", 850 * USD).done
    leaving = do(world, "bob", Act.SET_MODE, "aave", "USD", 0)  # 78% of 1,000 does not cover 850
    assert leaving.reason == "the account's collateral would not cover its debt"
    do(world, "bob", Act.REPAY, "aave", "USD", 200 * USD)
    assert do(world, "bob", Act.SET_MODE, "aave", "USD", 0).done
    do(world, "bob", Act.BORROW, "aave", "ETH", 1000)
    assert do(world, "bob", Act.SET_MODE, "aave", "USD", 1).reason == "the asset cannot be borrowed in this mode"


def test_the_mode_counts_in_the_health_factor():
    world = make(lending=LENDING + EMODE)
    bob = world.population("bob").lo
    for row in (0, 1):
        do(world, "bob", Act.DEPOSIT, "aave", "USD", 1000 * USD, row=row)
        do(world, "bob", Act.BORROW, "aave", "USD", 600 * USD, row=row)
    do(world, "bob", Act.SET_MODE, "aave", "USD", 1)
    pool = world.protocol("aave")
    pool.mark(world)
    assert pool.health[bob] == pytest.approx(930 / 600)
    assert pool.health[bob + 1] == pytest.approx(780 / 600)


@settings(max_examples=30)
@given(st.floats(100.0, 20_000.0), st.floats(1.0, 2.0), st.integers(1, 100), st.floats(0.05, 0.8))
def test_health_rises_with_the_price_of_collateral_and_falls_with_that_of_debt(price, factor, coins, leverage):
    world = make()
    do(world, "bob", Act.DEPOSIT, "aave", "ETH", coins * ETH)
    assert do(world, "bob", Act.BORROW, "aave", "USD", int(coins * 2000 * leverage * USD)).done
    do(world, "bank", Act.DEPOSIT, "aave", "USD", 10**6 * USD)
    borrowed = min(do(world, "bank", Act.BORROW, "aave", "ETH", coins * ETH // 2).amount, coins * ETH // 2)
    assert borrowed > 0
    pool, bob, bank = world.protocol("aave"), world.population("bob").lo, world.population("bank").lo
    health = []
    for level in (price, price * factor):
        set_price(world, "ETH", level)
        pool.mark(world)
        health.append((pool.health[bob], pool.health[bank]))
    assert health[0][0] <= health[1][0]
    assert health[0][1] >= health[1][1]
    closed_form = coins * price * 0.83 / (int(coins * 2000 * leverage * USD) / USD)
    assert health[0][0] == pytest.approx(closed_form, rel=1e-6)


def test_without_debt_health_is_infinite_and_seen_from_the_start():
    opens = '[["deposit", "aave", "ETH", 10.0], ["borrow", "aave", "USD", 8300.0]]'
    world = make(people("kim", ETH=10.0, USD=0.0, opens=opens))
    views = {actor.population.name: actor.view for actor in world.actors}
    assert views["kim"].health("aave") == pytest.approx([2.0])
    assert np.isinf(views["bob"].health("aave")).all()


def test_an_asset_without_a_feed_costs_its_market_price():
    world = make(AMM)
    set_price(world, "ETH", 1234.0)
    assert world.protocol("aave").quote(world).oracle == pytest.approx([1234.0, 1.0])


def test_journal_rebuilds_every_balance():
    world = make()
    do(world, "bob", Act.DEPOSIT, "aave", "ETH", 10 * ETH)
    do(world, "bob", Act.BORROW, "aave", "USD", 16_001 * USD)  # posted and taken back
    do(world, "bob", Act.BORROW, "aave", "USD", 16_000 * USD - 1)
    assert np.array_equal(world.ledger.replay(), world.ledger.balance)
