"""Losses: who carries the debt that nothing backs, when it shows, and what is on record."""

import numpy as np
import pytest

from sim import exposure
from sim.events import Kind
from sim.intents import ALL, Act, Intent
from tests.worlds import DEPTH, LENDING, ORACLE, STILL, do, events_of, holding, make_world, people, run

USD, ETH = 10**6, 10**8
V2 = LENDING.replace('kind = "pooled_lending"', 'kind = "pooled_lending"\nversion = "aave_v2"')
BANK = people("bank", 2, USD=3e4, opens='[["deposit", "aave", "USD", 2e4]]')
SHAKY = people(
    "shaky", ETH=10.0, USD=0.0, opens='[["deposit", "aave", "ETH", 10.0], ["borrow", "aave", "USD", 15000.0]]'
)
KEEPER = people("keeper", kind="responder", USD=1e5, ETH=1.0)
GAP = '[[shocks]]\nname = "gap"\nkind = "price_jump"\nat = 2\nasset = "ETH"\nsize = -0.5\n'


def reply(view, breaches):
    """Liquidate whatever can be, with own money, and keep what was seized."""
    return [
        Intent(
            Act.LIQUIDATE, found.venue, view.accounts, int(found.debt_asset[i]), int(found.repay[i]),
            token2=int(found.collateral_asset[i]), subject=int(found.account[i]), cause=int(found.event[i]), tip=5.0,
        )
        for found in breaches.values()
        for i in range(found.account.size)
    ]  # fmt: skip


def make(*more, lending=LENDING, **kwargs):
    world = make_world(STILL, DEPTH, lending, ORACLE, BANK, SHAKY, KEEPER, GAP, *more, **kwargs)
    world.population("keeper").reply = reply
    return world


def value(world, token):
    exposure.revalue(world)
    return float(world.prices.values[world.tokens[token].index])


MISSING = 15_000.0 - 10 * 1_000.0 / 1.05
"""What is left of the debt when all collateral, 10 ETH at 1,000 USD, has been seized with a bonus of 5%."""


def test_a_deficit_is_written_off_and_carried_by_the_holders_of_receipts():
    world = make()
    run(world)
    pool = world.protocol("aave")
    bad = events_of(world, Kind.BAD_DEBT)
    assert bad["amount"] == [pytest.approx(MISSING * USD, rel=1e-3)]
    assert bad["value"] == [pytest.approx(MISSING, rel=1e-3)]
    assert bad["cause"] == events_of(world, Kind.LIQUIDATION)["id"]
    assert holding(world, "shaky", "aave.debt.USD") == 0
    assert pool.losses.deficit[1] == pytest.approx(bad["amount"][0], rel=1e-5)  # the treasury had a few cents
    assert pool.losses.stranded == {}
    cover = 1.0 - pool.losses.deficit[1] / (40_000.0 * USD)
    assert pool.quote(world).cover == pytest.approx([1.0, cover], rel=1e-4)
    assert value(world, "aave.receipt.USD") == pytest.approx(pool.supply_index[1] * cover, rel=1e-4)


def test_what_receipts_are_worth_is_what_cash_and_sound_debt_back():
    for lending in (LENDING, V2):
        world = make(
            people("sound", ETH=20.0, opens='[["deposit", "aave", "ETH", 20.0], ["borrow", "aave", "USD", 4000.0]]'),
            lending=lending,
        )
        run(world)
        pool = world.protocol("aave")
        worth = value(world, "aave.receipt.USD") * -holding(world, "aave", "aave.receipt.USD") / USD
        sound = -holding(world, "sound", "aave.debt.USD") * pool.borrow_index[1] / USD
        fees_due = float(pool._due[1]) / USD
        assert worth == pytest.approx(holding(world, "aave", "USD") / USD + sound - fees_due, rel=1e-6)


def test_impaired_claims_are_on_record_with_the_loss_that_did_it():
    for lending in (LENDING, V2):
        world = make(lending=lending)
        run(world)
        found = events_of(world, Kind.CLAIM_IMPAIRED)
        last_loss = max(events_of(world, Kind.BAD_DEBT)["id"] + events_of(world, Kind.LOSS_ABSORBED)["id"])
        assert found["token"] == [world.tokens["aave.receipt.USD"].index]
        assert found["protocol"] == [world.protocol("aave").index]
        assert found["cause"] == [last_loss]
        assert found["tick"] == [2]
        assert found["value"] == [pytest.approx(MISSING, rel=2e-2)]


