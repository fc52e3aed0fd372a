"""Market makers: two-sided quotes, inventory in bounds, withdrawal in stress, and what an agreement changes of it."""

import numpy as np
import pytest

from sim.errors import ConfigError
from sim.events import Kind
from sim.flows import Motive
from sim.intents import Act, Intent
from sim.phases import look
from tests.worlds import STILL, events_of, make_world, people, run

BOOK = """
[[protocols]]
name = "book"
kind = "order_book"
[[protocols.books]]
asset = "ETH"
tick_size = 0.1
lot_size = 0.001
"""
MAKERS = """
[[agents]]
name = "makers"
kind = "market_makers"
count = 6
venue = "book"
asset = "ETH"
volatility = 0.3
habit = "4h"
calm = "5min"
wealth_usd = { median = 1e6, spread = 0.0 }
"""
CROWD = """
[[agents]]
name = "crowd"
kind = "zero_intelligence"
count = 80
venue = "book"
asset = "ETH"
"""
WHALE = people("whale", USD=1e8, ETH=5e4)
DEAL = """
[[protocols]]
name = "deal"
kind = "maker_programme"
venue = "book"
asset = "ETH"
max_spread = 0.02
min_size_usd = 20000.0
uptime = 0.5
epoch = "30min"
rebate_usd = 200.0
penalty_usd = 5000.0
"""
STRESS = range(90, 110)


def floor(*more, makers=MAKERS, ticks=40, sets=()):
    return make_world(STILL, BOOK, makers, *more, sets=("run.dt=1min", f"run.ticks={ticks}", *sets))


def quotes(world):
    """(bids, asks): price and whole tokens of each order of the makers, by account."""
    look(world)
    population, market = world.population("makers"), world.quotes["book"].market(world.tokens["ETH"].index)
    resting = market.resting(population.lo, population.hi)
    rows = list(zip(resting.row.tolist(), resting.price.tolist(), (resting.amount / 1e8).tolist(), strict=True))
    sides = resting.bid.tolist()
    return [r for r, bid in zip(rows, sides, strict=True) if bid], [
        r for r, bid in zip(rows, sides, strict=True) if not bid
    ]


def inventory(world):
    """(n,) quotes that each maker holds beyond its target."""
    makers = world.population("makers")
    tokens = [world.tokens[name].index for name in ("ETH", "book.locked.ETH")]
    return (
        world.ledger.balance[tokens, makers.lo : makers.hi].sum(axis=0) - world.gas_reserve - makers.target
    ) / makers.size


def hammer(world, usd=5e5):
    """The whale sells and buys in turn at the end of every other minute of stress, up to 1.5% from the mid."""
    eth = world.tokens["ETH"].index

    def script(view, draws):
        if view.tick not in STRESS or view.tick % 2:
            return []
        act, bound = (Act.SELL, 0.985) if view.tick % 4 else (Act.BUY, 1.015)
        limit = bound * view.quotes["book"].market(eth).price
        amount = np.array([round(usd / 2_000.0 * 1e8)])
        return [Intent(act, view.venue("book"), view.accounts, eth, amount, limit=limit, tip=5e4)]

    world.population("whale").script = script
    return world


def depth_through(world, ticks):
    """(ticks,) USD of the makers' bids and asks within 1% of the mid after each tick, and their mean spread."""
    depth, spread = [], []
    for _ in range(ticks):
        run(world, 1)
        bids, asks = quotes(world)
        mid = world.quotes["book"].market(world.tokens["ETH"].index).price
        depth.append(sum(p * a for _, p, a in bids + asks if abs(p / mid - 1.0) <= 0.01))
        best = [max((p for _, p, _ in bids), default=0.0), min((p for _, p, _ in asks), default=np.inf)]
        spread.append((best[1] - best[0]) / mid)
    return np.array(depth), np.array(spread)


def test_all_quote_both_sides_around_the_mid_at_the_agreed_levels():
    world = floor()
    run(world, 3)
    bids, asks = quotes(world)
    for side in (bids, asks):
        assert np.bincount([row for row, _, _ in side]).tolist() == [3] * 6
        assert sum(p * a for _, p, a in side) == pytest.approx(6 * 3 * 20_000.0, rel=0.01)
    assert max(p for _, p, _ in bids) < 2_000.0 < min(p for _, p, _ in asks)
    assert np.mean([p for _, p, _ in bids + asks]) == pytest.approx(2_000.0, rel=1e-4)
    assert not inventory(world).any()


