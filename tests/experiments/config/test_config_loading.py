"""What a loaded config gives to the rest of the program."""

import pickle
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from pydantic import ValidationError

from experiments.config import ConfigProblems, load
from sim.chain import ChainSettings
from sim.errors import ConfigError


@pytest.fixture
def market(folder):
    return load("market.toml")


def test_the_fixed_sections(market):
    assert (market.run.name, market.run.ticks, market.run.dt, market.run.seed) == ("run", 144, 600.0, 7)
    assert market.run.start == datetime(2021, 5, 19, tzinfo=UTC)
    assert market.record.networks == (0, 36, 143)
    assert (market.record.every, market.record.checks, market.record.postings) == (1, "sampled", False)
    assert [(asset.name, asset.price, asset.decimals) for asset in market.assets] == [
        ("USDC", 1.0, 6),
        ("ETH", 3000.0, 9),
        ("BTC", 40_000.0, 6),
    ]
    assert market.chain == ChainSettings()


def test_components_are_instances_with_their_settings(market, toys):
    walk, tape = market.components("process")
    assert type(walk) is toys.Walk
    assert (walk.name, walk.asset, walk.volatility) == ("eth", "ETH", 0.7)
    assert (tape.name, tape.cap) == ("btc", float("inf"))
    [pool] = market.components("protocol")
    assert (type(pool), pool.name, pool.oracle, pool.rounds) == (toys.Pool, "aave", "link", 0)
    assert pool.reserves == [toys.Reserve(asset="ETH", ltv=0.7, threshold=0.82), toys.Reserve(asset="USDC")]
    [jump] = market.components("shock")
    assert (jump.at, jump.size) == (72, -0.3)


def test_nested_components_and_containers(market, toys):
    funds = market.components("population")[1]
    assert type(funds.rule) is toys.InverseVolatility
    assert (funds.rule.window, funds.rule.floor) == (172_800.0, 0.01)
    assert [(type(t), t.every) for t in funds.triggers] == [(toys.Calendar, 3600.0)]
    assert (type(funds.bounds), funds.bounds) == (dict, {"ETH": 0.5, "BTC": 0.4})
    assert (type(funds.steps), funds.steps) == (list, [(1, 0.5), (36, 1.0)])


def test_a_default_component_is_used_where_none_is_written(edited, toys):
    edited(('rule = { kind = "inverse_volatility", window = "2d" }\n', ""))
    assert type(load("market.toml").components("population")[1].rule) is toys.Equal


def test_a_file_or_a_list_of_files(edited, folder):
    (folder / "b.csv").write_text("")
    edited(("count = 10\n", 'count = 10\nfiles = ["prices.csv", "b.csv"]\n'))
    assert load("market.toml").components("population")[1].files == [str(folder / n) for n in ("prices.csv", "b.csv")]
    edited(("count = 10\n", 'count = 10\nfiles = "b.csv"\n'))
    assert load("market.toml").components("population")[1].files == str(folder / "b.csv")


def test_every_call_makes_new_components(market):
    first, second = market.components("population")[1], market.components("population")[1]
    first.rule.window = 1.0
    first.bounds["ETH"] = 0.0
    first.steps.append((9, 9.0))
    assert (second.rule.window, second.bounds["ETH"], len(second.steps)) == (172_800.0, 0.5, 2)
    assert market.components("population")[1].bounds["ETH"] == 0.5


def test_an_unknown_family(market):
    with pytest.raises(ConfigError, match=r'configs hold no family "populations"; did you mean "population"\?'):
        market.components("populations")


def test_nothing_can_be_changed(market):
    with pytest.raises(FrozenInstanceError):
        market.run = None
    with pytest.raises(FrozenInstanceError):
        market.run.seed = 1
    with pytest.raises(TypeError):
        market.tables["population"] = ()
    allocator = market.tables["population"][1]
    with pytest.raises(ValidationError, match="frozen"):
        allocator.count = 3
    with pytest.raises(ValidationError, match="frozen"):
        allocator.rule.window = 3.0
    with pytest.raises(TypeError):
        allocator.bounds["ETH"] = 1.0
    with pytest.raises(TypeError):
        allocator.steps[0] = ()


def test_the_clock_is_new_each_time(market):
    clock = market.clock()
    clock.tick += 5
    assert (market.clock().tick, market.clock().ticks, market.clock().dt) == (0, 144, 600.0)
    assert market.clock().time(144) == market.run.start + timedelta(days=1)


def test_the_correlation_matrix_follows_the_assets(market, edited):
    np.testing.assert_array_equal(market.correlation_matrix(), [[1.0, 0.8], [0.8, 1.0]])
    edited(('[[correlations]]\nbetween = ["ETH", "BTC"]\nvalue = 0.8', ""))
    assert load("market.toml").correlation_matrix() is None


def test_correlations_that_contradict_each_other(edited):
    more = '[[assets]]\nname = "SOL"\nprice = 100\n[[correlations]]\nbetween = ["ETH", "SOL"]\nvalue = 0.9\n'
    more += '[[correlations]]\nbetween = ["BTC", "SOL"]\nvalue = -0.9\n[[correlations]]'
    edited(("[[correlations]]", more))
    with pytest.raises(ConfigProblems, match=r"market.toml:\d+:1: correlations: correlations are not positive semidef"):
        load("market.toml")


def test_a_config_travels_to_another_process(market):
    copy = pickle.loads(pickle.dumps(market.with_sets(["agents.noise.count=3"])))
    assert copy.components("population")[0].count == 3
    assert (copy.run, copy.assets, copy.chain) == (market.run, market.assets, market.chain)


def test_a_files_checks_are_not_repeated_in_another_process(market, folder):
    pickled = pickle.dumps(market)
    (folder / "prices.csv").write_text("0,nan\n")
    assert pickle.loads(pickled).run == market.run
    with pytest.raises(ConfigProblems, match=r"prices.csv:1: price is nan"):
        market.with_sets([])
