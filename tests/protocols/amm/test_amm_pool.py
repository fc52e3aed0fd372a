"""The pool on the ledger: equal to Uniswap v2 to the atom, never below its curve, attributed to the last digit."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim import exposure
from sim.errors import ConfigError
from sim.events import Kind
from sim.intents import Act, Intent
from tests.worlds import AMM, DEPTH, STILL, WILD, do, events_of, holding, make_world, people, run

USD, ETH = 10**6, 10**8
LP = people("lp", USD=1e6, ETH=400.0, opens='[["add_liquidity", "amm", "ETH", 100.0]]')
TRADER = people("trader", 2, USD=2e6, ETH=500.0)
DONE, LIMIT = "done", "the price is worse than the order's limit"


def make(*more, amm=AMM, kind=STILL, **kwargs):
    return make_world(kind, amm, LP, TRADER, *more, **kwargs)


def reserves(world):
    return holding(world, "amm", "ETH"), holding(world, "amm", "USD")


def sell(world, amount, token="ETH", **more):
    return do(world, "trader", Act.SWAP, "amm", token, amount, token2="USD" if token == "ETH" else "ETH", **more)


def uniswap(amount, enters, leaves, num=997, den=1000):
    """UniswapV2Library.getAmountOut in whole numbers."""
    return amount * num * leaves // (enters * den + amount * num)


def test_the_pool_opens_at_the_fundamental_with_what_was_given():
    world = make()
    held, money = reserves(world)
    assert (held, money) == (100 * ETH, pytest.approx(200_000 * USD, abs=2))
    assert world.spot()[1] == pytest.approx(2000.0, rel=1e-9)
    assert holding(world, "lp", "USD") == pytest.approx(800_000 * USD, abs=2)  # not all of the provider's cash
    supply = -holding(world, "amm", "amm.share")
    assert supply == math.isqrt(held * money)
    assert world.ledger.balance[world.tokens["amm.share"].index, 0] == 1000  # locked for ever


def test_a_provider_short_of_cash_gives_less_of_both():
    poor = people("poor", USD=1000.0, ETH=400.0, opens='[["add_liquidity", "amm", "ETH", 100.0]]')
    world = make_world(STILL, AMM, poor)
    held, money = reserves(world)
    assert money == 1000 * USD
    assert held == pytest.approx(ETH // 2, abs=2)


orders = st.lists(st.tuples(st.booleans(), st.integers(1, 3 * 10**11)), min_size=1, max_size=25)


@settings(max_examples=40)
@given(orders)
def test_swaps_equal_exact_uniswap_and_reserves_are_the_ledgers(batch):
    world = make()
    for sells, amount in batch:
        token, other = ("ETH", "USD") if sells else ("USD", "ETH")
        held, money = reserves(world)
        enters, leaves = (held, money) if sells else (money, held)
        mine = {name: holding(world, "trader", name) for name in ("ETH", "USD")}
        found = sell(world, amount, token)
        expected = uniswap(amount, enters, leaves)
        if amount > mine[token]:
            assert found.reason in (
                "the account does not hold that much",
                "the output is less than one atom, or the amount beyond the pool's range",
            )
            expected = amount = 0
        elif expected == 0:
            assert not found.done
            amount = 0
        assert holding(world, "trader", token) == mine[token] - amount
        assert holding(world, "trader", other) == mine[other] + expected
        after = (held + amount, money - expected) if sells else (held - expected, money + amount)
        assert reserves(world) == after
        assert after[0] * after[1] >= held * money


@settings(max_examples=25)
@given(orders, st.integers(1, 10**10))
def test_a_share_is_never_worth_less_than_the_constant_product_curve(batch, added):
    world = make()
    supply = -holding(world, "amm", "amm.share")
    held, money = reserves(world)
    root = math.isqrt(held * money) / supply
    for i, (sells, amount) in enumerate(batch):
        sell(world, amount, "ETH" if sells else "USD")
        if i % 3 == 0:
            do(world, "trader", Act.ADD_LIQUIDITY, "amm", "ETH", added, row=1)
        held, money = reserves(world)
        supply = -holding(world, "amm", "amm.share")
        # Value at any price p is at least 2 sqrt(k p) >= 2 L sqrt(p) for L shares: sqrt(k) per share never falls.
        grown = math.sqrt(held * money) / supply
        assert grown >= root * (1 - 1e-12)
        root = grown
        exposure.revalue(world)
        share = world.prices.values[world.tokens["amm.share"].index]
        price = world.spot()[1]
        curve = 2.0 * math.sqrt(held / ETH * money / USD * price) / (supply / 1e6)
        assert share >= curve * (1 - 1e-9)


@pytest.mark.parametrize(("ratio", "loss"), [(0.5, -0.05719), (2.0, -0.05719), (4.0, -0.2), (1.0, 0.0)])
def test_impermanent_loss_without_fees_is_the_closed_form(ratio, loss):
    world = make(amm=AMM + "fee = 0.0\n")
    held, money = reserves(world)
    quote = world.protocol("amm").quote(world)
    target = 2000.0 * ratio
    if ratio < 1.0:
        assert sell(world, quote.sell_to(target)).done
    elif ratio > 1.0:
        assert sell(world, quote.buy_to(target), "USD").done
    assert world.spot()[1] == pytest.approx(target, rel=1e-6)
    after = reserves(world)
    kept, inside = (amount[0] / ETH * target + amount[1] / USD for amount in ((held, money), after))
    assert inside / kept - 1.0 == pytest.approx(loss, abs=2e-5)


def test_fees_accrue_to_shares_and_to_nobody_else():
    world = make()
    shares = holding(world, "lp", "amm.share")
    for _ in range(10):
        sell(world, 10 * ETH)
        sell(world, int(uniswap_back(world)), "USD")
    do(world, "lp", Act.REMOVE_LIQUIDITY, "amm", "amm.share", shares)
    assert holding(world, "lp", "ETH") > 400.5 * ETH - 1000  # a thousand shares are locked for ever
    assert holding(world, "lp", "USD") > 1e6 * USD
    assert holding(world, "trader", "USD") < 2e6 * USD
    assert holding(world, "trader", "ETH") == pytest.approx(500.5 * ETH, abs=ETH // 100)


def uniswap_back(world):
    """USD that buys back the ten coins just sold."""
    held, money = reserves(world)
    return 10 * ETH * money * 1000 // ((held - 10 * ETH) * 997) + 1


@settings(max_examples=40)
@given(st.integers(1, 300 * ETH), st.integers(0, 5), st.booleans())
def test_adding_and_removing_never_pays(amount, swaps, first_sell):
    world = make()
    for i in range(swaps):
        sell(world, (7 + i) * (ETH if first_sell else 1000 * USD), "ETH" if first_sell else "USD")
    before = holding(world, "trader", "ETH", 1), holding(world, "trader", "USD", 1)
    added = do(world, "trader", Act.ADD_LIQUIDITY, "amm", "ETH", amount, row=1)
    if added.done:
        minted = holding(world, "trader", "amm.share", 1)
        assert do(world, "trader", Act.REMOVE_LIQUIDITY, "amm", "amm.share", minted, row=1).done or amount < 100
    after = holding(world, "trader", "ETH", 1), holding(world, "trader", "USD", 1)
    assert after[0] <= before[0]
    assert after[1] <= before[1]
    if holding(world, "trader", "amm.share", 1) == 0:
        assert before[0] - after[0] <= 2 + 1e-5 * amount


@settings(max_examples=30)
@given(st.integers(1, 5 * ETH), st.floats(0.9, 1.1), st.booleans())
def test_least_outputs_are_respected(amount, ratio, sells):
    world = make()
    held, money = reserves(world)
    token = "ETH" if sells else "USD"
    amount = amount if sells else amount // 50 + 1
    paid = uniswap(amount, *((held, money) if sells else (money, held)))
    achieved = (paid / USD) / (amount / ETH) if sells else (paid / ETH) / (amount / USD)
    limit = achieved * ratio
    found = sell(world, amount, token, limit=limit)
    if paid == 0:
        assert not found.done
    elif abs(ratio - 1.0) > 1e-9:
        assert (found.done, found.reason) == ((True, DONE) if ratio < 1.0 else (False, LIMIT))


@pytest.mark.parametrize(
    ("act", "token", "token2", "amount", "reason"),
    [
        (Act.SWAP, "ETH", "ETH", ETH, "the pool does not hold this token"),
        (Act.SWAP, "amm.share", "USD", 5, "the pool does not hold this token"),
        (Act.SWAP, "ETH", "USD", 0, "the output is less than one atom, or the amount beyond the pool's range"),
        (Act.SWAP, "ETH", "USD", -ETH, "the output is less than one atom, or the amount beyond the pool's range"),
        (Act.SWAP, "ETH", "USD", 501 * ETH, "the account does not hold that much"),
        (Act.SWAP, "ETH", "USD", 2**60, "the output is less than one atom, or the amount beyond the pool's range"),
        (Act.ADD_LIQUIDITY, "USD", "ETH", ETH, "the pool does not hold this token"),
        (Act.ADD_LIQUIDITY, "ETH", "USD", 0, "the account does not hold that much"),
        (Act.ADD_LIQUIDITY, "ETH", "USD", 501 * ETH, "the account does not hold that much"),
        (
            Act.REMOVE_LIQUIDITY,
            "amm.share",
            "USD",
            5,
            "the output is less than one atom, or the amount beyond the pool's range",
        ),
        (Act.REMOVE_LIQUIDITY, "ETH", "USD", 5, "the pool does not hold this token"),
    ],
)
def test_refusals_say_why_and_move_nothing(act, token, token2, amount, reason):
    world = make()
    before = world.ledger.balance.copy()
    found = do(world, "trader", act, "amm", token, amount, token2=token2)
    assert (found.done, found.reason) == (False, reason)
    assert np.array_equal(world.ledger.balance, before)


def test_every_orders_price_move_is_its_own():
    world = make(sets=["run.ticks=6"])
    world.population("trader").script = lambda view, draws: [
        Intent(Act.SWAP, 0, view.accounts, 1, np.array([5, 2]) * ETH, token2=0, motive=4, tip=np.array([1.0, 9.0])),
        Intent(Act.SWAP, 0, view.accounts, 0, np.array([3, 1]) * 1000 * USD, token2=1, motive=5),
    ]
    world.population("lp").script = lambda view, draws: [Intent(Act.ADD_LIQUIDITY, 0, view.accounts, 1, ETH, motive=9)]
    prices = [world.prices.log_market[0]]
    run(world)
    prices += np.log(world.prices.history[:, 1]).tolist()
    table = world.flows.table()
    by_tick = np.bincount(table["tick"], table["dlog"], minlength=6)
    assert by_tick == pytest.approx(np.diff(prices), abs=1e-12)
    assert set(table["motive"].tolist()) >= {4, 5}
    added = np.abs(table["dlog"][table["motive"] == 9])
    assert added.size == 0 or added.max() < 1e-10  # liquidity at the pool's own ratio moves nothing but rounding


def test_events_say_what_was_sold_and_for_how_much():
    world = make()
    sell(world, 3 * ETH)
    found = events_of(world, Kind.SWAP)
    assert (found["token"], found["amount"]) == ([1], [3 * ETH])
    assert found["value"] == [pytest.approx(6000.0, rel=1e-6)]


def test_an_empty_pool_stands_at_the_fundamental_and_opens_there():
    jump = '[[shocks]]\nname = "up"\nkind = "price_jump"\nat = 2\nasset = "ETH"\nsize = 0.1\n'
    world = make_world(WILD, AMM, TRADER, jump, sets=["run.ticks=8"])
    world.population("trader").script = lambda view, draws: (
        [Intent(Act.ADD_LIQUIDITY, 0, view.accounts[:1], 1, 10 * ETH)] if view.tick == 4 else
        [Intent(Act.SWAP, 0, view.accounts[:1], 1, ETH, token2=0)] if view.tick in (1, 6) else []
    )  # fmt: skip
    run(world)
    assert events_of(world, Kind.TX_FAILED)["tick"] == [1]  # nothing to trade against
    assert events_of(world, Kind.SWAP)["tick"] == [6]
    market, fundamental = world.prices.history[:, 1], world.prices.fundamental_history[:, 1]
    assert market[:5] == pytest.approx(fundamental[:5], rel=1e-7)
    assert np.all(np.abs(market[5:] / market[4] - 1.0)[:1] < 1e-12)  # from then on only trade moves it


def test_the_quote_is_what_a_trade_would_bring():
    world = make()
    quote = world.protocol("amm").quote(world)
    assert quote.market(1) is quote
    assert quote.market(0) is None
    assert quote.price == pytest.approx(2000.0)
    before = holding(world, "trader", "USD")
    expected = quote.sell(7 * ETH)
    sell(world, 7 * ETH)
    assert holding(world, "trader", "USD") - before == expected
    bought = world.protocol("amm").quote(world).buy(1000 * USD)
    coins = holding(world, "trader", "ETH")
    sell(world, 1000 * USD, "USD")
    assert holding(world, "trader", "ETH") - coins == bought


def test_trading_to_a_price_gets_there():
    for target in (1500.0, 2600.0):
        world = make()
        quote = world.protocol("amm").quote(world)
        down, up = quote.sell_to(target), quote.buy_to(target)
        assert (down > 0) == (target < 2000.0)
        assert (up > 0) == (target > 2000.0)
        assert sell(world, down or up, "ETH" if down else "USD").done
        assert world.spot()[1] == pytest.approx(target, rel=1e-6)


def test_the_cost_of_coins_buys_them_and_hardly_more():
    world = make()
    quote = world.protocol("amm").quote(world)
    held = quote.reserves[0]
    for size in (1, 10**5, ETH, held // 2):
        cost = quote.cost(size)
        assert quote.buy(cost) >= size > quote.buy(cost - 2)
    assert (quote.cost(0), quote.cost(held), quote.cost(2 * held)) == (0, None, None)


def test_a_pool_of_the_numeraire_is_refused():
    with pytest.raises(ConfigError, match='"amm" cannot trade the numeraire against itself'):
        make_world(STILL, DEPTH, AMM.replace('"ETH"', '"USD"'))
