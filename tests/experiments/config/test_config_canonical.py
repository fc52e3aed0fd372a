"""The resolved config: complete, JSON-able, and the same for every way of writing it."""

import hashlib
import json
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.config import canonical, load, resolve
from experiments.config.sources import assemble


@pytest.fixture
def market(folder):
    return load("market.toml")


def test_it_holds_every_setting(market, folder):
    resolved = resolve(market)
    assert resolved["agents"] == [
        {"name": "noise", "count": 100, "rate": 1.0, "venue": "aave", "follows": None, "kind": "noise"},
        {
            "name": "funds",
            "count": 10,
            "rule": {"kind": "inverse_volatility", "window": 172_800.0, "floor": 0.01},
            "triggers": [{"kind": "calendar", "every": 3_600.0}],
            "bounds": {"ETH": 0.5, "BTC": 0.4},
            "steps": [[1, 0.5], [36, 1.0]],
            "files": None,
            "kind": "allocator",
        },
    ]
    digest = hashlib.sha256((folder / "prices.csv").read_bytes()).hexdigest()
    assert resolved["processes"][1] == {
        "name": "btc",
        "file": {"file": "prices.csv", "sha256": digest},
        "cap": "inf",
        "kind": "tape",
    }
    assert resolved["run"]["start"] == "2021-05-19T00:00:00+00:00"
    assert resolved["record"]["networks"] == [0, 36, 143]
    assert json.loads(json.dumps(resolved, allow_nan=False)) == resolved


def test_the_key_knows_no_name_seed_or_number_of_replications(market):
    same = market.with_sets(["run.name=other", "run.seed=99", "run.replications=8"])
    assert canonical(same) == canonical(market)
    assert resolve(same) != resolve(market)


@pytest.mark.parametrize(
    "item", ["run.ticks=200", "run.dt=700", "agents.noise.count=1", "chain.base_fee=1", "shocks=[]"]
)
def test_the_key_knows_everything_else(market, item):
    if item.startswith(("run.dt", "run.ticks")):
        market = market.with_sets(["record.networks=[]"])
    assert canonical(market.with_sets([item])) != canonical(market)


def test_the_key_knows_the_contents_of_files_but_not_their_place(market, folder):
    shutil.copytree(folder, folder / "moved", ignore=shutil.ignore_patterns("moved"))
    assert canonical(load("moved/market.toml")) == canonical(market)
    (folder / "moved" / "prices.csv").write_text("0,100\n")
    assert canonical(load("moved/market.toml")) != canonical(market)


@pytest.mark.parametrize(
    "change",
    [
        ("ticks = 144", 'duration = "1d"'),
        ('dt = "10min"', "dt = 600"),
        ("start = 2021-05-19T00:00:00Z", 'start = "2021-05-19"'),
        ('"6h", 2021-05-19T23:50:00Z]', "36, 143]"),
        ("price = 3000\n", "price = 3e3\n"),
        ("count = 100", "count = 1_00\nrate = 1"),
        ("[[shocks]]\nname", "# a comment\n[[shocks]]\n'name'"),
    ],
)
def test_one_config_in_two_ways_of_writing(market, edited, change):
    edited(change)
    assert canonical(load("market.toml")) == canonical(market)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(st.permutations(range(9)))
def test_the_order_of_sections_does_not_matter(market, folder, order):
    blocks = {}
    for block in (folder / "market.toml").read_text().split("\n\n"):
        section = block.partition("[")[2].strip("[").partition("]")[0].partition(".")[0]
        blocks[section] = blocks.get(section, "") + block + "\n\n"
    names = sorted(blocks)
    (folder / "mixed.toml").write_text("".join(blocks[names[i]] for i in order))
    assert canonical(load("mixed.toml")) == canonical(market)


def test_loading_leaves_no_trace_in_the_tree(folder, market):
    problems = []
    first = assemble(folder / "market.toml", problems)
    market.with_sets(["run.seed=5", "agents.noise.count=0"])
    assert market.document == first
    assert problems == []
