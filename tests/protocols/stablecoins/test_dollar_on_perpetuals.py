"""A synthetic dollar and carry funds on a venue of perpetuals with a book, funding, liquidation and deleveraging."""

import numpy as np
import pytest

from experiments.build import build
from sim import exposure
from sim.events import Kind
from sim.flows import Motive
from sim.model import SpilloverModel
from tests.dollar_worlds import BOOK, HOLDERS, ISSUER, PATH, STABLE
from tests.worlds import COMMON, DEPTH, LENDING, ORACLE, events_of, make_config, people

PERPS = """
[[protocols]]
name = "perps"
kind = "perpetuals"
insurance = 1e5
waterfall = WATERFALL
[[protocols.contracts]]
name = "ETH"
underlying = "ETH"
max_leverage = 25.0
inventory = INVENTORY
[protocols.contracts.book]
daily_volatility = 0.05
daily_volume = 3e5
"""
SOUND = '["market", "insurance", "adl", "socialise"]'
LONGS = people("longs", 4, USD=2e6, opens='[["deposit", "perps", "USD", 1e6], ["buy", "perps", "perps.ETH", 1500.0]]')
CARRY = """
[[agents]]
name = "carry"
kind = "carry"
count = 5
asset = "ETH"
spot_venue = "market"
perp_venue = "perps"
every = "20min"
memory = "1h"
leverage = [1.0, 2.0]
appetite = 1.0
capital_usd = { median = 2e6, spread = 0.3 }
"""


def make(*more, knots='[["10min", 0.0]]', waterfall=SOUND, inventory=0.3, sets=(), ticks=72):
    perps = PERPS.replace("WATERFALL", waterfall).replace("INVENTORY", str(inventory))
    parts = (COMMON, STABLE, PATH.format(knots=knots), DEPTH + BOOK, perps, *more)
    return build(make_config(*parts, sets=(f"run.ticks={ticks}", "chain.allowance=0.0", *sets)))


ALIKE = (
    "protocols.perps.contracts=[{name = 'ETH', underlying = 'ETH', impact = false, "
    "book = {daily_volatility = 0.05, daily_volume = 3e5}}]",
)
"""A contract that always trades at its index."""


def contract(world):
    return world.protocol("perps").markets[0]


def ran(*more, **kwargs):
    world = make(*more, **kwargs)
    model, basis, rates = SpilloverModel(world), [], []
    while model.running:
        model.step()
        basis.append(contract(world).mid / contract(world).index - 1.0)
        rates.append(contract(world).rate)
    return world, np.array(basis), np.array(rates)


def test_long_skewed_open_interest_makes_longs_pay_and_carry_funds_shrink_basis_and_funding():
    quiet, basis, rates = ran(LONGS)
    world, narrower, lower = ran(LONGS, CARRY)
    assert contract(quiet).open_interest(quiet) == pytest.approx(6_000.0)
    assert rates[-1] > 0.0
    assert basis[-36:].mean() > 5e-4
    assert -world.ledger.balance[contract(world).token, world.population("carry").lo :].sum() > 0
    assert narrower[-36:].mean() < 0.7 * basis[-36:].mean()
    assert 0.0 < lower[-1] < 0.7 * rates[-1]


def test_a_dollar_that_is_short_does_the_same():
    _, basis, rates = ran(LONGS)
    dollar, narrower, lower = ran(LONGS, ISSUER, HOLDERS)
    assert narrower[-36:].mean() < 0.9 * basis[-36:].mean()
    assert lower[-1] < rates[-1]
    issuer = dollar.protocol("issuer")
    assert issuer.value(dollar) == 1.0
    assert abs(issuer.delta(dollar)) <= issuer.delta_band


def test_dearer_money_means_fewer_carry_positions():
    bank = people("bank", USD=1e7, opens='[["deposit", "aave", "USD", 1e6]]')
    debtor = people("debtor", ETH=200.0, opens='[["deposit", "aave", "ETH", 100.0], ["borrow", "aave", "USD", 5e4]]')
    patient = 'financing = "aave"\nenter = [0.03, 0.04]\nleave = [0.01, 0.02]\nhorizon = "60d"\n'
    funds = CARRY.replace("appetite = 1.0", "appetite = 8.0").replace("2e6", "2e5") + patient
    sizes, rates = [], []
    for base in (0.0, 0.02, 0.04, 0.12):
        world, _, _ = ran(ORACLE, LENDING + f"base_rate = {base}\n", bank, debtor, funds, sets=ALIKE)
        rows = slice(world.population("carry").lo, world.population("carry").hi)
        sizes.append(-int(world.ledger.balance[contract(world).token, rows].sum()))
        rates.append(contract(world).rate * 8_760.0)
    assert rates[0] == pytest.approx(0.1095)  # the interest component alone: nobody leans on the contract
    assert sizes[0] > sizes[1] > sizes[2] > sizes[3] == 0


