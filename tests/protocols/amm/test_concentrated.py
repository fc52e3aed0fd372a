"""Concentrated liquidity: the curve of v3, solvent to the atom in exact fractions, fees where the liquidity is."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.amm.arbitrage import concentrated_loss, impermanent_loss
from sim import exposure
from sim.intents import Act
from tests.worlds import STILL, do, holding, make_world, people

USD, ETH = 10**6, 10**8
POOL = '[[protocols]]\nname = "pool"\nkind = "concentrated"\nasset = "ETH"\n'
NARROW = POOL + "ranges = [[0.9, 1.1], [0.5, 2.0], [1.2, 1.6]]\n"
FREE = "fee = 0.0\ntick_spacing = 1\n"
LP = people("lp", USD=1e7, ETH=4000.0, opens='[["add_liquidity", "pool", "ETH", 100.0]]')
TRADER = people("trader", USD=1e7, ETH=5000.0)


def make(pool=POOL, others=()):
    world = make_world(STILL, pool, LP, TRADER)
    for number in others:
        assert do(world, "lp", Act.ADD_LIQUIDITY, "pool", "ETH", 70 * ETH, subject=number).done
    return world


def swap(world, amount, token="ETH"):
    return do(world, "trader", Act.SWAP, "pool", token, amount, token2="USD" if token == "ETH" else "ETH")


def move(world, price):
    quote = world.protocol("pool").quote(world)
    amount = quote.sell_to(price) or quote.buy_to(price)
    assert swap(world, amount, "ETH" if price < quote.price else "USD").done


def owed(world):
    """Exact amounts of all ranges and their fees, as fractions of atoms: (asset, numeraire)."""
    pool, asset, money = world.protocol("pool"), Fraction(0), Fraction(0)
    for (low, high), liquidity, fees in zip(pool.bounds, pool.liquidity(world), pool.buckets, strict=True):
        now = Fraction(min(max(pool.root[0], low), high))
        asset += int(liquidity) * (1 / now - 1 / Fraction(high)) + int(fees[0])
        money += int(liquidity) * (now - Fraction(low)) + int(fees[1])
    return asset, money


@pytest.mark.parametrize(("fee", "spacing"), [(0.0001, 1), (0.0005, 10), (0.003, 60), (0.01, 200)])
def test_ranges_lie_on_the_ticks_of_the_fee_tier(fee, spacing):
    pool = make(NARROW + f"fee = {fee}\n", ()).protocol("pool")
    for (low, high), (wanted_low, wanted_high) in zip(pool.ticks, [(0.9, 1.1), (0.5, 2.0), (1.2, 1.6)], strict=False):
        assert low % spacing == high % spacing == 0
        assert 1.0001**low <= 20.0 * wanted_low < 1.0001 ** (low + spacing)
        assert 1.0001 ** (high - spacing) < 20.0 * wanted_high <= 1.0001**high
    assert pool.bounds == pytest.approx(1.0001 ** (np.array(pool.ticks) / 2.0), rel=1e-10)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(10**3, 4 * 10**10)), min_size=1, max_size=12))
def test_a_full_range_is_a_constant_product_to_rounding(batch):
    world = make()
    held, money = world.protocol("pool").amounts(world)[0].tolist()
    for sells, amount in batch:
        before = holding(world, "trader", "USD" if sells else "ETH")
        kept = amount * 997 // 1000
        expected = money * kept / (held + kept) if sells else held * kept / (money + kept)
        swap(world, amount, "ETH" if sells else "USD")
        paid = holding(world, "trader", "USD" if sells else "ETH") - before
        assert expected * (1 - 1e-9) - 2 <= paid <= expected + 1e-6
        held, money = (held + kept, money - expected) if sells else (held - expected, money + kept)


@settings(max_examples=30, deadline=None)
@given(st.integers(10**5, 10**10))
def test_within_a_range_it_is_a_constant_product_of_virtual_reserves(amount):
    world = make(NARROW)
    pool = world.protocol("pool")
    depth, root = float(pool.liquidity(world)[0]), float(pool.root[0])
    virtual_asset, virtual_money, kept = depth / root, depth * root, amount * 997 // 1000
    assert root / (1 + kept * root / depth) > pool.bounds[0, 0] or amount > 9 * 10**9
    expected = virtual_money * kept / (virtual_asset + kept)
    if expected < world.protocol("pool").reserves(world)[0][1]:
        assert expected * (1 - 1e-9) - 2 <= pool.quote(world).sell(amount) <= expected + 1e-6


steps = st.tuples(st.sampled_from(["sell", "buy", "add", "remove"]), st.integers(1, 2 * 10**11), st.integers(0, 3))


@settings(max_examples=40, deadline=None)
@given(st.lists(steps, min_size=1, max_size=25))
def test_it_holds_at_least_what_it_owes_in_exact_fractions(batch):
    world = make(NARROW, (1, 2, 3))
    pool = world.protocol("pool")
    for what, amount, number in batch:
        if what in ("sell", "buy"):
            swap(world, amount, "ETH" if what == "sell" else "USD")
        elif what == "add":
            do(world, "trader", Act.ADD_LIQUIDITY, "pool", "ETH" if amount % 2 else "USD", amount, subject=number)
        else:
            do(world, "trader", Act.REMOVE_LIQUIDITY, "pool", f"pool.range{number}", amount * 1000)
        asset, money = owed(world)
        held = holding(world, "pool", "ETH"), holding(world, "pool", "USD")
        assert held[0] >= asset
        assert held[1] >= money
        assert held[0] - asset <= 10 * len(batch)
        assert held[1] - money <= 10 * len(batch)
    for who in ("lp", "trader"):
        for number in range(4):
            if holding(world, who, f"pool.range{number}"):
                do(world, who, Act.REMOVE_LIQUIDITY, "pool", f"pool.range{number}", 2**60)
    assert not pool.liquidity(world).any()
    assert not pool.buckets.any()
    assert not world.ledger.residuals().any()
    assert np.array_equal(world.ledger.replay(), world.ledger.balance)


@settings(max_examples=25, deadline=None)
@given(st.integers(10**6, 10**11), st.floats(0.05, 0.95), st.booleans())
def test_splitting_a_swap_changes_rounding_only(amount, share, sells):
    token, other = ("ETH", "USD") if sells else ("USD", "ETH")
    first = max(1, int(amount * share))
    paid = []
    for parts in ([amount], [first, amount - first]):
        world = make(NARROW + FREE, (1, 3))
        before = holding(world, "trader", other)
        for part in parts:
            swap(world, part, token)
        paid.append(holding(world, "trader", other) - before)
    assert abs(paid[0] - paid[1]) <= 4 + 1e-9 * paid[0]


@settings(max_examples=25, deadline=None)
@given(st.integers(10**4, 10**11), st.booleans())
def test_a_round_trip_never_pays(amount, sells):
    world = make(NARROW + FREE, (1, 3))
    token, other = ("ETH", "USD") if sells else ("USD", "ETH")
    before = holding(world, "trader", token), holding(world, "trader", other)
    swap(world, amount, token)
    got = holding(world, "trader", other) - before[1]
    if got:
        swap(world, got, other)
    assert holding(world, "trader", token) <= before[0]


def growth_inside(world, path):
    """Fees of each range by v3's accounting: growth outside each tick, flipped when the price crosses it."""
    pool = world.protocol("pool")
    total, outside, earned = 0.0, {}, np.zeros(len(pool.ticks))
    for low, high in pool.bounds:
        for bound in (low, high):
            outside[bound] = 0.0
    start = float(path[0])
    for bound in outside:
        outside[bound] = 0.0 if bound > start else total
    entry = {}
    for r, (low, high) in enumerate(pool.bounds):
        entry[r] = inside(total, outside, low, high, start)
    now = start
    for goal in path[1:]:
        for bound in [*sorted(b for b in outside if now < b < goal), goal]:
            if any(low <= now < high for low, high in pool.bounds):
                total += (bound - now) * 0.003 / 0.997
            now = bound
            if bound in outside:
                outside[bound] = total - outside[bound]
    for r, (low, high) in enumerate(pool.bounds):
        earned[r] = (inside(total, outside, low, high, now) - entry[r]) * int(pool.liquidity(world)[r])
    return earned


