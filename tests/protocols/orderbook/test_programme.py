"""Agreements with market makers: who serves them, what they receive and lose, exact to the atom."""

import numpy as np
import pytest

from sim.errors import ConfigError
from sim.events import Kind
from sim.intents import ALL, Act, Flag, Intent
from sim.interfaces import Protocol
from sim.phases import look
from tests.worlds import DEPTH, STILL, do, events_of, holding, make_world, people, run

BOOK = """
[[protocols]]
name = "book"
kind = "order_book"
[[protocols.books]]
asset = "ETH"
tick_size = 0.5
lot_size = 0.01
"""
TERMS = """
[[protocols]]
name = "deal"
kind = "maker_programme"
venue = "book"
asset = "ETH"
max_spread = 0.02
min_size_usd = 2000.0
uptime = 0.75
epoch = "40min"
rebate_usd = 30.0
penalty_usd = 100.0
budget_usd = 100.0
"""
"""Epochs of four ticks, of which three have to be served; at a mid of 2,000 the obligation is one ETH on each side."""
BONDED = '[["deposit", "deal", "USD", 500.0]]'
USD, ETH = 10**6, 10**8


def floor(*more, terms=TERMS, makers=3, sets=()):
    """A world with an order book, a programme and makers who are enrolled."""
    crowd = people("makers", makers, USD=1e5, ETH=50.0, opens=BONDED)
    return make_world(STILL, BOOK, terms, crowd, *more, sets=sets)


def quoting(world, ticks, distance=5.0, size=1.0):
    """Script: account i quotes both sides during the first ticks[i] ticks of every epoch, then withdraws."""
    asset, ticks = world.tokens["ETH"].index, np.array(ticks)

    def script(view, draws):
        place, sent = view.tick % 4, []
        starts, stops = np.flatnonzero((place == 0) & (ticks > 0)), np.flatnonzero((ticks == place) & (ticks > 0))
        amount = np.full(starts.size, round(size * ETH))
        for act, sign in ((Act.LIMIT_BUY, -1.0), (Act.LIMIT_SELL, 1.0)):
            limit = 2_000.0 + sign * distance
            if starts.size:
                flag = int(Flag.POST_ONLY)
                sent.append(
                    Intent(act, view.venue("book"), view.accounts[starts], asset, amount, limit=limit, subject=flag)
                )
        if stops.size:
            sent.append(Intent(Act.CANCEL, view.venue("book"), view.accounts[stops], asset, ALL, tip=0.5))
        return sent

    world.population("makers").script = script
    return world


def bond(world, row):
    return holding(world, "makers", "deal.bond", row)


def test_those_who_serve_are_paid_and_the_others_fined_in_proportion():
    world = quoting(floor(), [4, 3, 1])
    before = [holding(world, "makers", "USD", row) for row in range(3)]
    run(world, 4)
    cash = [holding(world, "makers", "USD", row) - before[row] for row in range(3)]
    locked = [holding(world, "makers", "book.locked.USD", row) for row in range(3)]
    assert [a + b for a, b in zip(cash, locked, strict=True)] == [30 * USD, 30 * USD, 0]
    missing = 100 * USD * 2 / 3
    assert [bond(world, row) for row in range(3)] == [500 * USD, 500 * USD, 500 * USD - np.ceil(missing)]
    closed = world.protocol("deal").epochs
    assert [tuple(epoch) for epoch in closed] == [(3, 2, 1, 60 * USD, np.ceil(missing))]


def test_each_payment_and_each_fine_is_an_event_with_its_account():
    world = quoting(floor(), [4, 3, 1])
    run(world, 4)
    lo, deal = world.population("makers").lo, world.protocol("deal").index
    paid, fined = events_of(world, Kind.TRANSFER), events_of(world, Kind.FEE)
    assert paid["subject"] == [lo, lo + 1]
    assert paid["amount"] == [30 * USD] * 2
    assert fined["subject"] == [lo + 2]
    assert fined["value"] == [pytest.approx(200 / 3, rel=1e-6)]
    assert set(paid["protocol"] + fined["protocol"]) == {deal}


def test_money_is_conserved_to_the_atom_over_many_epochs():
    world = quoting(floor(sets=("run.ticks=40",)), [4, 2, 0])
    deal = world.protocol("deal")
    accounts = slice(world.population("makers").lo, world.population("makers").hi)
    tokens = [world.tokens[name].index for name in ("USD", "deal.bond", "book.locked.USD")]
    start = world.ledger.balance[tokens, accounts].sum()
    budget = deal.budget(world)
    run(world)
    rebates, penalties = (sum(getattr(epoch, what) for epoch in deal.epochs) for what in ("rebates", "penalties"))
    assert len(deal.epochs) == 10
    assert rebates > 0
    assert penalties > 0
    assert deal.budget(world) == budget - rebates + penalties
    assert world.ledger.balance[tokens, accounts].sum() == start + rebates - penalties
    bonds = sum(bond(world, row) for row in range(3))
    assert holding(world, "deal", "USD") == bonds + deal.budget(world)
    assert not world.ledger.residuals().any()
    assert np.array_equal(world.ledger.replay(), world.ledger.balance)


