"""The chain: EIP-1559, room for the best paid, latency, patience, failures, and gas that is really paid."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.chain import ELASTICITY, GAS, GWEI, Chain, ChainSettings, next_base_fee, recorded_fees
from sim.clock import Clock
from sim.errors import ConfigError
from sim.events import REVERTED, EventLog, Kind
from sim.intents import ACCOUNT, Act, Intent, Orders
from sim.ledger import Ledger
from sim.tokens import EXTERNAL, Accounts, TokenKind, Tokens

COINS = 10**8
FIRST = 1


class Street:
    """A chain with `n` accounts that hold `coins` whole coins each."""

    def __init__(self, n=10, coins=5.0, dt=12.0, **settings):
        tokens, accounts = Tokens(), Accounts()
        tokens.declare("ETH", TokenKind.BASE, 8)
        accounts.declare("people", n)
        self.ledger, self.events = Ledger(tokens, accounts), EventLog()
        self.ledger.move(0, EXTERNAL, np.arange(1, n + 1), int(coins * COINS), 0)
        self.chain = Chain(ChainSettings(**({"background": 0.0} | settings)), dt)
        self.waiting = Orders(2)

    def send(self, account, tip=1.0, act=Act.SWAP, tick=0, key=None):
        account = np.atleast_1d(account) + FIRST
        keys = account if key is None else np.atleast_1d(key)
        self.waiting.add(Intent(act, 0, account, 0, 1, tip=tip), 0, keys, tick)

    def block(self, tick=0, luck=1.0):
        """Senders included in this tick, best paid first."""
        luck = np.broadcast_to(luck, self.waiting.count)
        ints, _ = self.chain.sequence(self.waiting, tick, self.ledger, self.events, 0, luck)
        return (ints[:, ACCOUNT] - FIRST).tolist()


def test_ten_full_blocks_raise_the_base_fee_by_the_vector():
    fee = 1.0
    for _ in range(10):
        fee = next_base_fee(fee, 30e6, 15e6)
    assert fee == pytest.approx(3.247321, abs=5e-7)  # 1.125^10
    assert next_base_fee(fee, 15e6, 15e6) == fee
    assert next_base_fee(8.0, 0.0, 15e6) == 7.0


@pytest.mark.parametrize("blocks", [1, 5, 10])
def test_a_tick_holds_as_many_blocks_as_fit_and_full_ones_compound(blocks):
    chain = Street(dt=12.0 * blocks, background=1.0, elasticity=0.0).chain
    chain.advance(0)
    assert chain.base_fee == pytest.approx(20.0 * 1.125**blocks)


def test_the_base_fee_rests_where_outsiders_want_the_target():
    chain = Street(background=1.0, elasticity=1.0).chain
    for tick in range(300):
        chain.advance(tick)
    assert chain.demand() == pytest.approx(chain.settings.gas_limit / ELASTICITY, rel=1e-6)
    assert chain.base_fee == pytest.approx(2.0 * chain.settings.base_fee, rel=1e-6)


def test_the_models_own_gas_counts_towards_the_base_fee():
    street = Street(n=100, gas_limit=15e6)
    street.send(np.arange(100))  # 100 swaps of 150,000 gas fill the block
    assert len(street.block()) == 100
    before = street.chain.base_fee
    street.chain.advance(1)
    assert street.chain.base_fee == pytest.approx(before * 1.125)
    assert street.chain.gas_used == 0.0


@given(
    st.lists(st.tuples(st.sampled_from(list(Act)), st.floats(0.0, 50.0)), min_size=1, max_size=60),
    st.floats(0.0, 2.0),
    st.integers(1, 3),
)
def test_capacity_is_never_exceeded_and_nobody_overtakes_a_better_tip(sent, background, blocks):
    street = Street(n=60, coins=1e4, dt=12.0 * blocks, gas_limit=3e6, background=background)
    for row, (act, tip) in enumerate(sent):
        street.send(row, tip, act)
    tips = [tip for _, tip in sent]
    included = street.block()
    assert sum(GAS[sent[row][0]] for row in included) <= 3e6 * blocks
    assert [tips[row] for row in included] == sorted((tips[row] for row in included), reverse=True)
    left_out = [tips[row] for row in range(len(sent)) if row not in included]
    assert not (included and left_out) or max(left_out) <= min(tips[row] for row in included)


def test_equal_tips_are_ordered_by_key_not_by_row():
    street = Street()
    street.send([0, 1, 2], key=[30, 10, 20])
    assert street.block() == [1, 2, 0]


def test_outsiders_leave_no_room_for_tips_they_outbid():
    street = Street(background=1.0, outsider_tip=2.0)
    street.send([0, 1, 2], tip=np.array([0.0, 0.01, 20.0]))
    assert street.block() == [2]
    crowded = Street(background=1.0, outsider_tip=2.0)
    crowded.chain.surge = 3.0  # twice and more of the limit wants in: the tip has to beat the marginal outsider
    crowded.send([0, 1], tip=np.array([2.0, 2.5]))
    assert np.exp(-2.0 / 2.0) * 3.0 > 1.0 > np.exp(-2.5 / 2.0) * 3.0
    assert crowded.block() == [1]


@given(
    background=st.floats(0.0, 3.0), tips=st.lists(st.floats(0.0, 30.0), min_size=1, max_size=60),
    used=st.floats(0.0, 1.2), blocks=st.integers(1, 3),
)  # fmt: skip
def test_the_least_tips_are_those_that_fit(background, tips, used, blocks):
    street = Street(100, dt=12.0 * blocks, background=background)
    street.chain.gas_used = used * 30e6 * blocks
    falling = np.sort(tips)[::-1]
    least = street.chain.least_tips(Act.LIQUIDATE, falling.size)
    assert np.all(np.diff(least) >= 0.0)
    street.send(np.arange(falling.size), falling, Act.LIQUIDATE)
    fits = street.chain.fits(street.waiting.ints, street.waiting.reals, 0)
    assert not fits[least.size :].any()
    clear = np.abs(falling[: least.size] - least) > 1e-9
    assert np.array_equal(fits[: least.size][clear], (falling[: least.size] >= least)[clear])


def test_latency_holds_transactions_back():
    street = Street(latency=2)
    street.send(0, tick=5)
    assert [street.block(tick) for tick in (5, 6, 7)] == [[], [], [0]]


def test_what_waits_too_long_is_dropped_and_logged():
    street = Street(n=3, gas_limit=150_000.0, patience=2)
    street.send([0, 1, 2], tip=np.array([9.0, 1.0, 2.0]), tick=0)
    assert street.block(0) == [0]
    street.chain.advance(1)
    street.send(0, tip=9.0, tick=1)
    assert street.block(1) == [0]
    assert street.waiting.count == 2
    street.chain.advance(2)
    street.send(0, tip=9.0, tick=2)
    assert street.block(2) == [0]
    assert street.waiting.count == 0
    dropped = street.events.where(Kind.TX_DROPPED)
    assert sorted(street.events.column("actor")[dropped] - FIRST) == [1, 2]


def test_liquidations_bid_for_one_block_only():
    street = Street(gas_limit=600_000.0, latency=1)
    street.send([0, 1], tip=np.array([9.0, 1.0]), act=Act.LIQUIDATE)
    assert street.block(0) == []
    assert street.waiting.count == 2
    assert street.block(1) == [0]
    assert street.waiting.count == 0
    assert street.events.where(Kind.TX_DROPPED).size == 1


def test_the_failing_share_pays_gas_and_does_not_run():
    street = Street(n=4, failure_rate=0.25)
    street.send([0, 1, 2, 3], tip=np.array([4.0, 3.0, 2.0, 1.0]))
    assert street.block(luck=np.array([0.1, 0.25, 0.9, 0.2])) == [1, 2]
    failed = street.events.where(Kind.TX_FAILED)
    assert (street.events.column("actor")[failed] - FIRST).tolist() == [0, 3]
    assert street.events.value[failed].tolist() == [REVERTED, REVERTED]
    assert (street.ledger.balance[0, FIRST:] < 5 * COINS).all()


def test_gas_paid_is_conserved_and_the_event_says_how_much():
    street = Street(n=3, coins=0.01)
    street.ledger.move(0, 2 + FIRST, EXTERNAL, 990_000, 0)  # the last account keeps 0.0001 coins, too little
    street.send([0, 1, 2], tip=np.array([3.0, 2.0, 1.0]))
    assert street.block() == [0, 1]
    fees = [int(np.ceil(GAS[Act.SWAP] * (20.0 + tip) * GWEI * COINS)) for tip in (3.0, 2.0)]
    left = street.ledger.balance[0]
    assert left.tolist() == [-left[1:].sum(), 1_000_000 - fees[0], 1_000_000 - fees[1], 10_000]
    event = int(street.events.where(Kind.GAS)[0])
    assert street.events.column("amount")[event] == sum(fees)
    assert (street.events.column("actor")[street.events.where(Kind.TX_DROPPED)] - FIRST).tolist() == [2]
    assert street.chain.gas_used == 2 * GAS[Act.SWAP]


def test_a_second_round_in_the_same_tick_finds_the_block_as_the_first_left_it():
    street = Street(gas_limit=300_000.0)
    street.send([0, 1])
    assert len(street.block()) == 2
    street.send(2, tip=99.0)
    assert street.block() == []


def test_fees_quoted_are_fees_charged():
    street = Street()
    street.send(0, tip=7.5, act=Act.BORROW)
    street.block()
    assert (5 * COINS - street.ledger.balance[0, FIRST]) / COINS == pytest.approx(
        street.chain.fee(Act.BORROW, 7.5), abs=1 / COINS
    )


# Recorded gas prices --------------------------------------------------------------------------------------------------

START = datetime(2021, 5, 19, tzinfo=UTC)


@pytest.fixture
def table(tmp_path):
    def write(text, ticks=4, start=START, **more):
        file = tmp_path / "gas.csv"
        file.write_text(text)
        settings = ChainSettings(fee_market="first_price", gas_prices=str(file), **more)
        return settings, Clock(start, 600.0, ticks)

    return write


HOUR = "time,gwei\n2021-05-19T00:00:00Z,50\n2021-05-19T00:10:00Z,60\n2021-05-19T00:30:00Z,80\n"


def test_recorded_prices_are_held_until_the_next_and_replace_eip_1559(table):
    settings, clock = table(HOUR)
    fees = recorded_fees(settings, clock)
    assert fees.tolist() == [50, 60, 60, 80]
    chain = Chain(settings, clock.dt, fees)
    seen = []
    for tick in range(4):
        chain.advance(tick)
        seen.append(chain.base_fee)
    assert seen == [50, 60, 60, 80]
    chain.surge = 2.0
    chain.advance(3)
    assert chain.base_fee == 160


def test_without_a_table_there_is_nothing_recorded(table):
    assert recorded_fees(ChainSettings(), table(HOUR)[1]) is None
    assert ChainSettings(fee_market="first_price").check() == [
        ("fee_market", "first_price needs gas_prices, a CSV of recorded gas prices")
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time,price\n2021-05-19T00:00:00Z,1\n", "gwei"),
        ("", "gas.csv"),
        ("time,gwei\n", "gas.csv"),
        (HOUR.replace("60", "nan"), "gas.csv:3"),
        (HOUR.replace("60", "-1"), "gas.csv:3"),
        (HOUR.replace("60", "cheap"), "gas.csv:3"),
        (HOUR.replace("00:10:00Z", "later"), "gas.csv:3"),
        (HOUR.replace("00:10:00Z", "00:50:00Z"), "gas.csv:4"),
    ],
)
def test_bad_tables_say_where(table, text, message):
    with pytest.raises(ConfigError, match=message):
        recorded_fees(*table(text))


def test_a_table_that_does_not_cover_the_run_is_refused(table):
    cover = r"gas prices cover 2021-05-19T00:00:00Z to 2021-05-19T00:30:00Z, not the run"
    with pytest.raises(ConfigError, match=cover):
        recorded_fees(*table(HOUR, ticks=6))
    with pytest.raises(ConfigError, match=cover):
        recorded_fees(*table(HOUR, start=datetime(2021, 5, 18, 23, 50, tzinfo=UTC)))