def inside(total, outside, low, high, now):
    below = outside[low] if now >= low else total - outside[low]
    above = outside[high] if now < high else total - outside[high]
    return total - below - above


def test_fees_are_exact_and_go_where_the_liquidity_is():
    world = make(NARROW, (1, 2, 3))
    pool = world.protocol("pool")
    path = [float(pool.root[0])]
    before = holding(world, "trader", "USD")
    depth = pool.liquidity(world).astype(float)
    needed = 0.0
    for price in (2150.0, 2700.0, 3000.0):
        move(world, price)
        path.append(float(pool.root[0]))
    for (low, high), n in zip(pool.bounds, depth, strict=True):
        needed += n * (np.clip(path[-1], low, high) - np.clip(path[0], low, high))
    spent = before - holding(world, "trader", "USD")
    assert pool.earnings[:, 1].sum() == pytest.approx(spent - needed, abs=20)
    assert pool.earnings[:, 1].sum() == pytest.approx(0.003 * spent, rel=1e-8)
    assert pool.earnings[:, 1] == pytest.approx(growth_inside(world, path), rel=1e-7)
    assert (pool.earnings[:, 1] > 0).all()
    assert (pool.earnings[:, 0] == 0).all()


def test_who_comes_later_has_no_part_in_earlier_fees():
    world = make(NARROW)
    for price in (1900.0, 2000.0):
        move(world, price)
    waiting = world.protocol("pool").buckets[0].copy()
    assert (waiting > 0).all()
    before = holding(world, "trader", "ETH"), holding(world, "trader", "USD")
    assert do(world, "trader", Act.ADD_LIQUIDITY, "pool", "ETH", 50 * ETH, subject=0).done
    assert do(world, "trader", Act.REMOVE_LIQUIDITY, "pool", "pool.range0", 2**60).done
    after = holding(world, "trader", "ETH"), holding(world, "trader", "USD")
    assert all(0 <= was - now <= 4 for was, now in zip(before, after, strict=True))
    assert (world.protocol("pool").buckets[0] >= waiting).all()


