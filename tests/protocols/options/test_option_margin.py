"""Requirements of options: Deribit's figures, and never more than an expiry can lose."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.options.margin_kernels import net_requirements, short_margin, volatility_shock
from tests.worlds import Act, do, set_price


@pytest.mark.parametrize(
    ("is_call", "strike", "mark", "initial", "maintenance"),
    [(True, 110.0, 0.02, 0.12, 0.095), (True, 102.0, 0.04, 0.17, 0.115), (False, 90.0, 0.02, 0.12, 0.095)],
    ids=["call 110", "call 102", "put 90"],
)
def test_standard_margin_is_deribits(is_call, strike, mark, initial, maintenance):
    found = short_margin(np.array([is_call]), np.array([100.0]), np.array([strike]), np.array([mark]))
    assert found[0][0] == pytest.approx(initial, abs=1e-15)
    assert found[1][0] == pytest.approx(maintenance, abs=1e-15)


def test_a_dear_put_is_margined_by_its_own_value():
    first, kept = short_margin(np.array([False]), np.array([100.0]), np.array([300.0]), np.array([2.0]))
    assert kept[0] == pytest.approx(2.0 + 0.15)
    assert first[0] == pytest.approx(2.15)


def test_the_volatility_shock_is_deribits():
    assert volatility_shock(np.array([7.0, 30.0, 90.0]) / 365.0) == pytest.approx([0.588, 0.38, 0.2733], abs=5e-4)


STRIKES = np.array([80.0, 90.0, 100.0, 110.0, 120.0])
CALL = np.repeat([True, False], 5)


def needed(position, in_coins=False, coins=0.0, spot=100.0, marks=None):
    """Initial and maintenance requirement of one account in one expiry, without rounding."""
    strike = np.tile(STRIKES, 2)
    mark = np.maximum(np.where(CALL, spot - strike, strike - spot), 0.0) + 2.0 if marks is None else marks
    first, kept = short_margin(CALL, np.full(10, spot), strike, mark / spot)
    out = np.empty((1, 2))
    unit = 1.0 / spot if in_coins else 1.0
    net_requirements(
        np.array([position], dtype=float), strike, CALL, mark * unit, (first - mark / spot) * spot * unit,
        (kept - mark / spot) * spot * unit, np.array([0, 10]), np.array([0]), np.array([[spot, unit, in_coins]]),
        np.array([[coins]]), out,
    )  # fmt: skip
    return out[0], float(np.array(position) @ mark) * unit


def held(**legs):
    """Positions by name, such as c100=-1."""
    out = np.zeros(10)
    for name, amount in legs.items():
        out[(0 if name[0] == "c" else 5) + int(np.flatnonzero(float(name[1:]) == STRIKES)[0])] = amount
    return out


def test_long_options_must_be_paid_for_and_no_more():
    (initial, maintenance), marks = needed(held(c100=3, p90=2))
    assert initial == maintenance == pytest.approx(marks)


def test_a_condor_needs_its_width_less_its_credit():
    condor = held(c110=-1, c120=1, p90=-1, p80=1)
    marks = np.array([21.0, 13.0, 7.0, 3.0, 1.0, 1.0, 3.0, 7.0, 13.0, 21.0])
    (initial, maintenance), value = needed(condor, marks=marks)
    assert value == -4.0  # the credit, which the account holds as cash
    assert initial == maintenance == 10.0 - 4.0


def test_naked_shorts_keep_the_standard_margin():
    (initial, maintenance), _ = needed(held(c100=-2))
    assert (initial, maintenance) == (pytest.approx(30.0), pytest.approx(15.0))


def test_a_covered_call_needs_the_coin_and_nothing_else():
    deep = held(c80=-1)
    spot = 2000.0
    (initial, maintenance), marks = needed(deep, coins=1.0, spot=spot)
    assert initial == maintenance == pytest.approx(spot + marks)  # what the coin is worth less the call
    bare = needed(deep, spot=spot)[0]
    assert initial < bare[0]


def test_in_coins_a_short_call_can_lose_one_coin():
    (initial, _), marks = needed(held(c100=-1, c120=-1), in_coins=True, spot=1e6)
    assert initial == pytest.approx(2.0 + marks)
    (naked, _), _ = needed(held(p100=-1), in_coins=True)
    assert naked == pytest.approx(0.15)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-3, 3), min_size=10, max_size=10), st.floats(0.0, 4.0), st.booleans())
def test_the_requirement_is_the_worst_loss_or_less(position, coins, in_coins):
    (initial, maintenance), marks = needed(position, in_coins, 0.0 if in_coins else coins)
    grid = np.concatenate([np.linspace(1e-3, 400.0, 40_001), [1e7]])
    strike = np.tile(STRIKES, 2)[:, None]
    payoff = np.array(position) @ np.maximum(np.where(CALL[:, None], grid - strike, strike - grid), 0.0)
    payoff = payoff / grid if in_coins else payoff
    worst = max(marks - payoff.min(), 0.0)
    assert 0.0 <= maintenance <= initial + 1e-9
    assert initial <= worst + 1e-3 * (1.0 + abs(worst))
    if coins == 0.0 or in_coins:
        naked = needed(position, in_coins)[0][0]
        shorts = sum(-q for q in position if q < 0)
        assert naked >= min(worst - 0.5, 0.0 if shorts else worst - 0.5)


def test_portfolio_margin_is_the_worst_scenario(tools):
    world = tools.world(settings='margin = "portfolio"\nvolatility_shock = "grid"', count=2)
    number, name = tools.series(world, True, 1.0)
    assert do(world, "t", Act.SELL, "options", name, 10 * tools.eth).done
    venue = world.protocol("options")
    table, grid = venue.table, venue.portfolio.grid()
    venue.margin_accounts.evaluate(world)
    account = world.population("t").lo
    worst = 0.0
    for move, vol in zip(grid.moves, grid.vols, strict=True):
        at = table.price(table.volatility * (1.0 + vol), venue.years(world), table.spot * (1.0 + move))[number, 0]
        worst = max(worst, (at - table.mark[number]) * 10.0)
    assert venue.margin_accounts.maintenance[account] / tools.usd == pytest.approx(worst, rel=1e-12)
    assert venue.margin_accounts.initial[account] / tools.usd == pytest.approx(1.25 * worst, rel=1e-12)


def test_a_condor_at_the_venue_costs_its_width_less_its_credit(tools):
    world = tools.world(settings="fee = 0.0", usd=2000.0, count=2)
    venue, amount = world.protocol("options"), 5
    legs = [(Act.BUY, True, 1.1), (Act.BUY, False, 0.9), (Act.SELL, True, 1.05), (Act.SELL, False, 0.95)]
    for act, is_call, moneyness in legs:
        assert do(world, "t", act, "options", tools.series(world, is_call, moneyness, 1)[1], amount * tools.eth).done
    margin, account = venue.margin_accounts, world.population("t").lo
    margin.evaluate(world)
    credit = -float(world.ledger.balance[venue.table.token, account] @ venue.table.mark) / tools.eth
    width = 0.05 * 2000.0 * amount
    assert margin.initial[account] / tools.usd == pytest.approx(width - credit, abs=3e-6)
    assert margin.maintenance[account] == margin.initial[account]


def test_below_maintenance_is_liquidatable_and_above_is_not(tools):
    world = tools.world(count=2)
    _, name = tools.series(world, True, 1.2, expiry=1)
    assert do(world, "t", Act.SELL, "options", name, 200 * tools.eth).done
    margin, account = world.protocol("options").margin_accounts, world.population("t").lo
    for price in np.linspace(2000.0, 3000.0, 21):
        set_price(world, "ETH", price)
        margin.evaluate(world)
        assert (account in margin.breached()) == (margin.equity[account] < margin.maintenance[account])
    assert account in margin.breached()
