"""Liquidation through whole ticks: breaches, flash loans, own capital, deficits, and what is on record."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim import exposure
from sim.events import Kind
from sim.intents import ALL, Act, Intent
from sim.model import SpilloverModel
from tests.worlds import DEPTH, LENDING, ORACLE, STILL, do, events_of, holding, make_world, people, run, set_price

USD, ETH = 10**6, 10**8
V2 = LENDING.replace('kind = "pooled_lending"', 'kind = "pooled_lending"\nversion = "aave_v2"')
BANK = people("bank", USD=1e6, opens='[["deposit", "aave", "USD", 1e6]]')
SHAKY = people(
    "shaky", ETH=10.0, USD=0.0, opens='[["deposit", "aave", "ETH", 10.0], ["borrow", "aave", "USD", 15000.0]]'
)
KEEPER = people("keeper", kind="responder", USD=0.0, ETH=1.0)


def fall(size, at=2, name="fall"):
    return f'[[shocks]]\nname = "{name}"\nkind = "price_jump"\nat = {at}\nasset = "ETH"\nsize = {size}\n'


def make(*more, lending=LENDING, keeper=KEEPER, **kwargs):
    world = make_world(STILL, DEPTH, lending, ORACLE, BANK, SHAKY, keeper, *more, **kwargs)
    world.population("keeper").reply = greedy
    return world


def greedy(view, breaches):
    """Sell everything that was seized, liquidate everything that can be."""
    sent = []
    coins = view.spendable(1) - 10**8
    if coins[0] > 0:
        sent.append(Intent(Act.SWAP, view.venue("market"), view.accounts, 1, coins, token2=0, motive=11))
    for found in breaches.values():
        for i in range(found.account.size):
            debt, collateral = int(found.debt_asset[i]), int(found.collateral_asset[i])
            amount, subject, cause = int(found.repay[i]), int(found.account[i]), int(found.event[i])
            sent.append(
                Intent(
                    Act.LIQUIDATE, found.venue, view.accounts, debt, amount, token2=collateral, subject=subject,
                    cause=cause, tip=5.0,
                )
            )  # fmt: skip
    return sent


def flash_debt(world):
    return -holding(world, "keeper", "aave.flash.USD")


def test_a_flash_liquidation_repays_half_seizes_with_bonus_and_leaves_no_flash_debt():
    world = make(fall(-0.1), sets=["chain.allowance=1.0"])
    cash, owed = [], []
    keeper = world.population("keeper")

    def watch(view, breaches):
        owed.append(flash_debt(world))
        cash.append(holding(world, "aave", "USD"))
        return greedy(view, breaches)

    keeper.reply = watch
    run(world)
    (event,) = events_of(world, Kind.LIQUIDATION)["id"]
    repaid, coins = 7_500.0, 7_500.0 * 1.05 / 1_800.0
    row = {name: int(world.events.column(name)[event]) for name in ("tick", "actor", "subject", "token", "amount")}
    assert row == {
        "tick": 2, "actor": keeper.lo, "subject": world.population("shaky").lo, "token": 1,
        "amount": pytest.approx(coins * ETH, rel=1e-4),
    }  # fmt: skip
    assert world.events.value[event] == pytest.approx(repaid, rel=1e-4)
    assert owed == [0, pytest.approx(repaid * 1.0005 * USD, rel=1e-5), 0]
    assert flash_debt(world) == 0
    assert cash[0] == cash[1] == pytest.approx(985_000 * USD)  # lent and repaid at once, given back after the sale
    assert cash[2] == pytest.approx((985_000 + repaid * 1.0005) * USD, rel=1e-9)
    fee = (coins - coins / 1.05) * 0.1
    proceeds = (coins - fee) * 1_800.0 * 0.9995
    assert holding(world, "keeper", "USD") / USD == pytest.approx(proceeds - repaid * 1.0005, abs=10.0)
    assert holding(world, "shaky", "aave.receipt.ETH") == pytest.approx((10 - coins) * ETH, rel=1e-4)
    pool = world.protocol("aave")
    assert world.ledger.balance[pool.receipts[0], pool.treasury] == pytest.approx(fee * ETH, rel=1e-3)
    assert pool.health[world.population("shaky").lo] == pytest.approx((10 - coins) * 1800 * 0.83 / 7500, rel=1e-3)


def test_own_capital_is_used_where_there_is_enough_of_it():
    rich = KEEPER.replace("USD = 0.0", "USD = 50000.0")
    world = make(fall(-0.1), keeper=rich)
    run(world)
    assert len(events_of(world, Kind.LIQUIDATION)["id"]) == 1
    assert events_of(world, Kind.FLASH_LOAN)["id"] == []
    assert holding(world, "aave", "USD") == pytest.approx((985_000 + 7_500) * USD, rel=1e-6)
    assert holding(world, "keeper", "USD") > 50_000 * USD


def test_the_chain_of_causes_leads_from_the_sale_to_the_shock():
    world = make(fall(-0.1))
    run(world)
    (event,) = events_of(world, Kind.LIQUIDATION)["id"]
    kinds = [Kind(int(world.events.column("kind")[link])).name for link in world.events.chain(event)]
    assert kinds == ["LIQUIDATION", "BREACH", "ORACLE_UPDATE", "SHOCK", "GENESIS"]
    breach = world.events.chain(event)[1]
    assert world.events.value[breach] == pytest.approx(15_000.0, rel=1e-4)


def test_a_breach_is_logged_once_until_it_is_cured_and_again_when_it_comes_back():
    world = make(fall(-0.1), fall(1 / 0.9 - 1, 5, "rise"), fall(-0.12, 8, "again"))
    world.population("keeper").reply = lambda view, breaches: []
    run(world)
    found = events_of(world, Kind.BREACH)
    updates = events_of(world, Kind.ORACLE_UPDATE)
    assert found["tick"] == [2, 8]
    by_id = dict(zip(updates["id"], updates["tick"], strict=True))
    assert [by_id[cause] for cause in found["cause"]] == [2, 8]


def test_a_hard_coded_oracle_sees_no_breach_and_the_loss_stays_hidden():
    stuck = ORACLE + "faulty = 1\n"
    world = make_world(STILL, DEPTH, LENDING, stuck, BANK, SHAKY, KEEPER, fall(-0.6))
    world.population("keeper").reply = greedy
    run(world)
    assert events_of(world, Kind.BREACH)["id"] == events_of(world, Kind.LIQUIDATION)["id"] == []
    pool = world.protocol("aave")
    assert pool.quote(world).oracle[0] == pytest.approx(2000.0)
    assert pool.health[world.population("shaky").lo] == pytest.approx(16_600 / 15_000, rel=1e-3)
    assert world.spot()[1] == pytest.approx(800.0)


@pytest.mark.parametrize(
    ("price", "order", "reason"),
    [
        (2_000.0, {}, "health factor is not below 1"),
        (1_500.0, {"token": "ETH"}, "the account owes nothing in this reserve"),
        (1_500.0, {"token2": "USD"}, "this reserve is not collateral of the account"),
        (1_500.0, {"token": "aave.debt.USD"}, "the pool lists no such reserve"),
        (1_500.0, {"amount": 0}, "the amount repays or seizes less than one atom"),
        (
            1_500.0,
            {"amount": 13_800 * USD},
            "would leave dust: repay less, or close the debt or the collateral entirely",
        ),
    ],
)
def test_liquidations_that_make_no_sense_say_why(price, order, reason):
    world = make()
    world.oracle("feed")._price = price
    world.protocol("aave").mark(world)
    sent = {"token": "USD", "amount": USD, "token2": "ETH", "subject": world.population("shaky").lo} | order
    found = do(world, "keeper", Act.LIQUIDATE, "aave", sent.pop("token"), sent.pop("amount"), **sent)
    assert (found.done, found.reason) == (False, reason)


def test_a_pool_without_cash_pays_nothing_out_and_books_no_loss():
    whale = people("whale", USD=5e5, opens='[["deposit", "aave", "USD", 5e5], ["borrow", "aave", "ETH", 9.99]]')
    for lending in (LENDING, V2):
        world = make(whale, lending=lending)
        world.oracle("feed")._price = 700.0
        world.protocol("aave").mark(world)
        shaky = world.population("shaky").lo
        before = world.ledger.balance.copy()
        found = do(world, "keeper", Act.LIQUIDATE, "aave", "USD", ALL, token2="ETH", subject=shaky)
        assert found.reason == "the pool has no cash to pay the collateral or to lend the repayment"
        assert events_of(world, Kind.BAD_DEBT)["id"] == []
        assert not world.protocol("aave").exposed(world)
        assert np.array_equal(world.ledger.balance, before)


def test_an_account_liquidated_twice_in_a_block_is_seen_as_the_first_left_it():
    world = make(people("other", kind="responder", USD=50_000.0))
    world.oracle("feed")._price = 1_800.0
    world.protocol("aave").mark(world)
    shaky = world.population("shaky").lo
    first = do(world, "other", Act.LIQUIDATE, "aave", "USD", ALL, token2="ETH", subject=shaky)
    second = do(world, "other", Act.LIQUIDATE, "aave", "USD", ALL, token2="ETH", subject=shaky)
    assert (first.done, second.reason) == (True, "health factor is not below 1")


def test_version_2_closes_half_at_a_time_and_takes_no_fee():
    world = make(fall(-0.1), lending=V2)
    run(world)
    found = events_of(world, Kind.LIQUIDATION)
    assert found["value"][0] == pytest.approx(7_500.0, rel=1e-4)
    pool = world.protocol("aave")
    assert world.ledger.balance[pool.receipts, pool.treasury].tolist()[0] == 0


@settings(max_examples=25)
@given(st.floats(600.0, 1_990.0), st.integers(1, 20_000 * USD), st.booleans())
def test_a_liquidation_never_leaves_the_protocol_with_less_than_the_rules_say(price, offered, modern):
    world = make(lending=LENDING if modern else V2)
    world.oracle("feed")._price = price
    pool, shaky = world.protocol("aave"), world.population("shaky").lo
    pool.mark(world)
    before = pool.health[shaky]
    receipts, debt = holding(world, "shaky", "aave.receipt.ETH"), -holding(world, "shaky", "aave.debt.USD")
    found = do(world, "keeper", Act.LIQUIDATE, "aave", "USD", offered, token2="ETH", subject=shaky)
    if not found.done:
        assert np.array_equal(world.ledger.residuals(), np.zeros(len(world.tokens)))
        return
    seized = receipts - holding(world, "shaky", "aave.receipt.ETH")
    repaid = world.events.value[found.event]
    assert before < 1.0
    assert repaid <= min(offered, debt) / USD + 1e-6
    assert seized / ETH * price <= repaid * 1.05 + 1e-3  # never more than the bonus
    assert flash_debt(world) == pytest.approx(repaid * 1.0005 * USD, abs=2)
    pool.mark(world)
    still_owes = holding(world, "shaky", "aave.debt.USD") < 0
    if still_owes and price * 0.83 * 1.05 * 10 / 15_000 > 1.0:
        assert pool.health[shaky] >= before - 1e-9


def test_liquidations_in_one_tick_can_take_several_accounts_down():
    herd = people(
        "herd", 5, ETH=10.0, USD=0.0, opens='[["deposit", "aave", "ETH", 10.0], ["borrow", "aave", "USD", 15000.0]]'
    )
    world = make(herd, fall(-0.1))
    run(world)
    found = events_of(world, Kind.LIQUIDATION)
    assert len(set(found["subject"])) == 6
    assert set(found["tick"]) == {2}
    assert flash_debt(world) == 0


def test_efficiency_mode_terms_apply_to_the_bonus():
    emode = (
        '[[protocols.emodes]]\nlabel = "x"\nltv = 0.93\nliquidation_threshold = 0.95\nliquidation_bonus = 0.01\n'
        'collateral = ["ETH"]\nborrowable = ["USD"]\n'
    )
    world = make(people("bold", ETH=10.0, USD=0.0), lending=LENDING + emode)
    bold = world.population("bold").lo
    do(world, "bold", Act.DEPOSIT, "aave", "ETH", 10 * ETH)
    assert do(world, "bold", Act.SET_MODE, "aave", "USD", 1).done
    assert do(world, "bold", Act.BORROW, "aave", "USD", 18_500 * USD).done
    world.oracle("feed")._price = 1_940.0
    found = world.protocol("aave").mark(world)
    assert found.account.tolist() == [bold]
    worth = found.seize[0] / ETH * 1_940.0 / (found.repay[0] / USD)
    assert worth == pytest.approx(1.01 - 0.001, rel=1e-6)  # a tenth of the bonus is the treasury's


def test_receipts_keep_their_value_through_a_liquidation_without_loss():
    world = make(fall(-0.1))
    model = SpilloverModel(world)
    model.step()
    exposure.revalue(world)
    before = world.prices.values[world.tokens["aave.receipt.USD"].index]
    model.run()
    assert world.prices.values[world.tokens["aave.receipt.USD"].index] >= before
    assert world.protocol("aave").quote(world).cover.tolist() == [1.0, 1.0]


def test_marking_reads_the_oracle_of_the_moment():
    world = make()
    set_price(world, "ETH", 1_500.0)
    pool = world.protocol("aave")
    assert pool.mark(world) is None  # the market fell, the oracle has not said so yet
    world.oracle("feed").publish(world)
    assert pool.mark(world).account.tolist() == [world.population("shaky").lo]
