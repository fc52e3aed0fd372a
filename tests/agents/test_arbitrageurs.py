import numpy as np
import pytest

from agents.arbitrageurs import Arbitrageurs
from agents.shared.sizes import Sizes
from sim.chain import GAS
from sim.flows import Motive
from sim.intents import Act

SIGMA = 1.0


def arbitrageurs(count=4, **settings):
    defaults = {
        "name": "arbs",
        "assets": ["ETH"],
        "venues": ["market", "pool"],
        "min_profit_usd": 0.0,
        "tip": 0.0,
        "bid_share": 0.0,
        "capital_usd": Sizes(median=1e8, spread=0.0),
    }
    return Arbitrageurs(count=count, **(defaults | settings))


@pytest.fixture
def tied(floor, pool):
    """A reference market without impact at 2000 and a pool worth $20M beside it."""

    def make(population, fee=0.0, hub_fee=0.0, price=2000.0):
        place = floor(ETH=price).open("market", fee=hub_fee).open("pool", pool, fee=fee)
        return place.seat(population)

    return make


def pool_of(place):
    return place.quotes["pool"].markets[1]


def amounts(intents, venue):
    return {
        int(account): int(amount)
        for intent in intents
        if intent.venue == venue
        for account, amount in zip(intent.account, intent.amount, strict=True)
    }


def test_without_fee_the_pool_follows_the_reference_every_tick(tied):
    place = tied(arbitrageurs())
    rng = np.random.default_rng(1)
    for log_price in np.cumsum(rng.standard_normal(300) * 0.01):
        place.step(2000.0 * np.exp(log_price)).act()
        assert pool_of(place).price == pytest.approx(place.prices[1], rel=1e-8)


def test_arbitrage_takes_what_a_pool_loses_against_rebalancing(tied):
    """Milionis et al. (2022): volatility^2 / 8 of the pool's value per year, here at 100% a year on 5-minute steps."""
    place = tied(arbitrageurs(count=1))
    dt = 5 / (365 * 1_440)
    steps = np.random.default_rng(7).standard_normal(4_000) * SIGMA * np.sqrt(dt) - 0.5 * SIGMA**2 * dt
    log_price = 0.0
    rate = []
    for step in steps:
        log_price += step
        cash = place.balances[0].sum()
        value = 2.0 * pool_of(place).reserves[1]
        place.step(2000.0 * np.exp(log_price)).act()
        rate.append((place.balances[0].sum() - cash) / value / dt)
    realised = np.mean(steps**2) / dt
    assert np.mean(rate) == pytest.approx(realised / 8.0, rel=0.01)
    assert np.min(rate) > -1e-4


@pytest.mark.parametrize(("fee", "hub_fee"), [(0.003, 0.0), (0.003, 0.0005), (0.0005, 0.001)])
def test_trades_end_at_the_edge_of_the_band_and_nothing_happens_inside(tied, fee, hub_fee):
    place = tied(arbitrageurs(), fee, hub_fee)
    kept = (1.0 - fee) * (1.0 - hub_fee)
    assert place.step(2000.0 / kept * 0.9999).act() == []
    assert place.step(2000.0 * kept * 1.0001).act() == []
    assert place.step(2100.0).act()
    assert pool_of(place).price == pytest.approx(2100.0 * kept, rel=1e-5)
    assert place.act() == []
    assert place.step(1900.0).act()
    assert pool_of(place).price == pytest.approx(1900.0 / kept, rel=1e-5)
    assert place.refused == 0


def test_both_legs_leave_the_inventory_where_it_was_and_earn_cash(tied):
    place = tied(arbitrageurs(), fee=0.003, hub_fee=0.0005)
    held, cash = place.balances[1].sum(), place.balances[0].copy()
    for price in (2100.0, 1950.0, 2010.0, 1800.0):
        intents = place.step(price).act()
        assert {(intent.venue, intent.act, intent.motive) for intent in intents} == {
            (0, Act.SWAP, Motive.ARBITRAGE),
            (1, Act.SWAP, Motive.ARBITRAGE),
        }
        assert place.balances[1].sum() == pytest.approx(held, rel=1e-6)
    assert (place.balances[0] > cash).all()


def test_a_leg_that_failed_is_made_good_with_the_next_trade(tied):
    place = tied(arbitrageurs(count=1))
    held = place.balances[1].copy()
    market_leg = place.step(2100.0).act(execute=False)
    [sale] = [intent for intent in market_leg if intent.venue == 0]
    place._execute(sale, sale.account - 10)
    assert place.balances[1] < held
    # the pool is still cheap: it is bought again, and nothing needs to be sold against it
    [purchase] = place.act()
    assert purchase.venue == 1
    assert place.balances[1] == pytest.approx(held, abs=10)


