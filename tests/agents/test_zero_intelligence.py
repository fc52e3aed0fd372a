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


def memory_of_volatility(excitation):
    """Autocorrelation of absolute returns over 1 to 10 ticks, mean of three seeds."""
    found = []
    for seed in range(3):
        world = crowd(
            count=40, ticks=500, dt="10s", excitation=excitation, limits_per_minute=3.0, markets_per_minute=1.0,
            order_life=120.0, memories=[30.0, 300.0],
        )  # fmt: skip
        world.actors[0].draws._key = world.actors[0].draws._key + np.uint64(seed)
        run(world, 500)
        size = np.abs(np.diff(np.log(world.prices.history[50:500, 1])))
        size = size - size.mean()
        found.append(np.mean([(size[lag:] * size[:-lag]).mean() for lag in range(1, 11)]) / size.var())
    return np.mean(found)


def test_excitation_makes_volatility_cluster():
    assert memory_of_volatility(0.9) > memory_of_volatility(0.0) + 0.03


def activities(excitation, volatility):
    """Activity along independent returns of these volatilities."""
    population, price = crowd(excitation=excitation, memories=[10.0]).population("zi"), 2000.0
    returns = np.random.default_rng(0).normal(0.0, volatility)
    return np.array([population._activity(price := price * np.exp(moved)) for moved in returns])


def test_activity_is_one_on_average_and_follows_volatility():
    assert activities(0.8, np.full(4_000, 1e-3)).mean() == pytest.approx(1.0, abs=0.03)
    wild = np.arange(4_000) // 500 % 2 == 0
    found = activities(0.8, np.where(wild, 1e-3, 1e-4))
    assert found[wild].mean() > 4.0 * found[~wild].mean()
    assert (activities(0.0, np.full(50, 1e-3)) == 1.0).all()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"latency_ms": [9.0, 3.0]}, "the first is the lower bound"),
        ({"memories": [0.0]}, "a memory lasts some time"),
        ({"order_life": 0.0}, "an order rests for some time"),
    ],
    ids=["latency", "memories", "life"],
)
def test_settings_that_make_no_sense_are_named(settings, words):
    with pytest.raises(ConfigError, match=words):
        crowd(**settings)
