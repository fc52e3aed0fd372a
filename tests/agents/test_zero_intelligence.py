import numpy as np
import pytest

from sim.errors import ConfigError
from sim.events import Kind
from sim.flows import Motive
from sim.intents import Act
from sim.phases import look
from tests.worlds import STILL, events_of, make_world, run

BOOK = """
[[protocols]]
name = "book"
kind = "order_book"
[[protocols.books]]
asset = "ETH"
tick_size = 0.1
lot_size = 0.0001
"""


def crowd(count=300, dt="1s", ticks=60, **settings):
    defaults = {"limits_per_minute": 30.0, "markets_per_minute": 6.0, "order_life": 20.0, "wealth_usd": {"median": 1e6}}
    lines = []
    for key, value in (defaults | settings).items():
        table = isinstance(value, dict)
        inner = "{" + ", ".join(f"{k} = {v}" for k, v in value.items()) + "}" if table else value
        lines.append(f"{key} = {inner!r}" if isinstance(inner, str) and not table else f"{key} = {inner}")
    agents = f'[[agents]]\nname = "zi"\nkind = "zero_intelligence"\ncount = {count}\nvenue = "book"\nasset = "ETH"\n'
    sets = (f"run.ticks={ticks}", f"run.dt={dt}", "record.every=1000", "record.postings=false")
    return make_world(STILL, BOOK, agents + "\n".join(lines), sets=sets)


def sent(world, ticks):
    """All intents of a run, by act, while it runs."""
    population, found = world.population("zi"), {act: [] for act in Act}
    decide = population.decide

    def noted(view, draws):
        intents = decide(view, draws)
        for intent in intents:
            found[intent.act].append(intent)
        return intents

    population.decide = noted
    run(world, ticks)
    return found


def number(intents):
    return sum(intent.account.size for intent in intents)


def test_orders_come_at_the_rates_they_are_given():
    found = sent(crowd(limits_per_minute=6.0, markets_per_minute=3.0), 60)
    for acts, rate in (((Act.LIMIT_BUY, Act.LIMIT_SELL), 6.0), ((Act.SWAP,), 3.0)):
        expected = 300 * 60 * -np.expm1(-rate / 60.0)
        counts = [number(found[act]) for act in acts]
        assert sum(counts) == pytest.approx(expected, abs=4 * np.sqrt(expected))
        assert counts[0] == pytest.approx(sum(counts) / len(counts), abs=4 * np.sqrt(expected))
    assert {intent.motive for intents in found.values() for intent in intents} == {Motive.NOISE}


def test_orders_rest_as_long_as_they_live():
    world = crowd(markets_per_minute=0.0, order_life=10.0, limits_per_minute=3.0, distance=0.05, ticks=100)
    run(world, 100)
    # Arrivals times life; one cancellation per account and tick holds back few of them.
    live = 300 * 10.0 * 3.0 / 60.0
    assert world.protocol("book").matching.live == pytest.approx(live, abs=4 * np.sqrt(live))


@pytest.mark.parametrize(
    ("law", "beyond"),
    [("uniform", 0.0), ("exponential", 0.25), ("power", 1.0 / (2.0 * 2.0 ** (1 / 1.5) - 1.0) ** 1.5)],
    ids=["uniform", "exponential", "power"],
)
def test_distances_have_their_median_and_their_tail(law, beyond):
    found = sent(crowd(placement=law, distance=0.01, markets_per_minute=0.0, limits_per_minute=120.0), 1)
    away = np.concatenate([found[act][0].limit / 2000.0 - 1.0 for act in (Act.LIMIT_BUY, Act.LIMIT_SELL)])
    assert np.median(np.abs(away)) == pytest.approx(0.01, rel=0.15)
    assert np.mean(np.abs(away) > 0.02) == pytest.approx(beyond, abs=0.06)
    assert min(np.sum(away < 0.0), np.sum(away > 0.0)) > 90


