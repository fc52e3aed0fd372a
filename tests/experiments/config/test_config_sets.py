"""Single settings from the command line."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.config import ConfigProblems, load, resolve


@pytest.fixture
def market(folder):
    return lambda *sets: load("market.toml", sets)


def problems(market, *sets):
    with pytest.raises(ConfigProblems) as caught:
        market(*sets)
    return str(caught.value).split("\n")


def at(config, path):
    """A value of the resolved config; list items by name or asset."""
    value = resolve(config)
    for part in path.split("."):
        if isinstance(value, list):
            value = {item.get("name", item.get("asset")): item for item in value}
        value = value[part]
    return value


@pytest.mark.parametrize(
    ("item", "path", "value"),
    [
        ("run.seed=3", "run.seed", 3),
        (" run.seed = 3 ", "run.seed", 3),
        ("run.dt=20min", "run.dt", 1200.0),
        ('run.name="a b"', "run.name", "a b"),
        ("run.name=a b", "run.name", "a b"),
        ("run.start=2021-05-19T01:00:00", "run.start", "2021-05-19T01:00:00+00:00"),
        ("run.duration=2d", "run.ticks", 288),
        ("agents.noise.count=0", "agents.noise.count", 0),
        ("agents.noise.rate=2", "agents.noise.rate", 2.0),
        ("protocols.aave.reserves.ETH.ltv=0.8", "protocols.aave.reserves.ETH.ltv", 0.8),
        ("protocols.aave.reserves.0.ltv=0.8", "protocols.aave.reserves.ETH.ltv", 0.8),
        ("agents.funds.rule.window=3d", "agents.funds.rule.window", 259_200.0),
        ("agents.funds.bounds.ETH=0.1", "agents.funds.bounds.ETH", 0.1),
        ("agents.funds.bounds={BTC=1}", "agents.funds.bounds", {"BTC": 1.0}),
        ("chain.base_fee=7", "chain.base_fee", 7.0),
        ("record.networks=[1, '3h']", "record.networks", [1, 18]),
        ("record.networks.1=2h", "record.networks", [0, 12, 143]),
        ("record.checks=off", "record.checks", "off"),
        ("shocks=[]", "shocks", []),
        ('agents."noise"."count"=4', "agents.noise.count", 4),
    ],
)
def test_setting_one_value(market, item, path, value):
    assert at(market(item), path) == value


def test_nothing_else_changes(market):
    before, after = resolve(market()), resolve(market("agents.noise.count=0"))
    assert after["agents"][0].pop("count") == 0
    assert before["agents"][0].pop("count") == 100
    assert before == after


def test_later_items_win_and_build_on_earlier_ones(market):
    config = market(
        "agents.funds.rule.kind=equal",
        "agents.funds.rule.kind=inverse_volatility",
        "agents.funds.rule.floor=0.5",
        "run.seed=1",
        "run.seed=2",
    )
    rule = at(config, "agents.funds.rule")
    assert rule == {"kind": "inverse_volatility", "window": 86_400.0, "floor": 0.5}
    assert config.run.seed == 2


def test_a_config_takes_further_items(market):
    config = market("run.seed=1")
    more = config.with_sets(["agents.noise.count=3"])
    assert (at(config, "agents.noise.count"), at(more, "agents.noise.count")) == (100, 3)
    assert at(more, "run.seed") == 1


@pytest.mark.parametrize(
    ("item", "line"),
    [
        ("agents.noise.count=-1", "agents.noise.count: found -1; must be at least 0"),
        ("agents.noise.count=lots", 'agents.noise.count: found "lots" (text); must be a whole number'),
        (
            "agents.noise.cuont=1",
            'agents.noise.cuont: unknown setting; did you mean "count"? '
            "Allowed: count, rate, venue, follows, name, kind",
        ),
        (
            "agents.nois.count=1",
            'agents.nois: agents has no item "nois"; did you mean "noise"? Allowed: noise, funds',
        ),
        (
            "protocols.aave.reserves.WETH.ltv=1",
            'protocols.aave.reserves.WETH: protocols.aave.reserves has no item "WETH"; did you mean "ETH"? '
            "Allowed: ETH, USDC",
        ),
        (
            "agnets.noise.count=1",
            'agnets: no such section "agnets"; did you mean "agents"? '
            "Allowed: run, record, chain, assets, correlations, observed, sweep, calibrate, quick, processes, "
            "protocols, oracles, shocks, agents",
        ),
        ("run.seed.x=1", "run.seed.x: found 7 at run.seed, which is no table; nothing can be set inside it"),
        (
            "run.sed=1",
            'run.sed: unknown setting; did you mean "seed"? '
            "Allowed: ticks, duration, dt, start, seed, replications, quick, name",
        ),
        (
            "agents.funds.rul.window=1",
            'agents.funds.rul: unknown setting; did you mean "rule"? '
            "Allowed: count, rule, triggers, bounds, steps, files, name, kind",
        ),
        ("run.seed", "write it as path=value, for example run.seed=3 or agents.noise.count=0"),
        ("=3", "write it as path=value, for example run.seed=3 or agents.noise.count=0"),
        ("record.networks.9=1", 'record.networks.9: record.networks has no item "9". Allowed: 0, 1, 2'),
        ("processes.btc.file=pries.csv", 'processes.btc.file: no file "pries.csv"; did you mean "prices.csv"?'),
    ],
)
def test_a_wrong_item_is_its_own_place(market, item, line):
    [found] = problems(market, item)
    assert found == f"--set {item}: {line}"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.integers(0, 2**63 - 1), st.floats(0, 1e12, allow_nan=False), st.text("abc xyz-'\"\\#[", min_size=1))
def test_any_value_goes_through(market, seed, rate, name):
    quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    config = market(f"run.seed={seed}", f"agents.noise.rate={rate!r}", f"run.name={quoted}")
    assert (config.run.seed, config.run.name) == (seed, name)
    assert at(config, "agents.noise.rate") == rate