def test_gas_and_least_profit_decide_who_trades_at_all(tied):
    def traders(gas_price, **settings):
        place = tied(arbitrageurs(count=10, **settings))
        place.gas_price = gas_price
        return len(amounts(place.step(2020.0).act(), venue=1))

    # moving a $20M pool by 1% earns about 20M / 4 * 1%^2 / 2 = $250; a swap costs $1.515 for each 5 gwei.
    per_gwei = GAS[Act.SWAP] * 1e-9 * 2020.0
    assert traders(0.0) == 10
    assert traders(49.0 / per_gwei) == 5
    assert traders(100.0 / per_gwei) == 2
    assert traders(100.0 / per_gwei, competition="fastest") == 1
    assert traders(260.0 / per_gwei) == 0
    assert traders(0.0, min_profit_usd=100.0) == 2
    assert traders(0.0, min_profit_usd=100.0, bid_share=0.5) == 1


def test_profits_pay_for_the_bid(tied):
    place = tied(arbitrageurs(count=1, bid_share=0.25, tip=3.0))
    [bid] = [intent.tip for intent in place.step(2020.0).decide() if intent.venue == 1]
    spent = (bid[0] - 3.0) * 1e-9 * GAS[Act.SWAP] * 2020.0
    cash = place.balances[0][0]
    place.act()
    assert spent == pytest.approx(0.25 * (place.balances[0][0] - cash) / 1e6, rel=1e-3)


def test_split_gives_equal_parts_and_fastest_gives_all_to_one(tied):
    split = amounts(tied(arbitrageurs(count=5)).step(2100.0).act(), venue=1)
    assert len(split) == 5
    assert max(split.values()) - min(split.values()) <= 1
    winners = set()
    for tick in range(30):
        place = tied(arbitrageurs(count=5, competition="fastest"))
        place.tick = tick
        [(winner, amount)] = amounts(place.step(2100.0).act(), venue=1).items()
        assert amount == pytest.approx(sum(split.values()), abs=5)
        winners.add(winner)
    assert len(winners) == 5


def test_size_is_bounded_by_capital_on_both_sides(tied):
    place = tied(arbitrageurs(count=3, capital_usd=Sizes(median=1_000.0, spread=0.0)))
    for price in (3000.0, 1500.0, 3000.0):
        place.step(price).act()
        assert (place.balances[0] >= 0).all()
        assert (place.balances[1] >= 0).all()
    assert pool_of(place).price == pytest.approx(2000.0, rel=0.01)
    assert place.sent
    assert place.refused == 0


def test_the_fastest_without_enough_capital_leaves_the_rest_to_the_next(tied):
    place = tied(arbitrageurs(count=6, competition="fastest", capital_usd=Sizes(median=400_000.0, spread=0.0)))
    taken = sorted(amounts(place.step(2100.0).act(), venue=1).values())
    assert len(taken) == 2
    assert taken[1] > taken[0]
    assert pool_of(place).price == pytest.approx(2100.0, rel=1e-6)


def test_attention_is_the_share_that_looks(tied):
    place = tied(arbitrageurs(count=1_000, attention=0.3))
    assert len(amounts(place.step(2100.0).act(), venue=1)) == pytest.approx(300, abs=60)
    blind = tied(arbitrageurs(attention=0.0))
    assert blind.step(2100.0).act() == []


def test_late_observers_trade_to_the_price_they_saw(tied):
    place = tied(arbitrageurs(observation_delay=1))
    place.step(2100.0)
    place.prices = np.array([1.0, 2000.0])
    assert place.act() == []
    place.prices = np.array([1.0, 2050.0])
    place.act()
    assert pool_of(place).price == pytest.approx(2050.0, rel=1e-8)


def test_pools_are_tied_together_and_the_pool_leg_is_never_worse_than_the_reference(floor, pool):
    place = floor(ETH=2000.0).open("market").open("near", pool, fee=0.0).open("far", pool, fee=0.003)
    place.seat(arbitrageurs(venues=["market", "near", "far"]))
    held = place.balances[1].sum()
    intents = place.step(2100.0).act()
    for intent in intents:
        if intent.venue > 0:
            assert np.all(1.0 / intent.limit <= 2100.0 + 1e-9)
    near, far = (place.quotes[name].markets[1].price for name in ("near", "far"))
    assert near == pytest.approx(2100.0, rel=1e-8)
    assert far == pytest.approx(2100.0 * 0.997, rel=1e-5)
    assert place.balances[1].sum() == pytest.approx(held, rel=1e-6)


def test_a_reference_with_impact_meets_the_pool_in_between(floor, pool):
    place = floor(ETH=2000.0).open("market", pool, fee=0.0, depth=10**13).open("pool", pool, fee=0.0, depth=10**13)
    hub, spoke = place.quotes["market"].markets[1], place.quotes["pool"].markets[1]
    hub.trade(10**12, selling=False)
    wide = hub.price / spoke.price
    place.seat(arbitrageurs(slippage=0.2))
    place.step().act()
    assert wide > 1.2
    assert hub.price / spoke.price == pytest.approx(1.0, abs=1e-6)


def test_one_account_earns_nothing_it_could_not_know_and_an_empty_population_is_silent(tied):
    assert tied(arbitrageurs(count=0)).step(2100.0).act() == []
    assert tied(arbitrageurs()).step(2000.0).act() == []