def test_a_fine_takes_no_more_than_the_bond_and_ends_the_membership():
    world = quoting(floor(sets=("run.ticks=40",)), [0, 4, 4])
    run(world, 20)
    assert bond(world, 0) == 0
    look(world)
    assert world.quotes["deal"].enrolled[world.population("makers").lo :][:3].tolist() == [False, True, True]
    fined = [epoch.penalties for epoch in world.protocol("deal").epochs]
    assert fined == [100 * USD] * 5
    run(world, 4)
    assert world.protocol("deal").epochs[-1].penalties == 0


def test_rebates_stop_where_the_budget_does():
    world = quoting(floor(terms=TERMS.replace("budget_usd = 100.0", "budget_usd = 70.0")), [4, 4, 4])
    run(world, 8)
    assert [epoch.rebates for epoch in world.protocol("deal").epochs] == [69_999_999, 0]
    assert world.protocol("deal").budget(world) == 1


@pytest.mark.parametrize(
    ("distance", "size", "serves"),
    [(20.0, 1.0, True), (20.5, 1.0, False), (5.0, 0.99, False), (0.5, 3.0, True)],
    ids=["at_the_widest", "too_wide", "too_small", "tight"],
)
def test_what_counts_is_size_within_the_spread_on_both_sides(distance, size, serves):
    world = quoting(floor(makers=1), [4], distance, size)
    run(world, 4)
    assert world.protocol("deal").epochs[0].served == serves


def test_one_side_alone_does_not_serve():
    world = floor(makers=1)
    do(world, "makers", Act.LIMIT_BUY, "book", "ETH", 10 * ETH, limit=1_999.0)
    run(world, 4)
    assert world.protocol("deal").epochs[0].served == 0


def test_several_orders_of_a_side_add_up():
    world = floor(makers=1)
    for distance in (1.0, 2.0):
        do(world, "makers", Act.LIMIT_BUY, "book", "ETH", ETH // 2, limit=2_000.0 - distance)
        do(world, "makers", Act.LIMIT_SELL, "book", "ETH", ETH // 2, limit=2_000.0 + distance)
    run(world, 4)
    assert world.protocol("deal").epochs[0].served == 1


def test_the_quote_says_what_is_still_owed():
    world = quoting(floor(), [4, 1, 0])
    lo = world.population("makers").lo
    run(world, 2)
    look(world)
    terms = world.quotes["deal"]
    assert terms.owed[lo : lo + 3].tolist() == [1, 2, 3]
    assert terms.min_size == ETH
    assert terms.left == 2
    assert not terms.owed[:lo].any()


def test_a_bond_is_given_back_after_the_epoch_and_not_before():
    world = quoting(floor(), [4, 4, 4])
    assert do(world, "makers", Act.WITHDRAW, "deal", "USD", ALL).done
    run(world, 3)
    assert bond(world, 0) == 500 * USD
    run(world, 1)
    assert [bond(world, row) for row in range(3)] == [0, 500 * USD, 500 * USD]
    assert world.protocol("deal").epochs[0].served == 3


def test_orders_it_cannot_take_are_refused_with_a_reason():
    world = floor(people("poor", USD=1.0))
    cases = [
        (("makers", Act.DEPOSIT, "ETH", 1), "bonds are in the numeraire"),
        (("poor", Act.DEPOSIT, "USD", 2 * USD), "the account does not hold that much"),
        (("poor", Act.WITHDRAW, "USD", 1), "the account has no bond here"),
        (("poor", Act.SWAP, "USD", 1), "the programme does not know this act"),
    ]
    for (who, act, token, amount), reason in cases:
        assert do(world, who, act, "deal", token, amount).reason == reason


def test_bonds_and_budget_are_worth_what_lies_behind_them():
    world = quoting(floor(), [4, 0, 0])
    run(world, 8)
    deal: Protocol = world.protocol("deal")
    values = np.ones(len(world.tokens))
    claims = [world.tokens[name].index for name in ("deal.bond", "deal.budget")]
    assert [deal.unit_value(world, claim, values) for claim in claims] == [1.0, 1.0]
    assert -world.ledger.balance[claims, deal.account].sum() == holding(world, "deal", "USD")


def test_it_needs_an_order_book():
    with pytest.raises(ConfigError, match='"market" keeps no order book of ETH; name an order_book with it'):
        make_world(STILL, DEPTH, TERMS.replace('venue = "book"', 'venue = "market"'))
    with pytest.raises(ConfigError, match=r"epoch.*found 0"):
        floor(terms=TERMS.replace("40min", "0s"))