def test_suppliers_lose_in_proportion_to_what_they_hold():
    world = make()
    bank = world.population("bank").lo
    world.ledger.move(world.tokens["aave.receipt.USD"].index, bank, bank + 1, 10**10, 0)  # 10,000 and 30,000
    exposure.revalue(world)
    before = exposure.wealth_by_account(world)[bank : bank + 2]
    run(world)
    exposure.revalue(world)
    lost = (
        before - exposure.wealth_by_account(world)[bank : bank + 2] - 0.5 * 1_000.0
    )  # and half the worth of their gas coin
    assert lost == pytest.approx([MISSING / 4, 3 * MISSING / 4], rel=1e-3)


def test_the_treasury_pays_first():
    world = make()
    pool = world.protocol("aave")
    receipt = world.tokens["aave.receipt.USD"].index
    world.ledger.move(receipt, world.population("bank").lo, pool.treasury, 2_000 * USD, 0)
    run(world)
    (absorbed,) = events_of(world, Kind.LOSS_ABSORBED)["amount"]
    assert absorbed == pytest.approx(2_000 * USD, rel=1e-3)
    assert world.ledger.balance[receipt, pool.treasury] < 10 * USD  # what interest has brought since
    assert pool.losses.deficit[1] == pytest.approx((MISSING - 2_000) * USD, rel=1e-3)


def test_a_rich_treasury_leaves_nobody_impaired():
    world = make()
    pool = world.protocol("aave")
    receipt = world.tokens["aave.receipt.USD"].index
    world.ledger.move(receipt, world.population("bank").lo, pool.treasury, 10_000 * USD, 0)
    run(world)
    assert pool.losses.deficit[1] == 0
    assert pool.quote(world).cover.tolist() == [1.0, 1.0]
    assert events_of(world, Kind.CLAIM_IMPAIRED)["id"] == []
    left = world.ledger.balance[receipt, pool.treasury] * pool.supply_index[1]
    assert left == pytest.approx((10_000 - MISSING) * USD, rel=1e-3)


def test_before_version_3_3_the_debt_stays_and_strands_the_receipts():
    world = make(lending=V2)
    run(world)
    pool = world.protocol("aave")
    bad = events_of(world, Kind.BAD_DEBT)
    owed = -holding(world, "shaky", "aave.debt.USD") * pool.borrow_index[1]
    assert len(events_of(world, Kind.LIQUIDATION)["id"]) > 1  # half the debt at a time
    assert bad["amount"] == [pytest.approx(MISSING * USD, rel=2e-2)]
    assert owed == pytest.approx(bad["amount"][0], rel=1e-3)
    assert pool.losses.deficit.tolist() == [0, 0]
    assert events_of(world, Kind.LOSS_ABSORBED)["id"] == []
    assert pool.quote(world).cover[1] == pytest.approx(1.0 - owed / (40_000.0 * USD), rel=1e-3)


def test_stranded_debt_that_is_repaid_after_all_backs_receipts_again():
    world = make(lending=V2)
    run(world)
    pool, shaky = world.protocol("aave"), world.population("shaky").lo
    world.ledger.move(0, 0, shaky, 10_000 * USD, 0)
    assert do(world, "shaky", Act.REPAY, "aave", "USD", ALL).done
    assert pool.quote(world).cover.tolist() == [1.0, 1.0]


def test_stranded_debt_that_finds_collateral_again_backs_receipts_again():
    world = make(lending=V2)
    run(world)
    world.ledger.move(1, 0, world.population("shaky").lo, 20 * ETH, 0)
    assert do(world, "shaky", Act.DEPOSIT, "aave", "ETH", 20 * ETH).done
    assert world.protocol("aave").quote(world).cover.tolist() == [1.0, 1.0]


