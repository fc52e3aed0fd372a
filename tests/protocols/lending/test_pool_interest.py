"""Interest: what borrowers pay is what suppliers and the treasury get."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.events import Kind
from sim.intents import ALL, Act, Intent
from sim.model import SpilloverModel
from sim.units import SECONDS_PER_YEAR
from tests.worlds import DEPTH, LENDING, STILL, do, events_of, holding, make_world, people, run

USD, ETH = 10**6, 10**8
BANK = people("bank", USD=2e6, opens='[["deposit", "aave", "USD", 1e6]]')
BOB = people(
    "bob", USD=1e5, ETH=500.0, opens='[["deposit", "aave", "ETH", 500.0], ["borrow", "aave", "USD", 790000.0]]'
)


def make(*more, lending=LENDING, ticks=240, dt="1h", sets=()):
    return make_world(STILL, DEPTH, lending, BANK, BOB, *more, sets=[f"run.ticks={ticks}", f"run.dt={dt}", *sets])


def totals(world):
    """USD atoms owed by borrowers, owned by suppliers, in cash, and due to the treasury but not minted yet."""
    pool = world.protocol("aave")
    owed = float(world.ledger.balance[pool.debts[1], pool.account] * pool.borrow_index[1])
    owned = float(-world.ledger.balance[pool.receipts[1], pool.account] * pool.supply_index[1])
    return owed, owned, holding(world, "aave", "USD"), float(pool._due[1])


@settings(max_examples=12)
@given(st.floats(0.0, 0.9), st.sampled_from(["10min", "1h", "1d"]), st.integers(1, 60))
def test_what_borrowers_pay_is_what_suppliers_and_treasury_get(factor, dt, ticks):
    lending = LENDING + f"reserve_factor = {factor}\n"
    world = make(lending=lending, ticks=ticks, dt=dt)
    owed, owned, cash, _ = totals(world)
    run(world)
    owed_after, owned_after, cash_after, due = totals(world)
    paid, earned = owed_after - owed, owned_after + due - owned
    assert paid > 0.0
    # Debt compounds within a tick and deposits do not: the difference, x/2 of a tick's interest, stays in the pool.
    within_a_tick = 0.2 * world.clock.dt_years * paid
    assert -ticks - 2 <= paid - earned <= within_a_tick + ticks + 2
    assert cash_after == cash
    treasury = holding_of_treasury(world) * world.protocol("aave").supply_index[1]
    if factor > 0.0:
        least = paid * factor - ticks - 2
        # At most what its own receipts have earned on top.
        assert least <= treasury + due <= (paid * factor + ticks + 2) * world.protocol("aave").supply_index[1]
    else:
        assert treasury == due == 0.0


def holding_of_treasury(world):
    pool = world.protocol("aave")
    return int(world.ledger.balance[pool.receipts[1], pool.treasury])


@settings(max_examples=12)
@given(
    st.lists(
        st.tuples(st.sampled_from(["deposit", "withdraw", "borrow", "repay"]), st.integers(1, 3 * 10**11)), max_size=20
    )
)
def test_the_books_balance_while_people_come_and_go(acts):
    world = make(ticks=len(acts) + 2, lending=LENDING + "reserve_factor = 0.2\n")
    script = {tick: [act] for tick, act in enumerate(acts)}

    def who(name, verbs):
        def decide(view, draws):
            return [
                Intent(Act[verb.upper()], view.venue("aave"), view.accounts, 0, amount)
                for verb, amount in script.get(view.tick, [])
                if verb in verbs
            ]

        world.population(name).script = decide

    who("bank", ("deposit", "withdraw"))
    who("bob", ("borrow", "repay"))
    model = SpilloverModel(world)
    while model.running:
        model.step()
        owed, owned, cash, due = totals(world)
        # Assets less liabilities: rounding and compounding within a tick may leave something over, never too little.
        assert -2.0 * (world.clock.tick + 2) <= cash + owed - owned - due <= 1e-6 * owned + 1e3


def test_rates_follow_utilisation_and_indices_follow_rates():
    world = make(ticks=1, dt="1d")
    pool = world.protocol("aave")
    quote = pool.quote(world)
    assert quote.utilisation[1] == pytest.approx(0.79)
    assert quote.borrow_rate[1] == pytest.approx(0.055 * 0.79 / 0.92)
    assert quote.supply_rate[1] == pytest.approx(quote.borrow_rate[1] * 0.79 * 0.9)
    assert (quote.borrow_rate[0], quote.supply_rate[0]) == (0.0, 0.0)
    run(world)
    x = quote.borrow_rate[1] * 86_400 / SECONDS_PER_YEAR
    assert pool.borrow_index[1] == pytest.approx(1 + x + x**2 / 2 + x**3 / 6, rel=1e-14)
    assert pool.supply_index[1] == pytest.approx(1 + quote.supply_rate[1] / 365, rel=1e-14)
    assert pool.borrow_index[0] == pool.supply_index[0] == 1.0


def test_interest_starts_with_the_loan_and_not_a_tick_later():
    world = make(ticks=3, dt="1d")
    world.population("bob").script = lambda view, draws: (
        [Intent(Act.REPAY, view.venue("aave"), view.accounts, 0, 50_000 * USD)] if view.tick == 0 else []
    )
    run(world, 1)
    owed = totals(world)[0]
    rate = 0.055 * (owed / (owed + holding(world, "aave", "USD"))) / 0.92
    run_one_more = SpilloverModel(world)
    run_one_more.step()
    assert totals(world)[0] == pytest.approx(owed * (1 + rate / 365), rel=1e-8)


def test_the_treasury_is_paid_by_the_hour_and_on_record():
    world = make(ticks=25, dt="10min", lending=LENDING + "reserve_factor = 0.5\n")
    run(world)
    fees = events_of(world, Kind.FEE)
    pool = world.protocol("aave")
    assert fees["tick"] == [0, 6, 12, 18, 24]
    assert set(fees["actor"]) == {pool.treasury}
    assert sum(fees["amount"]) == holding_of_treasury(world)
    assert not np.signbit(pool._due).any()


def test_time_makes_a_loan_unhealthy():
    risky = people(
        "risky", ETH=10.0, USD=0.0, opens='[["deposit", "aave", "ETH", 10.0], ["borrow", "aave", "USD", 16590.0]]'
    )
    world = make(risky, ticks=200, dt="1d", sets=["record.checks=sampled"])
    run(world)
    breaches = events_of(world, Kind.BREACH)
    assert breaches["actor"] == [world.population("risky").lo]
    assert breaches["tick"][0] > 0


def test_a_saver_earns_and_leaves_with_more():
    world = make(ticks=300, dt="1d", sets=["record.checks=sampled"])
    before = holding(world, "bank", "USD")
    run(world)
    assert do(world, "bob", Act.REPAY, "aave", "USD", 100_000 * USD).done
    assert do(world, "bank", Act.WITHDRAW, "aave", "USD", 300_000 * USD).done
    left = holding(world, "bank", "aave.receipt.USD") * world.protocol("aave").supply_index[1]
    assert holding(world, "bank", "USD") + left - before > 1_000_000 * USD
    assert do(world, "bank", Act.WITHDRAW, "aave", "USD", ALL).reason == "the pool has no cash"
