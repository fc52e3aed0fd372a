"""Trading, margin, profit and funding of perpetuals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.perps.capital import efficiency, turnover
from protocols.perps.prices import liquidation_price
from sim.events import Kind
from sim.flows import Motive
from sim.intents import ALL, Act, Flag
from sim.phases import liquidate
from tests.protocols.perps.perp_worlds import (
    BOOK,
    CRASH,
    account,
    contract,
    deposit,
    equity,
    mark,
    move_index,
    perp_world,
    perps,
    trade,
)
from tests.worlds import WILD, do, events_of, holding, people, run

FREE = "fee = 0.0\nimpact = false\n"


def test_a_position_is_a_signed_token_and_the_outside_world_holds_the_other_side():
    world = perp_world()
    deposit(world, 1e4)
    assert trade(world, 10.0).done
    assert holding(world, "a", "perp.ETH") == 10 * 10**8
    assert world.ledger.balance[world.tokens["perp.ETH"].index, 0] == -10 * 10**8
    assert not world.ledger.residuals().any()


def test_open_interest_is_as_long_as_it_is_short():
    world = perp_world("", path=WILD)
    for row, size in enumerate((7.0, -3.0, 2.5)):
        deposit(world, 1e4, row)
        trade(world, size, row)
    run(world)
    row = world.ledger.balance[world.tokens["perp.ETH"].index]
    assert row[row > 0].sum() == -row[row < 0].sum() > 0
    assert world.quotes["perp"].contracts[0].open_interest == row[row > 0].sum() / 1e8


def test_the_price_of_a_batch_is_the_mean_over_the_book_and_splitting_it_changes_nothing():
    whole, split = perp_world(), perp_world()
    for world, sizes in ((whole, (30.0,)), (split, (11.0, 19.0))):
        deposit(world, 5e4)
        quoted = world.quotes["perp"].contracts[0].average_price(30.0)
        for size in sizes:
            trade(world, size)
        paid = float(perps(world).markets[0].cost[account(world)])
        assert paid / 1e6 / 30.0 == pytest.approx(quoted, rel=1e-9)
    mid = [np.exp(world.prices.log_market[1]) for world in (whole, split)]
    assert mid[0] == pytest.approx(mid[1], rel=1e-12)
    assert mid[0] > 2000.0


def test_orders_beyond_their_limit_are_refused_and_the_others_trade_at_a_better_price():
    world = perp_world()
    deposit(world, 5e4)
    price = world.quotes["perp"].contracts[0].average_price(10.0)
    assert "limit" in trade(world, 10.0, limit=price * 0.9999).reason
    assert trade(world, 10.0, limit=price * 1.0001).done
    assert "limit" in trade(world, -10.0, limit=3000.0).reason


def test_initial_margin_is_asked_of_what_adds_risk_only():
    world = perp_world("", contract(more=FREE + "max_leverage = 10.0"))
    deposit(world, 1000.0)
    assert "initial margin" in trade(world, 5.01).reason
    assert trade(world, 5.0).done
    assert "initial margin" in trade(world, 0.1).reason
    move_index(world, 1950.0)
    assert trade(world, -1.0).done
    assert trade(world, -3.5).done


def test_reduce_only_orders_are_cut_to_the_position_and_never_turn_it():
    world = perp_world()
    deposit(world, 1e4)
    trade(world, 2.0)
    assert "reduce" in trade(world, 1.0, subject=Flag.REDUCE_ONLY).reason
    done = do(world, "a", Act.SELL, "perp", "perp.ETH", ALL, subject=Flag.REDUCE_ONLY)
    assert (done.done, done.amount) == (True, -2 * 10**8)
    assert holding(world, "a", "perp.ETH") == 0
    assert "reduce" in trade(world, -1.0, subject=Flag.REDUCE_ONLY).reason


def test_orders_beyond_anybodys_means_do_not_spoil_the_batch_of_others():
    world = perp_world()
    for row in range(2):
        deposit(world, 1e4, row)
    before = world.quotes["perp"].contracts[0].average_price(1.0)
    do(world, "a", Act.BUY, "perp", "perp.ETH", 2**59, 1)
    assert trade(world, 1.0).done
    assert perps(world).markets[0].cost[account(world)] / 1e6 == pytest.approx(before, rel=1e-9)


def test_a_flat_account_is_margin_alone_and_can_take_it_all_out():
    world = perp_world()
    deposit(world, 1e4)
    trade(world, 5.0)
    trade(world, -5.0)
    assert holding(world, "a", "perp.quote") == 0
    left = holding(world, "a", "perp.margin")
    assert 0 < left < 10**10
    assert do(world, "a", Act.WITHDRAW, "perp", "USD", ALL).amount == left
    assert holding(world, "a", "USD") == 9 * 10**10 + left


@given(size=st.floats(-4.0, 4.0).filter(lambda x: abs(x) > 1e-3), price=st.floats(1900.0, 2100.0))
@settings(max_examples=15, deadline=None)
def test_profit_of_a_linear_contract_is_size_times_the_price_change(size, price):
    world = perp_world("", contract(more=FREE))
    deposit(world, 1e4)
    trade(world, size)
    move_index(world, price)
    assert equity(world) == pytest.approx(1e10 + size * (price - 2000.0) * 1e6, abs=20.0)


@given(usd=st.integers(-8000, 8000).filter(bool), price=st.floats(1500.0, 2600.0))
@settings(max_examples=15, deadline=None)
def test_profit_of_an_inverse_contract_is_its_face_times_the_change_of_the_reciprocal(usd, price):
    book = BOOK.replace("1e5", "2e8")
    world = perp_world('margin_asset = "ETH"', contract(more=FREE + "inverse = true", book=book))
    do(world, "a", Act.DEPOSIT, "perp", "ETH", 10 * 10**8)
    assert trade(world, float(usd)).done
    move_index(world, price)
    coins = usd * (1.0 / 2000.0 - 1.0 / price)
    assert equity(world) == pytest.approx((10.0 + coins) * 1e8, abs=5.0)


def test_an_inverse_book_pays_the_mean_reciprocal_so_that_splitting_changes_nothing():
    book = BOOK.replace("1e5", "2e6")
    costs = []
    for sizes in ((-9000.0,), (-4000.0, -5000.0)):
        world = perp_world('margin_asset = "ETH"', contract(more="fee = 0.0\ninverse = true", book=book))
        do(world, "a", Act.DEPOSIT, "perp", "ETH", 50 * 10**8)
        for size in sizes:
            assert trade(world, size).done
        costs.append(int(perps(world).markets[0].cost[account(world)]))
    assert costs[0] == pytest.approx(costs[1], abs=3)
    assert costs[0] > 4.5 * 10**8


@pytest.mark.parametrize(("side", "lever"), [(1, 4.0), (1, 15.0), (-1, 4.0), (-1, 15.0)])
def test_an_account_is_liquidated_at_its_liquidation_price_and_not_before(side, lever):
    world = perp_world("", contract(more=FREE))
    size = side * lever * 1000.0 / 2000.0
    deposit(world, 1000.0)
    assert trade(world, size).done
    at = float(liquidation_price(2000.0, size, 1000.0, 0.025))
    move_index(world, at * (1.0 + side * 1e-6))
    assert mark(world) is None
    liquidate(world)
    assert holding(world, "a", "perp.ETH") != 0
    move_index(world, at * (1.0 - side * 1e-6))
    breaches = mark(world)
    assert breaches.account.tolist() == [account(world)]
    assert breaches.health[0] == pytest.approx(1.0, abs=1e-3)
    liquidate(world)
    assert holding(world, "a", "perp.ETH") == 0
    assert world.events.where(Kind.LIQUIDATION).size == 1


def test_a_liquidation_moves_the_price_in_the_name_of_the_venues_desk_and_names_its_breach():
    world = perp_world("insurance = 1e6", path=CRASH, sets=("run.ticks=20",))
    deposit(world, 2e4)
    trade(world, 60.0)
    run(world)
    found = events_of(world, Kind.LIQUIDATION)
    breach = events_of(world, Kind.BREACH)
    assert found["cause"][0] in breach["id"]
    assert found["token"][0] == world.tokens["perp.ETH"].index
    assert found["subject"][0] == account(world)
    flows = world.flows.table()
    mine = (flows["population"] == perps(world).desk) & (flows["motive"] == Motive.LIQUIDATION)
    assert flows["dlog"][mine].sum() < 0.0
    assert set(flows["market"][mine]) == {perps(world).markets[0].market}


# -------------------------------------------------------------------------------------------------------------- funding


def test_funding_sums_to_zero_to_the_atom_every_interval_and_reconciles_with_the_quote():
    world = perp_world("", contract(more="inventory = 0.3"), path=WILD, sets=("run.ticks=30",))
    desk = perps(world).desks[0]
    for row, size in enumerate((9.0, -4.0, 1.7)):
        deposit(world, 3e4, row)
        trade(world, size, row)
    run(world)
    journal = world.ledger.journal()
    quote, n = world.tokens["perp.quote"].index, world.accounts.count
    found = events_of(world, Kind.FUNDING)
    assert len(found["id"]) == 4
    total = np.zeros(n, dtype=np.int64)
    for event, paid in zip(found["id"], found["amount"], strict=True):
        rows = journal[journal[:, 0] == event]
        assert (rows[:, 1] == quote).all()
        net = np.zeros(n, dtype=np.int64)
        np.subtract.at(net, rows[:, 2], rows[:, 4])
        np.add.at(net, rows[:, 3], rows[:, 4])
        held = np.sign(world.ledger.balance[world.tokens["perp.ETH"].index])
        assert net.sum() == 0
        assert paid != 0
        assert -net[held > 0].sum() == paid
        assert 0 <= net[desk.accounts.fund] < n
        total -= net
    inside = np.setdiff1d(np.arange(n), [desk.accounts.fund])
    assert np.array_equal(desk.funding[inside], total[inside])


def test_what_trades_fees_and_funding_did_sums_to_the_settled_money_of_every_account():
    world = perp_world("", contract(more="inventory = 0.3"), path=WILD, sets=("run.ticks=30",))
    for row, size in enumerate((9.0, -4.0, 1.7)):
        deposit(world, 3e4, row)
        trade(world, size, row)
    trade(world, -3.0, 2)
    run(world)
    desk = perps(world).desks[0]
    for row in range(3):
        who = account(world, row)
        money = holding(world, "a", "perp.margin", row) + holding(world, "a", "perp.quote", row)
        assert money - 3 * 10**10 == desk.cash[who] - desk.fees[who] - desk.funding[who]
        assert desk.fees[who] > 0
        assert desk.funding[who] != 0
    treasury = world.ledger.balance[desk.accounts.quote, perps(world).treasury]
    assert treasury == desk.fees.sum()


@pytest.mark.parametrize("side", [1, -1], ids=["long", "short"])
def test_long_skewed_open_interest_makes_longs_pay_and_short_skewed_the_shorts(side):
    terms = contract(more="inventory = 0.5", book=BOOK.replace("1e5", "1e4"))
    world = perp_world("", terms, sets=("run.ticks=40",))
    deposit(world, 9e4)
    trade(world, side * 400.0)
    run(world)
    rates = events_of(world, Kind.FUNDING)["value"]
    assert min(side * rate for rate in rates) > 0.0
    assert side * (world.quotes["perp"].contracts[0].price - 2000.0) > 0.0
    assert side * world.quotes["perp"].contracts[0].funding > 0.0
    assert perps(world).desks[0].funding[account(world)] > 0


def test_without_a_premium_the_rate_is_the_interest():
    world = perp_world()
    deposit(world, 1e4)
    run(world)
    assert events_of(world, Kind.FUNDING)["value"] == pytest.approx([1e-4 / 8.0])


# ------------------------------------------------------------------------------------------- margin across contracts


TWO = (contract("ONE", FREE), contract("TWO", FREE))


def test_cross_margin_never_asks_more_than_isolated_margin_of_the_same_positions():
    needs = {}
    for mode in ("cross", "isolated"):
        world = perp_world(f'margin = "{mode}"', *TWO)
        for name, size in (("ONE", 3.0), ("TWO", -2.0)):
            deposit(world, 1e4, token2=f"perp.{name}")
            trade(world, size, token=f"perp.{name}")
        mark(world)
        who = account(world)
        needs[mode] = sum(desk.accounts.initial[who] for desk in perps(world).desks)
    assert needs["cross"] <= needs["isolated"] * (1.0 + 1e-12)


@given(sizes=st.tuples(*[st.floats(-2.0, 2.0).filter(lambda x: abs(x) > 0.01)] * 2))
@settings(max_examples=10, deadline=None)
def test_scenario_margin_of_opposite_positions_is_below_the_sum_of_their_own(sizes):
    world = perp_world("[protocols.portfolio]", *TWO)
    deposit(world, 9e4)
    for name, size in zip(("ONE", "TWO"), sizes, strict=True):
        assert trade(world, size, token=f"perp.{name}").done
    mark(world)
    need = perps(world).desks[0].accounts.maintenance[account(world)]
    net = abs(round(sizes[0] * 1e8) + round(sizes[1] * 1e8)) / 1e8
    assert need == pytest.approx(0.1 * 2000.0 * net * 1e6, rel=1e-9, abs=10.0)
    assert need <= 0.1 * 2000.0 * (abs(sizes[0]) + abs(sizes[1])) * 1e6 * (1.0 + 1e-9) + 10.0


def test_isolated_margin_keeps_losses_to_the_contract_they_are_made_in():
    world = perp_world('margin = "isolated"', *TWO)
    assert "takes no such token" in deposit(world, 1e3).reason
    for name, size in (("ONE", 8.0), ("TWO", 0.1)):
        deposit(world, 1e3, token2=f"perp.{name}")
        assert trade(world, size, token=f"perp.{name}").done
    move_index(world, 1880.0)
    liquidate(world)
    assert holding(world, "a", "perp.ONE") == 0
    assert holding(world, "a", "perp.TWO") == 10**7
    assert holding(world, "a", "perp.TWO.margin") == 10**9


def test_other_collateral_counts_less_its_haircut():
    world = perp_world('[[protocols.collateral]]\nasset = "ETH"\nhaircut = 0.2', contract(more=FREE))
    do(world, "a", Act.DEPOSIT, "perp", "ETH", 10**8)
    mark(world)
    assert equity(world) == pytest.approx(1600e6)
    assert trade(world, 16.0).done
    assert "initial margin" in trade(world, 0.1).reason


def test_notional_per_collateral_is_what_the_leverage_allows():
    world = perp_world("", contract(more=FREE + "max_leverage = 25.0"))
    deposit(world, 2000.0)
    assert trade(world, 24.99).done
    assert efficiency(perps(world), world) == pytest.approx(24.99)
    assert turnover(perps(world), world) == pytest.approx(24.99)


def test_opening_positions_are_entered_at_the_index_without_fee_or_impact():
    who = people("a", 3, USD=1e5, opens='[["deposit", "perp", "USD", 1e4], ["buy", "perp", "perp.ETH", 50.0]]')
    world = perp_world(who=who)
    assert holding(world, "a", "perp.quote") == -50 * 2000 * 10**6
    assert world.prices.log_market[1] == pytest.approx(np.log(2000.0), abs=1e-12)


def test_where_it_is_wrong_the_config_says_what_is_allowed():
    with pytest.raises(Exception, match="the first step is market"):
        perp_world('waterfall = ["adl", "market"]')
    with pytest.raises(Exception, match="socialise can only be the last"):
        perp_world('waterfall = ["market", "socialise", "adl"]')
    with pytest.raises(Exception, match=r"add a \[backstop\] table"):
        perp_world('waterfall = ["market", "backstop"]')
    with pytest.raises(Exception, match="is inverse; its margin is ETH"):
        perp_world("", contract(more="inverse = true"))
    with pytest.raises(Exception, match="is linear, its margin is USD"):
        perp_world('margin_asset = "ETH"')
    with pytest.raises(Exception, match="isolated margin nets nothing"):
        perp_world('margin = "isolated"\n[protocols.portfolio]')