def test_a_synthetic_coin_differs_from_the_coin_by_carry_alone():
    opens = '[["deposit", "perps", "USD", 2e6], ["buy", "perps", "perps.ETH", 500.0]]'
    long = people("synthetic", USD=3e6, opens=opens)
    coin = people("coin", USD=2e6, ETH=500.0)
    world, _, _ = ran(LONGS, long, coin, knots='[["2h", 0.0], ["6h", 0.4]]')
    exposure.revalue(world)
    gained = exposure.wealth_by_account(world) - world.opening_wealth
    who = [world.population(name).lo for name in ("synthetic", "coin")]
    desk = world.protocol("perps").desks[0]
    funding, fees = (getattr(desk, name)[who[0]] / 1e6 for name in ("funding", "fees"))
    held = 500.0 * (contract(world).mark - world.spot()[1])
    assert gained[who[1]] > 1e5
    assert gained[who[0]] - gained[who[1]] == pytest.approx(held - funding - fees, abs=1.0)
    assert funding > 100.0
    assert fees == 0.0  # positions of the start are free


def test_profit_of_a_fund_is_funding_and_basis_less_fees():
    world, _, _ = ran(LONGS, CARRY, knots='[["2h", 0.0], ["6h", 0.3]]')
    exposure.revalue(world)
    funds, desk = world.population("carry"), world.protocol("perps").desks[0]
    rows = slice(funds.lo, funds.hi)
    gained = (exposure.wealth_by_account(world) - world.opening_wealth)[rows]
    balance = world.ledger.balance
    traded = desk.cash[rows] / 1e6 + balance[contract(world).token, rows] / 1e8 * contract(world).mark
    spot = spot_profit(world, funds)
    parts = traded - desk.funding[rows] / 1e6 - desk.fees[rows] / 1e6 + spot
    assert gained == pytest.approx(parts, abs=1.0)
    assert (desk.funding[rows] < 0).all()
    assert (desk.fees[rows] > 0).all()
    moved = balance[1, rows] / 1e8 * 2_000.0 * 0.3
    assert (np.abs(traded + spot) < 0.1 * moved).all()


def spot_profit(world, funds):
    """(n,) USD that coins bought and sold have made, from the ledger's journal."""
    event, token, src, dst, amount = world.ledger.journal().T
    market = world.protocol("market")
    swaps = (world.events.column("kind")[event] == Kind.SWAP) & (event > 0)
    made = np.zeros(funds.count)
    price = world.spot()[1]
    for row in range(funds.count):
        account = funds.lo + row
        for name, unit in ((0, 1e-6), (1, price / 1e8)):
            mine = swaps & (token == name)
            made[row] += unit * (amount[mine & (dst == account)].sum() - amount[mine & (src == account)].sum())
    assert market.fee > 0.0
    return made


CRASH = '[["30min", 0.0], ["60min", -0.35], ["61min", -0.35]]'
GAMBLERS = people(
    "gamblers", 6, USD=4e5, opens='[["deposit", "perps", "USD", 3e5], ["buy", "perps", "perps.ETH", 2500.0]]'
)
BORROWERS = """
[[agents]]
name = "borrowers"
kind = "leveraged_longs"
count = 20
protocol = "aave"
collateral = "ETH"
debt = "USD"
venue = "market"
equity_usd = { median = 1e5, spread = 0.3 }
leverage = [1.6, 3.5]
ignore = 1.0
[[agents]]
name = "liquidators"
kind = "liquidators"
count = 3
protocol = "aave"
venues = ["market"]
"""
WITHDRAWAL = """
[[shocks]]
name = "makers_leave"
kind = "depth_withdrawal"
venue = "perps"
share = 0.98
at = "40min"
duration = "1h"
"""
BANK = people("bank", USD=5e7, opens='[["deposit", "aave", "USD", 2e7]]')


def crash(**kwargs):
    issuer = ISSUER + "slippage = 0.0001\noutside_supply = 1e7\n"
    return ran(
        GAMBLERS, ORACLE, LENDING, BANK, BORROWERS, issuer, HOLDERS, WITHDRAWAL, knots=CRASH,
        waterfall='["market", "adl", "socialise"]', inventory=0.0, ticks=24, **kwargs,
    )[0]  # fmt: skip


def test_deleveraging_takes_the_hedge_the_coin_is_sold_and_borrowers_are_liquidated_by_that_sale():
    world = crash()
    issuer, events = world.protocol("issuer"), world.events
    cuts = events_of(world, Kind.DELEVERAGE)
    mine = [i for i, who in zip(cuts["id"], cuts["subject"], strict=True) if who == issuer.account]
    assert mine
    swaps = events_of(world, Kind.SWAP)
    sales = [
        i for i, who, why in zip(swaps["id"], swaps["actor"], swaps["cause"], strict=True)
        if who == issuer.account and why in mine
    ]  # fmt: skip
    assert sales
    flows = world.flows.table()
    forced = (flows["population"] == issuer.desk) & (flows["motive"] == Motive.UNWIND) & (flows["market"] == 0)
    assert flows["dlog"][forced].sum() < -0.005
    lending = world.protocol("aave").index
    kinds, venues = events.column("kind"), events.column("protocol")
    sunk = np.flatnonzero((kinds == Kind.LIQUIDATION) & (venues == lending))
    assert any(set(sales) & set(events.chain(int(event))) for event in sunk)
    assert abs(issuer.delta(world)) <= issuer.delta_band


def test_a_fire_sale_costs_the_holders_and_their_market_follows():
    world = crash()
    issuer = world.protocol("issuer")
    assert issuer.value(world) < 0.95
    assert world.spot()[issuer.unit] == pytest.approx(issuer.value(world), rel=0.02)
    assert not world.ledger.residuals().any()