@pytest.mark.parametrize("model", ["glft", "avellaneda_stoikov"])
def test_an_inventory_moves_both_quotes_against_it(model):
    world = floor(WHALE, makers=MAKERS + f'model = "{model}"\nlevels = 1\nrisk_aversion = [500.0, 500.0]\n')
    run(world, 3)
    sold = 6 * 20_000.0 / 2_000.0 / 2

    def sell(view, draws):
        if view.tick != 3:
            return []
        amount = np.array([round(sold * 1e8)])
        return [Intent(Act.SELL, view.venue("book"), view.accounts, view.token("ETH"), amount, tip=5e4)]

    world.population("whale").script = sell
    run(world, 1)
    held = inventory(world)
    assert held.sum() == pytest.approx(3.0, rel=0.01)
    run(world, 1)
    bids, asks = quotes(world)
    heavy, light = int(np.argmax(held)), int(np.argmin(held))
    price = {side: {row: p for row, p, _ in rows} for side, rows in (("bid", bids), ("ask", asks))}
    assert price["bid"][heavy] < price["bid"][light]
    assert price["ask"][heavy] < price["ask"][light]


def test_the_inventory_stays_within_its_limit_whatever_the_flow():
    world = floor(WHALE, makers=MAKERS + "inventory_limit = 4.0\nstrain = 1.0\npull_at = [1e6, 1e6]\n", ticks=60)
    eth = world.tokens["ETH"].index

    def sell(view, draws):
        return [
            Intent(Act.SELL, view.venue("book"), view.accounts, eth, np.array([100 * 10**8]), limit=1_000.0, tip=5e4)
        ]

    world.population("whale").script = sell
    reached = []
    for _ in range(60):
        run(world, 1)
        reached.append(inventory(world).max())
        bids, _ = quotes(world)
        room = {row: sum(a for r, _, a in bids if r == row) for row, _, _ in bids}
        sizes = world.population("makers").size / 1e8
        for row, amount in room.items():
            assert inventory(world)[row] + amount / sizes[row] <= 4.0 + 1e-6
    assert max(reached) <= 4.0 + 1e-6
    assert max(reached) > 3.9


def test_the_strained_withdraw_and_trade_inventory_off_at_the_market():
    world = floor(WHALE, makers=MAKERS + "inventory_limit = 4.0\nstrain = 0.5\npull_at = [1e6, 1e6]\n")
    eth = world.tokens["ETH"].index

    def flow(view, draws):
        far = Intent(Act.LIMIT_BUY, view.venue("book"), view.accounts, eth, np.array([500 * 10**8]), limit=1_900.0)
        hit = Intent(Act.SELL, view.venue("book"), view.accounts, eth, np.array([180 * 10**8]), tip=5e4)
        return [far] if view.tick == 0 else [hit] if view.tick == 3 else []

    world.population("whale").script = flow
    run(world, 4)
    held = inventory(world)
    assert held.max() > 2.0
    strained = np.flatnonzero(held > 2.0)
    run(world, 1)
    assert inventory(world)[strained] == pytest.approx(0.5 * held[strained], abs=0.1)
    bids, asks = quotes(world)
    assert not {row for row, _, _ in bids + asks} & set(strained.tolist())
    run(world, 2)
    bids, asks = quotes(world)
    assert {row for row, _, _ in bids} >= set(strained.tolist())


def test_depth_falls_in_stress_and_comes_back():
    world = hammer(floor(CROWD, WHALE, ticks=200))
    depth, _ = depth_through(world, 200)
    calm, stress, after = depth[60:90].mean(), depth[STRESS.start + 2 : STRESS.stop].mean(), depth[-20:].mean()
    assert stress < 0.2 * calm
    assert after > 0.7 * calm
    assert (depth[STRESS.start + 2 : STRESS.stop] == 0.0).any()