def test_sizes_are_lognormal_until_the_purse_is_empty():
    found = sent(crowd(size_usd=500.0, size_spread=0.5, wealth_usd={"median": 1e9, "spread": 0.0}), 20)
    usd = np.concatenate(
        [np.asarray(intent.amount) * np.asarray(intent.limit) / 1e8 for intent in found[Act.LIMIT_SELL]]
    )
    assert np.log(usd).mean() == pytest.approx(np.log(500.0), abs=0.05)
    assert np.log(usd).std() == pytest.approx(0.5, rel=0.1)
    poor = crowd(wealth_usd={"median": 50.0, "spread": 0.0}, size_usd=1e4)
    run(poor, 20)
    assert (poor.ledger.balance[:, poor.population("zi").lo :] >= 0).all()


def test_messages_take_half_to_one_and_a_half_of_an_accounts_latency():
    world = crowd(latency_ms=[10.0, 20.0])
    found = sent(world, 10)
    population = world.population("zi")
    assert (population.latency >= 10.0).all()
    assert (population.latency <= 20.0).all()
    for intents in found.values():
        for intent in intents:
            share = intent.tip / population.latency[intent.account - population.lo]
            assert ((share >= 0.5) & (share < 1.5)).all()


def test_a_market_forms_with_a_spread_and_trades_and_the_book_is_exact():
    world = crowd()
    run(world, 60)
    look(world)
    quote = world.quotes["book"].market(1)
    assert 0.0 < quote.bid < quote.price < quote.ask < np.inf
    assert min(quote.depth(0.01)) > 0
    trades = events_of(world, Kind.SWAP)
    assert len(trades["id"]) > 500
    assert not world.ledger.residuals().any()
    flows = world.flows.table()
    assert set(flows["motive"].tolist()) == {Motive.NOISE}
    assert flows["dlog"].sum() == pytest.approx(np.log(world.prices.history[59, 1] / 2000.0), abs=1e-12)


def market_orders(ticks=400, **settings):
    """Intents to trade at the market, per tick, of 300 accounts."""
    world, counts = crowd(ticks=ticks, wealth_usd={"median": 1e8}, **settings), []
    population = world.population("zi")
    decide = population.decide

    def counted(view, draws):
        intents = decide(view, draws)
        counts.append(number(intent for intent in intents if intent.act == Act.SWAP))
        return intents

    population.decide = counted
    run(world, ticks)
    return np.array(counts)


def test_cycles_make_market_orders_come_in_waves_of_the_rate_of_the_level():
    steady = market_orders()
    # Two components of 1.9 or 0.1, one nearly for ever and one anew at every tick: a Poisson rate of two values.
    waves = market_orders(cycles={"components": 2, "spread": 0.9, "slowest": 1e9, "fastest": 0.001})
    assert steady.var() == pytest.approx(steady.mean(), rel=0.25)
    busy, calm = waves[waves > waves.mean()], waves[waves <= waves.mean()]
    assert busy.mean() / calm.mean() == pytest.approx(np.sqrt(1.9 / 0.1), rel=0.15)
    assert busy.size == pytest.approx(200, abs=4 * 10)
    assert busy.var() == pytest.approx(busy.mean(), rel=0.4)


def test_cycles_leave_limit_orders_alone():
    placed = [
        number(found[Act.LIMIT_BUY] + found[Act.LIMIT_SELL])
        for found in (sent(crowd(**extra), 5) for extra in ({}, {"cycles": {"spread": 0.9}}))
    ]
    assert placed[0] == pytest.approx(placed[1], abs=3)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"latency_ms": [9.0, 3.0]}, "the first is the lower bound"),
        ({"cycles": {"slowest": 1.0}}, "below slowest, 1 s"),
        ({"order_life": 0.0}, "an order rests for some time"),
    ],
    ids=["latency", "cycles", "life"],
)
def test_settings_that_make_no_sense_are_named(settings, words):
    with pytest.raises(ConfigError, match=words):
        crowd(**settings)
