"""Who bears a default: every order of steps, conserved to the atom."""

from itertools import chain, combinations, permutations

import numpy as np
import pytest

from protocols.perps.deleveraging import RULES
from sim.events import Kind
from sim.intents import ALL, Act
from sim.phases import liquidate, spread
from tests.protocols.perps.perp_worlds import (
    account,
    contract,
    crowd,
    deposit,
    equity,
    mark,
    move_index,
    perp_world,
    perps,
    trade,
)
from tests.worlds import do, events_of, holding, people, run

FREE = "fee = 0.0\nimpact = false\n"
MIDDLE = ("backstop", "insurance", "adl")
ORDERS = [
    ("market", *middle, *last)
    for middle in chain.from_iterable(permutations(subset) for k in range(4) for subset in combinations(MIDDLE, k))
    for last in ((), ("socialise",))
]


def steps(order: tuple[str, ...]) -> str:
    """The settings of a waterfall."""
    vault = "\n[protocols.backstop]\ncapital = 3e4" if "backstop" in order else ""
    return f"waterfall = {list(order)}\ninsurance = 2e4{vault}"


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: "-".join(order[1:]) or "none")
def test_a_default_is_conserved_to_the_atom_whatever_the_order_of_steps(order):
    world = perp_world(steps(order), contract(more=FREE), who=people("a", 4, USD=1e5))
    for row, (money, size) in enumerate(((5e3, 40.0), (3e3, -15.0), (2e4, -30.0), (500.0, 4.0))):
        deposit(world, money, row)
        assert trade(world, size, row).done
    paid_in = world.ledger.balance[world.tokens["USD"].index, perps(world).account]
    move_index(world, 1700.0)
    liquidate(world)
    spread(world)
    perps(world).settle(world)
    mark(world)
    assert not world.ledger.residuals().any()
    assert np.array_equal(world.ledger.replay(), world.ledger.balance)
    assert holding(world, "a", "perp.ETH", 0) == holding(world, "a", "perp.ETH", 3) == 0
    assert sum(held_for(world)) == pytest.approx(paid_in - drawn(world), abs=5.0)


def held_for(world):
    """Equity of everybody inside, the vault's included."""
    desk = perps(world).desks[0]
    return desk.accounts.equity[1:].tolist()


def drawn(world):
    """Margin atoms that the outside world has been paid, net, since the books were opened."""
    transfers = events_of(world, Kind.TRANSFER)
    outward = [1 if actor == perps(world).account else -1 for actor in transfers["actor"]]
    return sum(sign * amount for sign, amount in zip(outward, transfers["amount"], strict=True))


@pytest.mark.parametrize("rule", RULES)
def test_deleveraging_leaves_the_bankrupt_exactly_nothing_and_nobody_above_its_size(rule):
    settings = f'waterfall = ["market", "adl"]\nadl_rule = "{rule}"'
    world = perp_world(settings, contract(more=FREE), who=people("a", 5, USD=1e5))
    for row, (money, size) in enumerate(((4e3, 30.0), (3e3, -11.0), (2e4, -25.0), (9e3, -7.0), (1e4, 1.0))):
        deposit(world, money, row)
        trade(world, size, row)
    before = world.ledger.balance[world.tokens["perp.ETH"].index].copy()
    move_index(world, 1800.0)
    assert equity(world) < 0.0
    liquidate(world)
    after = world.ledger.balance[world.tokens["perp.ETH"].index]
    assert [holding(world, "a", name) for name in ("perp.ETH", "perp.margin", "perp.quote")] == [0, 0, 0]
    assert (np.abs(after) <= np.abs(before)).all()
    assert (after * before >= 0).all()
    cuts = events_of(world, Kind.DELEVERAGE)
    assert sum(cuts["amount"]) == 30 * 10**8
    assert set(cuts["actor"]) == {account(world)}
    assert np.array_equal(world.ledger.replay(), world.ledger.balance)