def test_before_they_leave_they_widen_and_thin_out():
    stays = MAKERS + "pull_at = [1e6, 1e6]\nstrain = 1.0\nlevels = 1\n"
    world = hammer(floor(CROWD, WHALE, makers=stays, ticks=120), usd=3e5)
    run(world, 89)
    before, sizes = quotes(world), world.population("makers").size / 1e8
    run(world, 20)
    assert world.population("makers")._volatility.stress > 1.5
    wide, stress = quotes(world), world.population("makers")._volatility.stress

    def mean_spread(found):
        return np.mean([p for _, p, _ in found[1]]) - np.mean([p for _, p, _ in found[0]])

    assert mean_spread(wide) > 1.3 * mean_spread(before)
    largest = max(a for _, _, a in wide[0] + wide[1])
    assert largest <= sizes.max()
    assert largest == pytest.approx(sizes.max() / stress, rel=0.35)


def paired(ticks=200, deal=DEAL):
    """Depth and spread with and without a programme, on one seed; and the world with it."""
    without = hammer(floor(CROWD, WHALE, ticks=ticks))
    bound = MAKERS + 'programme = "deal"\n'
    with_it = hammer(floor(deal, CROWD, WHALE, makers=bound, ticks=ticks))
    return depth_through(with_it, ticks), depth_through(without, ticks), with_it


def test_a_programme_keeps_depth_and_spread_in_stress():
    (depth, spread), (bare_depth, bare_spread), world = paired()
    window = slice(STRESS.start + 2, STRESS.stop)
    assert depth[window].mean() > 3.0 * bare_depth[window].mean()
    quiet = np.arange(STRESS.start + 5, STRESS.stop, 2)
    assert (spread[quiet] < 0.02).all()
    assert np.isinf(bare_spread[quiet]).all()
    epochs = world.protocol("deal").epochs
    rebates, penalties = sum(e.rebates for e in epochs), sum(e.penalties for e in epochs)
    assert rebates > 0
    bonds = world.ledger.balance[world.tokens["deal.bond"].index, : world.accounts.count]
    held = bonds[bonds > 0].sum()
    assert held == sum(events_of(world, Kind.DEPOSIT)["amount"]) - penalties
    assert world.protocol("deal").budget(world) == 100_000 * 10**6 - rebates + penalties
    assert not world.ledger.residuals().any()
    assert np.array_equal(world.ledger.replay(), world.ledger.balance)


def test_who_expects_to_lose_more_than_the_penalty_leaves_all_the_same():
    cheap = DEAL.replace("penalty_usd = 5000.0", "penalty_usd = 1.0").replace("rebate_usd = 200.0", "rebate_usd = 1.0")
    (depth, _), (bare, _), _ = paired(ticks=STRESS.stop, deal=cheap.replace("max_spread = 0.02", "max_spread = 0.004"))
    assert (depth[STRESS.start + 2 :] == 0.0).any()
    assert depth[60:90].mean() > 0.5 * bare[60:90].mean()


def test_a_bond_that_was_fined_is_made_good():
    strict = DEAL.replace("uptime = 0.5", "uptime = 1.0").replace('epoch = "30min"', 'epoch = "10min"')
    world = floor(strict, makers=MAKERS + 'programme = "deal"\nrefresh = "5min"\n', ticks=22)
    run(world, 10)
    bonds = world.ledger.balance[world.tokens["deal.bond"].index, world.population("makers").lo :][:6]
    fined = bonds < 10_000 * 10**6
    assert fined.any()
    assert world.protocol("deal").epochs[0].failed == fined.sum()
    run(world, 9)
    assert (bonds == 10_000 * 10**6).all()


def test_every_move_of_theirs_is_market_making():
    world = floor(CROWD, makers=MAKERS + "reach = 0.0001\n", ticks=30)
    run(world)
    table, makers = world.flows.table(), world.population("makers").index
    mine = table["population"] == makers
    assert mine.any()
    assert set(table["motive"][mine].tolist()) == {int(Motive.MARKET_MAKING)}


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("inventory_limit = 40.0", "times quote_share is 0.8 of wealth; cash and asset allow 0.5"),
        ("pull_at = [4.0, 3.0]", "the first is the lower bound"),
        ('refresh = "0s"', "found 0; give a time above it"),
    ],
    ids=["means", "range", "time"],
)
def test_settings_that_cannot_work_are_refused(line, text):
    with pytest.raises(ConfigError, match=text):
        floor(makers=MAKERS + line + "\n")