def test_an_account_emptied_twice_is_bad_debt_once():
    world = make(lending=V2)
    run(world, 4)
    pool, shaky = world.protocol("aave"), world.population("shaky").lo
    booked = events_of(world, Kind.BAD_DEBT)["amount"]
    world.ledger.move(1, 0, shaky, ETH, 0)
    assert do(world, "shaky", Act.DEPOSIT, "aave", "ETH", ETH).done
    run(world, 4)
    owed = -holding(world, "shaky", "aave.debt.USD") * pool.borrow_index[1]
    assert holding(world, "shaky", "aave.receipt.ETH") == 0
    again = events_of(world, Kind.BAD_DEBT)["amount"]
    assert again == booked  # the second emptying left less owed than the first
    assert pool.quote(world).cover[1] == pytest.approx(1.0 - owed / (40_000.0 * USD), rel=1e-3)


def test_the_loss_shows_in_the_contagion_phase_and_not_before():
    world = make()
    seen = []

    def watch(view, breaches):
        seen.append(float(view.quotes["aave"].cover[1]))
        return reply(view, breaches)

    world.population("keeper").reply = watch
    world.population("bank").script = lambda view, draws: (
        seen.append((view.tick, float(view.quotes["aave"].cover[1]))) or []
    )
    run(world, 4)
    assert seen[:5] == [(0, 1.0), (1, 1.0), (2, 1.0), 1.0, 1.0]
    tick, cover = seen[5]
    assert tick == 3
    assert cover < 0.9


def test_suppliers_of_a_pool_with_a_deficit_are_not_paid_interest_nobody_owes():
    world = make(
        people("sound", ETH=200.0, opens='[["deposit", "aave", "ETH", 200.0], ["borrow", "aave", "USD", 20000.0]]')
    )
    run(world, 3)
    pool = world.protocol("aave")
    owed, index = float(pool._owed[1]), float(pool.supply_index[1])
    quote = pool.quote(world)
    nominal = -holding(world, "aave", "aave.receipt.USD") * index
    owed = float(pool._owed[1])
    paid, earned = owed * quote.borrow_rate[1] * 0.9, nominal * quote.supply_rate[1]
    assert pool.losses.deficit[1] > 0
    assert earned == pytest.approx(paid, rel=1e-4)


def test_health_scans_and_ledger_survive_a_total_loss():
    wipe = GAP.replace("-0.5", "-0.999999")
    for lending in (LENDING, V2):
        world = make_world(STILL, DEPTH, lending, ORACLE, BANK, SHAKY, KEEPER, wipe)
        world.population("keeper").reply = reply
        run(world)
        assert not world.ledger.residuals().any()
        assert np.isfinite(world.protocol("aave").quote(world).cover).all()


COINS = [f"C{i}" for i in range(9)]


def test_writing_off_debts_in_many_reserves_finds_room_for_every_posting():
    assets = "".join(f'[[assets]]\nname = "{coin}"\nprice = 1.0\n' for coin in COINS)
    assets += f'[[processes]]\nname = "coins"\nkind = "gbm"\nvolatility = 0.0\nassets = {COINS}\n'
    reserve = (
        '[[protocols.reserves]]\nasset = "{}"\nltv = 0.7\nliquidation_threshold = 0.75\nliquidation_bonus = 0.05\n'
    )
    many = LENDING + "".join(map(reserve.format, COINS))
    lender = people(
        "lender", opens=str([["deposit", "aave", coin, 1e4] for coin in COINS]), **dict.fromkeys(COINS, 1e4)
    )
    loans = [["deposit", "aave", "ETH", 10.0], *(["borrow", "aave", coin, 1600.0] for coin in COINS)]
    world = make_world(STILL, DEPTH, assets, many, ORACLE, lender, people("wide", ETH=10.0, opens=str(loans)), KEEPER)
    pool, wide = world.protocol("aave"), world.population("wide").lo
    world.oracle("feed")._price = 100.0  # 10 ETH are worth less than the first loan
    pool.mark(world)
    world.ledger.move(world.tokens["C0"].index, 0, world.population("keeper").lo, 10**10, 0)
    asked, book, before = [], world.ledger.book, world.ledger.postings
    world.ledger.book = lambda postings: asked.append(postings) or book(postings)
    assert do(world, "keeper", Act.LIQUIDATE, "aave", "C0", ALL, token2="ETH", subject=wide).done
    assert world.ledger.postings - before <= sum(asked)
    assert len(events_of(world, Kind.BAD_DEBT)["id"]) == len(COINS)
    assert not (world.ledger.balance[pool.debts, wide]).any()
    assert np.array_equal(world.ledger.replay(), world.ledger.balance)