def test_the_queue_takes_the_most_profitable_and_most_levered_first():
    world = perp_world('waterfall = ["market", "adl"]', contract(more=FREE), who=people("a", 3, USD=1e5))
    for row, (money, size) in enumerate(((2e3, 10.0), (5e4, -10.0), (2e3, -10.0))):
        deposit(world, money, row)
        trade(world, size, row)
    move_index(world, 1750.0)
    liquidate(world)
    assert events_of(world, Kind.DELEVERAGE)["subject"] == [account(world, 2)]


def test_the_outside_world_is_deleveraged_last_and_only_if_the_venue_says_so():
    for outside in (False, True):
        settings = f'waterfall = ["market", "adl"]\noutside_deleveraged = {str(outside).lower()}'
        world = perp_world(settings, contract(more=FREE))
        deposit(world, 2e3)
        trade(world, 10.0)
        deposit(world, 1e4, 1)
        trade(world, -3.0, 1)
        move_index(world, 1750.0)
        liquidate(world)
        subjects = events_of(world, Kind.DELEVERAGE)["subject"]
        assert subjects == ([account(world, 1), 0] if outside else [account(world, 1)])


def test_the_fund_takes_positions_over_at_their_bankruptcy_price_and_sells_them_over_time():
    world = perp_world('waterfall = ["market", "insurance"]\ninsurance = 5e4\nunwind = "30min"', contract(more=FREE))
    deposit(world, 2e3)
    trade(world, 10.0)
    move_index(world, 1790.0)
    fund = perps(world).desks[0].accounts.fund
    liquidate(world)
    token = world.tokens["perp.ETH"].index
    assert world.ledger.balance[token, fund] == 10 * 10**8
    assert perps(world).desks[0].accounts.equity[fund] == pytest.approx((5e4 - 100.0) * 1e6)
    left = []
    for _ in range(6):
        perps(world).settle(world)
        left.append(int(world.ledger.balance[token, fund]))
    assert left == sorted(left, reverse=True)
    assert left[-1] < 2 * 10**8


def test_the_vault_takes_who_is_below_its_threshold_and_its_shares_carry_the_result():
    settings = 'waterfall = ["market", "backstop", "adl"]\n[protocols.backstop]\ncapital = 1e5'
    world = perp_world(settings, contract(more=FREE))
    assert do(world, "a", Act.MINT, "perp", "USD", 10**10, 2, token2="perp.backstop").done
    shares = holding(world, "a", "perp.backstop", 2)
    deposit(world, 2e3)
    trade(world, 10.0)
    move_index(world, 1801.0)
    liquidate(world)
    assert events_of(world, Kind.BACKSTOP)["subject"] == [account(world)]
    assert holding(world, "a", "perp.margin") == 0
    vault = perps(world).vault
    assert vault.share_value(world) == pytest.approx((1.1e5 + 10.0) / 1.1e5)
    move_index(world, 1901.0)
    assert vault.share_value(world) == pytest.approx((1.1e5 + 1010.0) / 1.1e5)
    assert "locked" in do(world, "a", Act.REDEEM, "perp", "perp.backstop", ALL, 2).reason
    vault.locked[:] = -1
    world.clock.tick = 1
    back = do(world, "a", Act.REDEEM, "perp", "perp.backstop", ALL, 2)
    assert (back.done, back.amount) == (True, shares)
    assert holding(world, "a", "USD", 2) == pytest.approx(9e10 + 1e10 * (1.1e5 + 1010.0) / 1.1e5, abs=2)


def test_what_nobody_pays_lowers_every_margin_claim():
    world = perp_world('waterfall = ["market"]\nprice_band = 0.5', contract(more=FREE))
    deposit(world, 2e3)
    trade(world, 10.0)
    deposit(world, 1e4, 1)
    move_index(world, 1700.0)
    liquidate(world)
    spread(world)
    margin = world.tokens["perp.margin"].index
    assert events_of(world, Kind.BAD_DEBT)["amount"] == [pytest.approx(1000 * 10**6, abs=2)]
    assert world.prices.values[margin] == pytest.approx(1.0 - 1000.0 / 1e4)
    deposit(world, 4e3)
    mark(world)
    assert perps(world).desks[0].accounts.lost == 0.0


