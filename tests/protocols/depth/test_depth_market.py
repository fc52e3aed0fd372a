"""The depth market on the ledger: batches without an order, recovery, depth, limits, and attribution."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.config.problems import ConfigProblems
from protocols.depth.execution import clearing_price
from protocols.shared.depth.kernels import Depth, average_price
from sim.errors import InvariantError
from sim.events import Kind
from sim.flows import OUTSIDE, Motive
from sim.intents import Act, Intent, Orders
from sim.phases import settle_orders
from tests.worlds import COMMON, DEPTH, STILL, WILD, do, events_of, holding, make_config, make_world, people, run

USD, ETH = 10**6, 10**8
CROWD = people("crowd", 8, USD=1e7, ETH=5_000.0)


def make(*more, depth=DEPTH, kind=STILL, **kwargs):
    return make_world(kind, depth, CROWD, *more, **kwargs)


def trade(world, signed, limits=None, order=None):
    """One batch: row i sells -signed[i] ETH atoms or spends signed[i] USD atoms. Returns what each row received."""
    crowd, orders = world.population("crowd"), Orders()
    order = range(len(signed)) if order is None else order
    for i in order:
        sells = signed[i] < 0
        limit = 0.0 if limits is None else limits[i]
        account, pair = np.array([crowd.lo + i]), (1, 0) if sells else (0, 1)
        sent = Intent(Act.SWAP, 0, account, pair[0], abs(signed[i]), token2=pair[1], motive=4, limit=limit)
        orders.add(sent, crowd.index, account, 0)
    before = world.ledger.balance[:2, crowd.lo : crowd.hi].copy()
    settle_orders(world, orders)
    return world.ledger.balance[:2, crowd.lo : crowd.hi] - before


sizes = st.lists(st.integers(-4_000 * ETH, 9 * 10**6 * USD).filter(bool), min_size=1, max_size=8)


@settings(max_examples=40)
@given(sizes, st.randoms())
def test_the_sequence_of_a_batch_does_not_matter(signed, random):
    order = list(range(len(signed)))
    random.shuffle(order)
    worlds = make(), make()
    moved = trade(worlds[0], signed), trade(worlds[1], signed, order=order)
    assert np.array_equal(*moved)
    assert worlds[0].prices.log_market[0] == worlds[1].prices.log_market[0]


@settings(max_examples=40)
@given(st.integers(10**7, 4_000 * ETH), st.integers(1, 7), st.booleans())
def test_splitting_an_order_within_a_batch_changes_nothing_beyond_rounding(amount, pieces, sells):
    amount = amount if sells else amount // 50 + 100
    sign = -1 if sells else 1
    whole, split = make(), make()
    received = trade(whole, [sign * amount])[0 if sells else 1].sum()
    parts = [amount // pieces] * (pieces - 1)
    parts.append(amount - sum(parts))
    others = trade(split, [sign * part for part in parts])[0 if sells else 1].sum()
    assert received - pieces - 1e-9 * received <= others <= received + 1 + 1e-9 * received
    assert whole.prices.log_market[0] == pytest.approx(split.prices.log_market[0], abs=1e-13)


@settings(max_examples=40)
@given(sizes)
def test_everybody_trades_at_one_price_less_the_fee(signed):
    world = make()
    moved = trade(world, signed)
    prices = [
        dollars / USD / (-coins / ETH) / 0.9995 if wish < 0 else -dollars / USD * 0.9995 / (coins / ETH)
        for wish, (dollars, coins) in zip(signed, moved.T.tolist(), strict=False)
        if abs(wish) > 10**6 and coins
    ]
    assert prices == pytest.approx(prices[:1] * len(prices), rel=1e-4)


@settings(max_examples=60)
@given(
    st.floats(-5e5, 5e5), st.floats(0.0, 1e10), st.floats(0.0, 1e6), st.floats(0.01, 0.5), st.floats(0.3, 1.0)
)  # fmt: skip
def test_the_clearing_price_is_the_fixed_point_however_large_the_impact(x, spent, sold, scale, delta):
    depth = Depth(scale, 1e5, delta, 1e-6)
    price, net = clearing_price(spent, sold, x, 2000.0, depth)
    assert net == pytest.approx(spent / price - sold)
    assert average_price(x, net, 2000.0, depth) == pytest.approx(price, rel=1e-9)


def test_an_absurd_batch_leaves_the_book_a_number():
    depth = DEPTH.replace("daily_volume = 1e5", "daily_volume = 0.01\ny = 40.0")
    world = make(depth=depth)
    trade(world, [-4_000 * ETH, 10 * USD, -1])
    assert np.isfinite(world.prices.log_market[0])
    assert not world.ledger.residuals().any()
    with pytest.raises(InvariantError):  # a price of nothing is an error, not a result
        run(world, 1)


def test_less_than_an_atom_is_refused_and_given_back():
    world = make()
    found = do(world, "crowd", Act.SWAP, "market", "ETH", 1, token2="USD")  # 0.00002 USD
    assert found.done  # twenty atoms
    cheap = make(sets=["assets.ETH.price=0.05", "assets.ETH.decimals=6"])
    assert do(cheap, "crowd", Act.SWAP, "market", "ETH", 21, token2="USD").done
    before = cheap.ledger.balance.copy()
    found = do(cheap, "crowd", Act.SWAP, "market", "ETH", 1, token2="USD")
    assert (found.done, found.reason) == (False, "the output is less than one atom")
    assert np.array_equal(cheap.ledger.balance, before)


@pytest.mark.parametrize(
    ("token", "token2", "amount", "reason"),
    [
        ("ETH", "ETH", 5, "the market does not trade these tokens against each other"),
        ("USD", "USD", 5, "the market does not trade these tokens against each other"),
        ("ETH", "USD", 0, "the account does not hold that much"),
        ("ETH", "USD", -5, "the account does not hold that much"),
        ("ETH", "USD", 10**13, "the account does not hold that much"),
    ],
)
def test_refusals_say_why_and_move_nothing(token, token2, amount, reason):
    world = make()
    before = world.ledger.balance.copy()
    found = do(world, "crowd", Act.SWAP, "market", token, amount, token2=token2)
    assert (found.done, found.reason) == (False, reason)
    assert np.array_equal(world.ledger.balance, before)


@settings(max_examples=40)
@given(sizes, st.lists(st.floats(0.97, 1.03), min_size=8, max_size=8))
def test_limits_are_respected_and_what_beyond_them_is_given_back(signed, ratios):
    world = make()
    limits = [(2000.0 if wish < 0 else 1 / 2000.0) * ratio for wish, ratio in zip(signed, ratios, strict=False)]
    moved = trade(world, signed, limits)
    for wish, limit, (dollars, coins) in zip(signed, limits, moved.T.tolist(), strict=False):
        if coins == dollars == 0:
            continue
        achieved = dollars / USD / (-coins / ETH) if wish < 0 else coins / ETH / (-dollars / USD)
        atom = 1 / abs(wish)
        assert achieved >= limit * (1 - 1e-9) - (ETH / USD if wish < 0 else USD / ETH) * atom
        assert (-coins if wish < 0 else -dollars) == abs(wish)


def test_displacement_decays_with_its_half_life_and_recovery_is_credited():
    world = make(sets=["run.ticks=10"])
    world.population("crowd").script = lambda view, draws: (
        [Intent(Act.SWAP, 0, view.accounts, 1, 1000 * ETH, token2=0, motive=4)] if view.tick == 0 else []
    )
    book = world.protocol("market")._books[0]
    run(world, 1)
    assert book.x == pytest.approx(-8000.0)
    run(world, 9)
    assert book.x == pytest.approx(
        -8000.0 * 0.5 ** (9 * 600 / 1800)
    )  # nine ticks of ten minutes, half-life half an hour
    table = world.flows.table()
    recovery = table["dlog"][table["motive"] == Motive.RECOVERY]
    assert recovery.size == 9
    assert (recovery > 0.0).all()
    assert np.log(world.prices.history[-1, 1] / 2000.0) == pytest.approx(table["dlog"].sum(), abs=1e-12)


def test_without_impact_the_price_is_the_fundamental_whatever_is_traded():
    world = make(depth=DEPTH.replace("[[protocols.books]]", "impact = false\n[[protocols.books]]"), kind=WILD)
    world.population("crowd").script = lambda view, draws: [Intent(Act.SWAP, 0, view.accounts, 1, 100 * ETH, token2=0)]
    run(world)
    assert len(events_of(world, Kind.SWAP)["id"]) == 8 * 12
    assert world.prices.history[:, 1] == pytest.approx(np.exp(world.prices.fundamental[:, 1]), rel=1e-14)
    assert set(world.flows.table()["motive"].tolist()) == {Motive.FUNDAMENTAL}
    quote = world.protocol("market").quote(world).market(1)
    assert (quote.sell_to(1.0), quote.buy_to(1e9)) == (0, 0)
    assert quote.sell(ETH) == pytest.approx(quote.price * 0.9995 * USD, abs=1)


def test_quotes_are_what_a_batch_of_one_would_bring():
    world = make()
    trade(world, [-500 * ETH])
    quote = world.protocol("market").quote(world).market(1)
    assert world.protocol("market").quote(world).market(0) is None
    expected = quote.sell(300 * ETH)
    assert trade(world, [-300 * ETH])[0].sum() == pytest.approx(expected, abs=2)
    quote = world.protocol("market").quote(world).market(1)
    expected = quote.buy(500_000 * USD)
    assert trade(world, [500_000 * USD])[1].sum() == pytest.approx(expected, abs=2)


@pytest.mark.parametrize("displaced", [-500, 0, 900])
@pytest.mark.parametrize("size", [1, 10**3, 300 * ETH, 20_000 * ETH])
def test_the_cost_of_coins_buys_them(displaced, size):
    world = make()
    trade(world, [displaced * ETH])
    quote = world.protocol("market").quote(world).market(1)
    cost = quote.cost(size)
    assert quote.buy(cost) == pytest.approx(size, rel=1e-9, abs=ETH / (quote.price * USD) + 1)
    assert quote.cost(0) == 0


@pytest.mark.parametrize("target", [1900.0, 2100.0])
def test_trading_to_a_price_gets_there(target):
    world = make()
    quote = world.protocol("market").quote(world).market(1)
    assert quote.price == pytest.approx(2000.0)
    down, up = quote.sell_to(target), quote.buy_to(target)
    assert (down > 0, up > 0) == (target < 2000.0, target > 2000.0)
    trade(world, [-down // 8] * 8 if down else [up // 8] * 8)
    assert np.exp(world.prices.log_market[0]) == pytest.approx(target, rel=1e-5)


def test_books_thin_when_the_market_is_wild_and_never_thicken_beyond_the_settings():
    thinning = DEPTH + "thinning = 0.5\n"
    for kind, thin in ((WILD, True), (STILL, False)):
        world = make(depth=thinning, kind=kind, sets=["run.ticks=30"])
        volumes = []
        for _ in range(30):
            run(world, 1)
            volumes.append(world.protocol("market")._books[0].depth.volume)
        assert max(volumes) <= 1e5
        assert (min(volumes) < 9e4) == thin


def test_a_price_that_stands_still_for_long_thins_nothing():
    world = make(depth=DEPTH + "thinning = 1.0\n", sets=["run.dt=1h"])
    run(world)  # the realised variance is exactly zero after one tick as long as its memory
    assert world.protocol("market")._books[0].depth.volume == 1e5


def test_thinning_of_a_displaced_book_is_credited_to_liquidity():
    world = make(depth=DEPTH + "thinning = 0.5\n", kind=WILD, sets=["run.ticks=20"])
    world.population("crowd").script = lambda view, draws: [Intent(Act.SWAP, 0, view.accounts, 1, 2 * ETH, token2=0)]
    run(world)  # the attribution check runs at every tick
    table = world.flows.table()
    mine = table["motive"] == Motive.LIQUIDITY
    assert mine.any()
    assert set(table["population"][mine].tolist()) == {OUTSIDE}


def test_parts_of_a_batch_are_in_proportion_to_size():
    world = make()
    world.population("crowd").script = lambda view, draws: (
        [Intent(Act.SWAP, 0, view.accounts, 1, np.arange(1, 9) * ETH, token2=0, motive=4)] if view.tick == 0 else []
    )
    run(world, 1)
    ids = events_of(world, Kind.SWAP)["id"]
    assert world.events.column("cause")[events_of(world, Kind.PRICE_MOVE)["id"][0]] == ids[-1]  # the largest seller
    assert world.events.value[ids] == pytest.approx(np.arange(1, 9) * 2000.0)
    assert events_of(world, Kind.SWAP)["amount"] == (np.arange(1, 9) * ETH).tolist()
    assert holding(world, "market", "ETH") == holding(world, "market", "USD") == 0  # the venue keeps nothing


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (DEPTH + DEPTH[DEPTH.index("[[protocols.books]]") :], "ETH listed twice; each asset has one book"),
        (DEPTH + "half_life = 0\n", "found 0; a displacement takes some time to recover"),
    ],
)
def test_settings_that_make_no_sense_are_refused(text, message):
    with pytest.raises(ConfigProblems, match=message):
        make_config(COMMON, STILL, text)
