"""Borrowers: opening health, alarms, top-ups, deleveraging in steps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from agents.borrowers import Borrowers
from agents.shared.health_table import AccountTable
from agents.shared.loans import Response
from agents.shared.sizes import Sizes
from sim.clock import Clock
from sim.errors import ConfigError
from sim.flows import Motive
from sim.intents import Act
from tests.agents.lending_fakes import BTC, DEBTS, ETH, LO, POOL, USD, FakeWorld, Flat, Venue, by_label, permuted

TABLE = [(0.0, 1.05), (0.25, 1.3), (0.5, 1.7), (1.0, 3.0)]


def borrowers(count, **settings):
    settings = {"health": TABLE, "debt_usd": Sizes(median=5_000.0)} | settings
    return Borrowers(
        name="people", count=count, protocol="pool", collateral="ETH", debt="USD", venue="market", **settings
    )


def one(response, health=1.2, price=2_000.0, threshold=0.8, **settings):
    """A world with one borrower of 1,000 USD that reacts in one way."""
    shares = {"top_up": float(response == Response.TOP_UP), "deleverage": float(response == Response.DELEVERAGE)}
    defaults = {"debt_usd": Sizes(total=1_000.0), "health": [(0.0, health)], "alarm": (1.25, 1.25), "reserve": 0.0}
    population = borrowers(1, **(defaults | shares | settings))
    world = FakeWorld(1, prices=(price, 30_000.0), threshold=threshold)
    world.open(population)
    population.alarm_at[:] = population.watch[:] = 1.25
    return world, population


# Opening -------------------------------------------------------------------------------------------------------------


@given(
    health=st.floats(1.0, 5.0), price=st.floats(0.01, 1e5), threshold=st.floats(0.3, 0.95),
    index=st.floats(1.0, 2.0), debt_index=st.floats(1.0, 2.0), debt=st.floats(100.0, 1e6),
)  # fmt: skip
def test_opens_with_the_health_that_was_drawn(health, price, threshold, index, debt_index, debt):
    world = FakeWorld(1, prices=(price, 3e4), threshold=threshold, index=index, debt_index=debt_index)
    world.open(borrowers(1, health=[(0.0, health)], debt_usd=Sizes(total=debt)))
    assert world.health()[0] == pytest.approx(health, rel=3 * price / 1e8 / debt + 1e-7)
    assert world.health()[0] >= 1.0 - 1e-12
    assert -world.balances[DEBTS[USD], 0] * debt_index / 1e6 == pytest.approx(debt, rel=1e-7)


def test_opening_health_follows_the_table():
    world = FakeWorld(4_000)
    world.open(borrowers(4_000, debt_usd=Sizes(median=50_000.0, spread=1.0)))
    quantile, value = np.transpose(TABLE)
    assert kstest(world.health(), lambda h: np.interp(h, value, quantile)).pvalue > 0.01


def test_min_health_leaves_accounts_out():
    world = FakeWorld(500)
    world.open(borrowers(500, min_health=1.6))
    assert world.health().min() > 1.6 - 1e-3


def test_loans_of_other_assets_open_at_oracle_prices():
    world = FakeWorld(1)
    population = Borrowers(
        name="p", count=1, protocol="pool", collateral="USD", debt="BTC", venue="market",
        health=[(0.5, 1.5)], debt_usd=Sizes(total=60_000.0),
    )  # fmt: skip
    world.open(population)
    assert world.balances[DEBTS[BTC], 0] == -2 * 10**8
    assert world.health()[0] == pytest.approx(1.5, rel=1e-6)


def test_accounts_of_a_file_open_as_they_are(tmp_path):
    path = tmp_path / "accounts.csv"
    path.write_text("account,debt,collateral\na,1000,2000\nb,500,3000\nc,100,90\n")
    table = AccountTable(file=str(path))
    world = FakeWorld(2, threshold=0.8)
    world.open(borrowers(2, health=None, debt_usd=None, accounts=table))
    np.testing.assert_allclose(world.health(), [1.6, 4.8], rtol=1e-6)
    np.testing.assert_allclose(-world.balances[DEBTS[USD]] / 1e6, [1_000.0, 500.0])


def test_accounts_of_a_file_are_drawn_again_if_there_are_not_as_many(tmp_path):
    path = tmp_path / "accounts.csv"
    path.write_text("account,debt,collateral\na,1000,1500\nb,500,3000\n")
    world = FakeWorld(300)
    table = AccountTable(file=str(path), weighted=True, total_usd=6e5)
    world.open(borrowers(300, health=None, debt_usd=None, accounts=table))
    assert set(np.round(world.health(), 3).tolist()) == {1.5, 6.0}
    assert -world.balances[DEBTS[USD]].sum() / 1e6 == pytest.approx(6e5, rel=1e-9)


def test_a_file_without_healthy_accounts(tmp_path):
    path = tmp_path / "accounts.csv"
    path.write_text("account,debt,collateral\na,1000,900\n")
    population = borrowers(3, health=None, debt_usd=None, accounts=AccountTable(file=str(path)))
    with pytest.raises(ConfigError, match=r"accounts.csv: no account has a health factor of 1 or more"):
        FakeWorld(3).open(population)


def test_neither_a_table_nor_a_file():
    with pytest.raises(ConfigError, match='population "people": give either health'):
        FakeWorld(3).open(borrowers(3, health=None, debt_usd=None))


def test_load_finds_mistakes_of_the_file(tmp_path):
    path = tmp_path / "accounts.csv"
    path.write_text("account,debt\na,1000\n")
    with pytest.raises(ConfigError, match=r'accounts.csv:1: no column "collateral"'):
        borrowers(3, accounts=AccountTable(file=str(path))).load(Clock(None, 60.0, 10))


def test_an_asset_that_is_no_collateral():
    with pytest.raises(ConfigError, match='population "people": ETH is no collateral in pool'):
        FakeWorld(1, threshold=0.0).open(borrowers(1))


def test_responses_have_their_shares():
    population = borrowers(20_000, top_up=0.2, deleverage=0.5)
    population.endow(FakeWorld(20_000), np.random.default_rng(5))
    shares = np.bincount(population.response, minlength=3) / 20_000
    np.testing.assert_allclose(shares, [0.3, 0.2, 0.5], atol=0.02)


# Reacting ------------------------------------------------------------------------------------------------------------


def test_nothing_happens_while_all_are_calm():
    world, population = FakeWorld(2_000), borrowers(2_000)
    world.open(population)
    for price in (2_000.0, 2_100.0, 2_500.0):
        world.reprice(price)
        assert world.step(population) == []


def test_an_account_that_opens_below_its_alarm_is_content_there():
    population = borrowers(500, health=[(0.0, 1.1)], alarm=(1.15, 1.3))
    world = FakeWorld(500)
    world.open(population)
    assert np.all(population.alarm_at == 1.05)
    assert world.step(population) == []


@settings(max_examples=30)
@given(fall=st.floats(0.0, 0.6), seed=st.integers(0, 1_000))
def test_only_accounts_below_their_alarm_act(fall, seed):
    world, population = FakeWorld(200), borrowers(200, top_up=0.5, deleverage=0.3, alarm=(1.0, 1.4), least_usd=0.0)
    world.open(population, seed)
    world.reprice(2_000.0 * (1.0 - fall))
    health = world.health()
    acted = np.unique(np.concatenate([i.account for i in world.step(population)] or [np.empty(0, int)])) - LO
    assert np.all(health[acted] < population.alarm_at[acted])
    assert np.all(population.response[acted] != Response.IGNORE)
    below = (health < population.alarm_at) & (population.response == Response.TOP_UP)
    assert set(np.flatnonzero(below)) <= set(acted.tolist())


def test_top_up_reaches_the_target():
    world, population = one(Response.TOP_UP, reserve=1.0)
    (intent,) = world.step(population)
    assert (intent.act, intent.venue, intent.token) == (Act.DEPOSIT, POOL, ETH)
    # collateral 1,500 at threshold 0.8 backs 1,000: 375 more makes 1,875 * 0.8 = 1.5 * 1,000
    assert intent.amount[0] / 1e8 * 2_000.0 == pytest.approx(375.0, rel=1e-6)
    assert world.health()[0] == pytest.approx(1.5, rel=1e-6)
    assert world.step(population) == []


def test_top_up_is_limited_by_the_reserve_and_ends_with_it():
    world, population = one(Response.TOP_UP, reserve=0.2)
    world.step(population)
    assert world.health()[0] == pytest.approx(1.7 * 0.8, rel=1e-6)
    world.reprice(1_500.0)
    for _ in range(30):
        assert world.step(population) == []
    assert population.watch[0] == -np.inf


def deleverage(world, population, ticks=40):
    """Steps until quiet, as (act, USD)."""
    steps = []
    for _ in range(ticks):
        for intent in world.step(population):
            value = float(intent.amount[0]) * world.prices[intent.token] / 10.0 ** world.decimals(intent.token)
            steps.append((intent.act, round(value, 1)))
    return steps


def test_deleveraging_by_hand():
    world, population = one(Response.DELEVERAGE, floor=1.0)
    # 1,500 x 0.8 backs 1,000. Without a buffer (1.2 - 1) x 1,000 / 0.8 = 250 may leave; then 1,250 x 0.8 backs 750 and
    # (1.5 x 750 - 1,000) / (1.5 - 0.8) = 178.6 is missing, of which (1.333 - 1) x 750 / 0.8 allows all.
    steps = deleverage(world, population)
    W, S, R = Act.WITHDRAW, Act.SWAP, Act.REPAY
    assert steps == [(W, 250.0), (S, 250.0), (R, 250.0), (W, 178.6), (S, 178.6), (R, 178.6)]
    assert world.health()[0] == pytest.approx(1.5, rel=1e-5)


def test_spare_cash_repays_before_collateral_is_sold():
    world, population = one(Response.DELEVERAGE, reserve=0.1)
    acts = deleverage(world, population)
    assert acts[0] == (Act.REPAY, 100.0)
    assert acts[1][0] == Act.WITHDRAW


def test_enough_cash_needs_no_sale():
    world, population = one(Response.DELEVERAGE, reserve=0.5)
    # 1.2 / 1.5 of the debt remains
    assert deleverage(world, population) == [(Act.REPAY, 200.0)]
    assert world.health()[0] == pytest.approx(1.5, rel=1e-6)


def test_the_loan_itself_is_spent_and_only_the_reserve_is_left():
    world = FakeWorld(200)
    opening = world.open(borrowers(200, reserve=0.25))
    owed = -world.balances[DEBTS[USD]]
    assert np.array_equal(opening.spent[USD], owed)
    reserve = world.balances[USD] / 1e6 + world.balances[ETH] / 1e8 * 2_000.0
    np.testing.assert_allclose(reserve, 0.25 * owed / 1e6, rtol=1e-5)


@settings(max_examples=40)
@given(
    health=st.floats(1.06, 1.24), threshold=st.floats(0.5, 0.9), fee=st.floats(0.0, 0.01), target=st.floats(1.3, 2.0)
)
def test_deleveraging_reaches_the_target_after_fees(health, threshold, fee, target):
    world, population = one(Response.DELEVERAGE, health, threshold=threshold, target=target)
    world.venue_quote = Venue({ETH: Flat(2_000.0, fee)})
    world.look()
    deleverage(world, population, 120)
    assert world.health()[0] >= target * (1.0 - 2.0 * population.least_usd / 500.0)
    assert world.health()[0] <= target * 1.001
    assert world.step(population) == []


def test_two_swaps_where_neither_asset_is_the_numeraire():
    world, population = FakeWorld(1), Borrowers(
        name="p", count=1, protocol="pool", collateral="BTC", debt="ETH", venue="market", alarm=(1.25, 1.25),
        health=[(0.0, 1.2)], debt_usd=Sizes(total=1_000.0), deleverage=1.0, top_up=0.0, reserve=0.0,
    )  # fmt: skip
    world.open(population)
    population.watch[:] = population.alarm_at[:] = 1.25
    steps = []
    for _ in range(30):
        steps += [(intent.act, intent.token, intent.token2) for intent in world.step(population)]
    assert steps[:4] == [(Act.WITHDRAW, BTC, -1), (Act.SWAP, BTC, USD), (Act.SWAP, USD, ETH), (Act.REPAY, ETH, -1)]
    assert world.health()[0] == pytest.approx(1.5, rel=1e-2)


def test_sales_are_attributed():
    world, population = one(Response.DELEVERAGE)
    world.step(population)
    (swap,) = world.step(population)
    assert (swap.act, swap.motive, swap.cause) == (Act.SWAP, Motive.DELEVERAGING, 40 + ETH)


def test_collateral_that_is_also_the_gas_coin_is_not_sold_to_the_last():
    world, population = one(Response.DELEVERAGE)
    world.gas_reserve = 10**6
    world.balances[ETH] += 10**6
    acts = [act for act, _ in deleverage(world, population)]
    assert acts[:3] == [Act.WITHDRAW, Act.SWAP, Act.REPAY]
    assert world.balances[ETH, 0] >= 10**6


def test_too_late_to_withdraw():
    world, population = one(Response.DELEVERAGE)
    world.reprice(1_680.0)
    assert world.health()[0] == pytest.approx(1.008, rel=1e-6)
    assert deleverage(world, population) == []
    world.reprice(1_800.0)
    assert deleverage(world, population)[0][0] == Act.WITHDRAW


def test_delay_passes_before_acting():
    world, population = one(Response.TOP_UP, reserve=1.0, reaction_delay=(4, 4))
    assert [len(world.step(population)) for _ in range(6)] == [0, 0, 0, 0, 1, 0]


def test_a_transaction_without_effect_is_repeated_at_multiples_of_the_patience():
    world, population = one(Response.TOP_UP, reserve=1.0, patience=5)
    sent = [len(world.step(population, run=False)) for _ in range(12)]
    assert sent == [1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0]


def test_nothing_is_sent_while_a_transaction_waits():
    world, population = one(Response.DELEVERAGE)
    assert len(world.step(population, run=False)) == 1
    world.waiting[:] = True
    assert [world.step(population) for _ in range(30)] == [[]] * 30
    world.waiting[:] = False
    assert deleverage(world, population)[0][0] == Act.WITHDRAW


def test_nothing_more_once_liquidated_away():
    world, population = one(Response.DELEVERAGE)
    world.step(population)
    world.balances[3:] = 0
    assert world.health()[0] == np.inf
    assert [world.step(population) for _ in range(20)] == [[]] * 20


def test_ignoring_accounts_never_act():
    world, population = FakeWorld(300), borrowers(300, top_up=0.0, deleverage=0.0)
    world.open(population)
    world.reprice(900.0)
    assert deleverage(world, population, 5) == []


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), order=st.permutations(range(40)))
def test_rows_may_be_permuted(seed, order):
    world, population = (
        FakeWorld(40),
        borrowers(40, top_up=0.4, deleverage=0.4, alarm=(1.1, 1.4), reaction_delay=(0, 3)),
    )
    world.open(population, seed)
    world.reprice(1_700.0)
    other, twin = permuted(world, population, np.array(order))
    for _ in range(8):
        assert by_label(population, world.step(population)) == by_label(twin, other.step(twin))
    assert np.array_equal(world.balances[:, order], other.balances)


# Settings ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({}, None),
        ({"health": [(0.0, 2.0), (1.0, 1.0)]}, ("health", "[1, 1] follows [0, 2]: health factors must not fall")),
        ({"top_up": 0.7, "deleverage": 0.6}, ("top_up", "with deleverage it is 1.3; at most 1 together")),
        ({"target": 1.1}, ("target", "1.1 is below the highest alarm, 1.2")),
        ({"alarm": (1.3, 1.1)}, ("alarm", "found [1.3, 1.1]; the first is the lower bound")),
        ({"health": None}, ("health", "give either health (with debt_usd) or accounts, the file they come from")),
        ({"debt_usd": None}, ("debt_usd", "goes with health; loans of an accounts file have the sizes of the file")),
        ({"health": []}, ("health", "is empty; give pairs [quantile, health factor]")),
    ],
)
def test_check(settings, fault):
    assert borrowers(3, **settings).check() == ([] if fault is None else [fault])