def test_a_socialised_loss_is_shared_in_proportion_to_equity():
    world = perp_world('waterfall = ["market", "socialise"]', contract(more=FREE))
    for row, money in enumerate((2e3, 1e4, 3e4)):
        deposit(world, money, row)
    trade(world, 10.0)
    move_index(world, 1700.0)
    liquidate(world)
    spread(world)
    assert holding(world, "a", "perp.margin", 1) == pytest.approx((1e4 - 250.0) * 1e6, abs=2)
    assert holding(world, "a", "perp.margin", 2) == pytest.approx((3e4 - 750.0) * 1e6, abs=2)
    assert holding(world, "a", "perp.quote") == 0


def test_large_positions_are_closed_in_two_steps_with_a_cool_down():
    settings = 'waterfall = ["market", "adl"]\n[protocols.partial_liquidation]\nabove_usd = 1e4'
    world = perp_world(settings, contract(more=FREE))
    deposit(world, 2e3)
    trade(world, 10.0)
    world.clock.tick = 0
    move_index(world, 1830.0)
    liquidate(world)
    assert holding(world, "a", "perp.ETH") == 8 * 10**8
    world.clock.tick = 1
    move_index(world, 1828.0)
    liquidate(world)
    assert holding(world, "a", "perp.ETH") in (0, 8 * 10**8)
    move_index(world, 1810.0)
    liquidate(world)
    assert holding(world, "a", "perp.ETH") == 0


def test_sold_collateral_of_a_failed_account_pays_its_loss():
    settings = 'waterfall = ["market"]\ncollateral_market = "market"\n[[protocols.collateral]]\nasset = "ETH"'
    world = perp_world(settings, contract(more=FREE))
    do(world, "a", Act.DEPOSIT, "perp", "ETH", 10**8)
    trade(world, 8.0)
    move_index(world, 1755.0)
    liquidate(world)
    spread(world)
    assert holding(world, "a", "perp.ETH") == holding(world, "a", "perp.margin.ETH") == 0
    assert 0.0 < holding(world, "a", "perp.quote") + holding(world, "a", "perp.margin") < 2e8


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("order", [ORDERS[1], ("market", "backstop", "insurance", "adl", "socialise")], ids=["m", "b"])
def test_a_crash_of_a_levered_crowd_is_conserved_and_replayed(order, seed):
    world = crowd(steps(order), seed)
    assert np.array_equal(world.ledger.replay(), world.ledger.balance)
    assert world.events.where(Kind.BREACH).size > 10
    row = world.ledger.balance[world.tokens["perp.ETH"].index]
    assert row.sum() == 0
    who = events_of(world, Kind.LIQUIDATION)["subject"] + events_of(world, Kind.BACKSTOP)["subject"]
    assert set(who) <= set(events_of(world, Kind.BREACH)["actor"])
    assert len(who) > 10


def test_with_deleveraging_of_everybody_nobody_stays_below_maintenance():
    world = crowd('waterfall = ["market", "adl", "socialise"]\noutside_deleveraged = true', 3)
    desk = perps(world).desks[0]
    desk.evaluate(world)
    assert not desk.breached().size
    assert desk.accounts.equity[desk.accounts.open & ~desk.house].min() >= 0.0


def test_permuting_the_rows_of_a_crowd_permutes_its_history():
    from experiments.build import build
    from tests.protocols.perps.perp_worlds import CRASH, DEPTH, venue
    from tests.worlds import COMMON, make_config

    who = people("a", 12, USD=2e4, opens='[["deposit", "perp", "USD", 1e4], ["buy", "perp", "perp.ETH", 60.0]]')
    text = (COMMON, CRASH, DEPTH, venue('waterfall = ["market", "adl"]\noutside_deleveraged = true'), who)
    plain, mixed = (build(make_config(*text), permute=how) for how in ({}, {"a": 5}))
    for world in (plain, mixed):
        run(world)
    margin = plain.tokens["perp.margin"].index
    people_ = [world.population("a") for world in (plain, mixed)]
    left = [world.ledger.balance[margin, p.lo : p.hi] for world, p in zip((plain, mixed), people_, strict=True)]
    assert np.array_equal(left[0][people_[1].labels], left[1])
