"""The push oracle: deviation, heartbeat, latency, and how many liars a median survives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.config.problems import ConfigProblems
from sim.errors import ConfigError
from sim.events import Kind
from sim.model import SpilloverModel
from tests.worlds import AMM, COMMON, DEPTH, ORACLE, STILL, WILD, events_of, make_config, make_world, people, run


def make(oracle="", kind=WILD, *more, ticks=60, **kwargs):
    return make_world(
        kind, DEPTH, ORACLE + oracle, *more, sets=[f"run.ticks={ticks}", "record.checks=sampled"], **kwargs
    )


def path(world):
    """(market price when oracles look, published price) of every tick."""
    model, found = SpilloverModel(world), []
    feed = world.oracle("feed")
    while model.running:
        model.step()
        found.append((float(world.prices.history[world.clock.tick, 1]), feed.price(1)))
    return np.array(found).T


def test_the_opening_price_is_published_before_the_first_tick():
    assert make().oracle("feed").price(1) == pytest.approx(2000.0)


@settings(max_examples=15)
@given(st.floats(0.001, 0.1), st.integers(0, 5))
def test_the_published_price_is_never_further_off_than_the_deviation(deviation, replication):
    world = make(f"deviation = {deviation}\nheartbeat = '100d'\n", replication=replication)
    market, published = path(world)
    assert np.abs(market / published - 1.0).max() < deviation
    updates = events_of(world, Kind.ORACLE_UPDATE)
    sent = np.concatenate([[2000.0], updates["value"]])
    assert (np.abs(sent[1:] / sent[:-1] - 1.0) >= deviation).all()


@settings(max_examples=15)
@given(st.integers(1, 40))
def test_staleness_never_exceeds_the_heartbeat(beats):
    world = make(f"deviation = 10.0\nheartbeat = '{10 * beats}min'\n")
    feed, model = world.oracle("feed"), SpilloverModel(world)
    while model.running:
        model.step()
        assert (world.clock.tick - feed.sent_at) * world.clock.dt <= 600 * beats
    ticks = events_of(world, Kind.ORACLE_UPDATE)["tick"]
    assert np.diff([-1, *ticks]).tolist() == [beats] * len(ticks)


def test_a_heartbeat_below_the_tick_publishes_at_every_tick():
    world = make("heartbeat = '1s'\n", STILL, ticks=10)
    path(world)
    assert events_of(world, Kind.ORACLE_UPDATE)["tick"] == list(range(10))


@pytest.mark.parametrize("late", [0, 1, 4])
def test_latency_delays_what_protocols_see_and_events_say_when_it_was_observed(late):
    world = make(f"heartbeat = '1s'\nlatency = '{10 * late}min'\n", ticks=20)
    market, published = path(world)
    assert published[late:] == pytest.approx(market[: 20 - late], rel=1e-12)
    assert published[:late] == pytest.approx([2000.0] * late)
    updates = events_of(world, Kind.ORACLE_UPDATE)
    assert [tick - seen for tick, seen in zip(updates["tick"], updates["amount"], strict=True)] == [late] * (20 - late)


@settings(max_examples=25)
@given(st.integers(0, 7), st.sampled_from(["stuck", "skewed"]), st.floats(0.1, 10.0), st.integers(1, 4))
def test_the_median_withstands_fewer_than_half_and_nobody_withstands_more(faulty, fault, factor, half):
    feeds = 2 * half + 1
    faulty = min(faulty, feeds)
    world = make(
        f"feeds = {feeds}\nfaulty = {faulty}\nfault = '{fault}'\nfault_factor = {factor}\nheartbeat = '1s'\n", ticks=12
    )
    market, published = path(world)
    if faulty <= half:
        assert published == pytest.approx(market, rel=1e-12)
    elif fault == "stuck":
        assert published == pytest.approx([2000.0] * 12)
    else:
        assert published == pytest.approx(market * factor, rel=1e-12)


@settings(max_examples=10)
@given(st.integers(1, 4), st.floats(0.01, 100.0))
def test_a_minority_cannot_push_the_median_outside_the_honest_reports(half, factor):
    settings_ = f"feeds = {2 * half + 1}\nfeed_noise = 0.01\nheartbeat = '1s'\n"
    honest = make(settings_, STILL, ticks=20)
    bent = make(settings_ + f"faulty = {half}\nfault = 'skewed'\nfault_factor = {factor}\n", STILL, ticks=20)
    spread = 0.01 * 6.0
    for world in (honest, bent):
        assert np.abs(path(world)[1] / 2000.0 - 1.0).max() < spread


def test_more_reporters_make_less_noise():
    errors = [path(make(f"feeds = {n}\nfeed_noise = 0.02\nheartbeat = '1s'\n", STILL, ticks=400))[1] for n in (1, 25)]
    assert np.std(errors[1]) < 0.4 * np.std(errors[0])
    assert np.std(errors[0]) / 2000.0 == pytest.approx(0.02, rel=0.15)


def test_reporters_may_look_at_one_venue_only():
    lp = people("lp", USD=1e6, ETH=500.0, opens='[["add_liquidity", "amm", "ETH", 100.0]]')
    world = make("venue = 'amm'\n", WILD, AMM, lp, ticks=10)
    market, published = path(world)
    assert np.std(market) > 0.0
    assert published == pytest.approx([2000.0] * 10)  # nobody trades in the pool
    with pytest.raises(ConfigError, match='oracle "feed": ETH does not trade on "amm"'):
        make("venue = 'amm'\n", STILL, AMM.replace('"ETH"', '"BTC"'), BTC)


BTC = '[[assets]]\nname = "BTC"\nprice = 100.0\n[[processes]]\nname = "btc"\nkind = "gbm"\nassets = ["BTC"]\n'


def test_an_asset_that_trades_nowhere_is_priced_at_its_fundamental():
    world = make_world(WILD, ORACLE, sets=["oracles.feed.heartbeat=1s"])
    _, published = path(world)
    assert published == pytest.approx(np.exp(world.prices.fundamental[:12, 1]), rel=1e-12)


def test_more_liars_than_reporters_are_refused():
    with pytest.raises(ConfigProblems, match="4 of 3 reporters cannot be faulty; allowed: 0 to 3"):
        make_config(COMMON, STILL, DEPTH, ORACLE + "feeds = 3\nfaulty = 4\n")


def test_noise_of_one_oracle_is_not_that_of_another():
    second = ORACLE.replace('"feed"', '"other"') + "feed_noise = 0.02\nheartbeat = '1s'\n"
    world = make("feed_noise = 0.02\nheartbeat = '1s'\n", STILL, second, ticks=3)
    run(world)
    assert world.oracle("feed").price(1) != world.oracle("other").price(1)