@pytest.mark.parametrize(("ratio", "loss"), [(0.5, -0.05719), (2.0, -0.05719), (4.0, -0.2), (1.0, 0.0)])
def test_impermanent_loss_of_the_full_range_is_the_closed_form(ratio, loss):
    world = make(POOL + FREE)
    assert _loss(world, ratio) == pytest.approx(loss, abs=2e-5)
    assert _loss(make(POOL + FREE), ratio) == pytest.approx(impermanent_loss(ratio), abs=1e-7)


@pytest.mark.parametrize("ratio", [0.6, 0.89, 0.95, 1.0, 1.07, 1.2, 1.9])
def test_impermanent_loss_of_a_range_is_the_closed_form(ratio):
    world = make(NARROW + FREE, (3,))
    pool = world.protocol("pool")
    ends = (pool.bounds[0] / pool.root[0]) ** 2
    assert _loss(world, ratio) == pytest.approx(float(concentrated_loss(ratio, *ends)), abs=1e-7)
    assert float(concentrated_loss(ratio, 1e-12, 1e12)) == pytest.approx(impermanent_loss(ratio), abs=1e-5)


def _loss(world, ratio):
    pool = world.protocol("pool")
    first = pool.amounts(world)[0]
    if ratio != 1.0:
        move(world, 2000.0 * ratio)
    price = world.spot()[1] / 100.0  # USD atoms per ETH atom
    now = pool.amounts(world)[0]
    return (now[0] * price + now[1]) / (first[0] * price + first[1]) - 1.0


def test_beyond_the_last_range_it_refuses_and_moves_nothing():
    world = make(NARROW + "full_range = false\n")
    before = world.ledger.balance.copy()
    found = swap(world, 4000 * ETH)
    assert found.reason == "the output is less than one atom, or the amount beyond the pool's range"
    assert np.array_equal(world.ledger.balance, before)
    assert world.spot()[1] == pytest.approx(2000.0)
    quote = world.protocol("pool").quote(world)
    assert quote.cost(101 * ETH) is None
    most = quote.sell_to(1.0)
    assert quote.sell(most - 1000) > 0


@pytest.mark.parametrize(
    ("number", "token", "reason"),
    [
        (4, "ETH", "the pool has no range of this number"),
        (2, "USD", "the range takes none of this token at the present price"),
        (0, "pool.range0", "the pool does not hold this token"),
    ],
)
def test_deposits_are_refused_with_a_reason(number, token, reason):
    found = do(make(NARROW), "lp", Act.ADD_LIQUIDITY, "pool", token, 10 * USD, subject=number)
    assert (found.done, found.reason) == (False, reason)


def test_shares_are_worth_what_they_would_pay():
    world = make(NARROW, (1, 2, 3))
    for price in (2500.0, 1700.0, 2100.0):
        move(world, price)
    exposure.revalue(world)
    for number in range(4):
        token = world.tokens[f"pool.range{number}"].index
        value = holding(world, "lp", f"pool.range{number}") * world.prices.atom_values[token]
        before = holding(world, "lp", "ETH"), holding(world, "lp", "USD")
        assert do(world, "lp", Act.REMOVE_LIQUIDITY, "pool", f"pool.range{number}", 2**60).done
        got = (holding(world, "lp", "ETH") - before[0]) / ETH * 2100.0 + (holding(world, "lp", "USD") - before[1]) / USD
        assert got == pytest.approx(value, rel=1e-6, abs=1e-3)


def test_quotes_are_what_trades_bring():
    world = make(NARROW, (1, 2, 3))
    quote = world.protocol("pool").quote(world)
    for size in (1000, ETH, 60 * ETH, 200 * ETH):
        cost = quote.cost(size)
        assert quote.buy(cost) >= size > quote.buy(int(cost * (1 - 1e-6)) - 30)
    before = holding(world, "trader", "USD")
    expected = quote.sell(150 * ETH)
    swap(world, 150 * ETH)
    assert holding(world, "trader", "USD") - before == expected
    for price in (1500.0, 2600.0):
        move(world, price)
        assert world.spot()[1] == pytest.approx(price, rel=1e-6)


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ("fee = 0.002\n", "or a tick_spacing"),
        ("full_range = false\n", "at least one range"),
        ("ranges = [[2.0, 1.0]]\n", "lower bound"),
    ],
)
def test_settings_that_do_not_fit_are_named(more, text):
    with pytest.raises(Exception, match=text):
        make(POOL + more)
