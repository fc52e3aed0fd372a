import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.noise import Noise
from agents.shared.trading import Desk, habits, share_faults, usd_to_atoms
from sim.flows import Motive
from sim.intents import Act


@pytest.fixture
def seated(floor):
    place = floor(ETH=2000.0, BTC=40_000.0).open("a", fee=0.01).open("b", assets=["BTC"])
    return place.seat(Noise(name="n", count=4, assets=["ETH"], venues=["a"]))


def test_sales_and_purchases_carry_limits_on_the_side_that_hurts(seated):
    desk = Desk(seated, ["a"], [1], Motive.HEDGING, slippage=0.1, tip=7.0)
    rows, habit, signed = np.array([0, 1, 3]), np.zeros(3, dtype=np.int64), np.array([9, 0, -5])
    sale, purchase = desk.swaps(seated, rows, habit, np.ones(3, dtype=np.int64), signed)
    assert (sale.act, sale.venue, sale.token, sale.token2, sale.cause, sale.tip) == (Act.SWAP, 0, 1, 0, 101, 7.0)
    assert (sale.account.tolist(), sale.amount.tolist(), sale.motive) == ([13], [5], Motive.HEDGING)
    assert sale.limit == pytest.approx(2000.0 * 0.9)
    assert (purchase.token, purchase.token2) == (0, 1)
    assert (purchase.account.tolist(), purchase.amount.tolist()) == ([10], [9])
    assert purchase.limit == pytest.approx(0.9 / 2000.0)


def test_orders_go_to_the_usual_venue_or_to_the_first_that_trades_the_asset(seated):
    desk = Desk(seated, ["a", "b"], [1, 2], Motive.NOISE, 0.05, 1.0)
    rows, habit, signed = np.arange(4), np.array([0, 1, 1, 0]), np.array([-1, -2, -3, -4])
    for asset, sent in ((1, {10: 0, 11: 0, 12: 0, 13: 0}), (2, {10: 0, 11: 1, 12: 1, 13: 0})):
        intents = desk.swaps(seated, rows, habit, np.full(4, asset), signed)
        assert {int(account): intent.venue for intent in intents for account in intent.account} == sent
        assert {(intent.token, intent.token2) for intent in intents} == {(asset, 0)}


@given(trades=st.lists(st.tuples(st.integers(0, 1), st.integers(1, 2), st.integers(-3, 3)), max_size=30))
def test_every_trade_is_sent_once_sales_first(floor, trades):
    place = floor(ETH=2000.0, BTC=40_000.0).open("a").open("b")
    place.lo = 10
    habit, assets, signed = np.array(trades, dtype=np.int64).reshape(-1, 3).T
    desk = Desk(place, ["a", "b"], [1, 2], Motive.NOISE, 0.05, 1.0, names_cause=False)
    intents = desk.swaps(place, np.arange(len(trades)), habit, assets, signed)
    sent = {}
    for intent in intents:
        buys = intent.token == 0
        for account, amount in zip(intent.account.tolist(), intent.amount.tolist(), strict=True):
            asset = intent.token2 if buys else intent.token
            assert account not in sent
            sent[account] = (intent.venue, asset, amount if buys else -amount)
    assert sent == {10 + row: trade for row, trade in enumerate(trades) if trade[2]}
    assert [intent.token == 0 for intent in intents] == sorted(intent.token == 0 for intent in intents)
    assert not any(intent.cause for intent in intents)


@given(shares=st.lists(st.floats(0.0, 5.0), min_size=1, max_size=5).filter(lambda shares: sum(shares) > 0.1))
def test_habits_have_the_given_shares_and_never_a_venue_of_share_zero(shares):
    venues = [str(number) for number in range(len(shares))]
    counts = np.bincount(habits(np.random.default_rng(0), 20_000, venues, shares), minlength=len(shares))
    assert counts / 20_000 == pytest.approx(np.array(shares) / sum(shares), abs=0.02)
    assert not counts[np.array(shares) == 0.0].any()
    assert share_faults(venues, shares) == []


def test_without_shares_all_venues_are_alike():
    counts = np.bincount(habits(np.random.default_rng(0), 30_000, ["a", "b", "c"], []))
    assert counts / 30_000 == pytest.approx([1 / 3] * 3, abs=0.02)


@given(usd=st.floats(0.0, 1e9))
def test_usd_becomes_atoms_rounded_down(floor, usd):
    place = floor(ETH=3.0)
    atoms = int(usd_to_atoms(place, 1, usd))
    assert atoms * 3.0 / 1e6 <= usd * (1 + 1e-12)
    assert (atoms + 1) * 3.0 / 1e6 > usd * (1 - 1e-12)
