"""`run.quick` puts the settings of the [quick] table in, and leaves no trace of itself."""

import pickle

import pytest

from experiments.config import ConfigProblems, canonical, load

QUICK = '[quick]\n"run.ticks" = 200\n"agents.noise.count" = 3\n'


@pytest.fixture
def market(folder):
    path = folder / "market.toml"
    path.write_text(path.read_text() + QUICK)
    return lambda *sets: load("market.toml", sets)


def test_without_it_the_table_says_nothing(folder, market):
    plain = load("market.toml", ["run.quick=false"])
    assert canonical(plain) == canonical(market())
    assert plain.run.ticks != 200


def test_with_it_the_run_is_the_one_that_says_so_itself(market):
    said = market("run.ticks=200", "agents.noise.count=3")
    assert canonical(market("run.quick=true")) == canonical(said)


def test_what_is_set_by_hand_wins_in_any_order(market):
    assert market("run.quick=true", "run.ticks=300").run.ticks == 300
    assert market("run.ticks=300", "run.quick=true").run.ticks == 300


def test_a_quick_config_stays_one(market):
    config = market("run.quick=true")
    again = pickle.loads(pickle.dumps(config))
    assert canonical(again) == canonical(config) == canonical(config.with_values([]))
    assert config.with_sets(["agents.noise.count=5"]).run.ticks == 200


def test_a_wrong_path_is_found_where_it_was_written(market, folder):
    path = folder / "market.toml"
    path.write_text(path.read_text() + '"agents.nose.count" = 1\n')
    with pytest.raises(ConfigProblems, match=r'market.toml:\d+:1: .*no item "nose".*noise'):
        market("run.quick=true")


def test_a_config_without_the_table_says_so(folder):
    with pytest.raises(ConfigProblems, match=r"run.quick: true, but this config has no \[quick\] table"):
        load("market.toml", ["run.quick=true"])


def test_anything_but_true_or_false_is_refused(market):
    with pytest.raises(ConfigProblems, match=r"run.quick"):
        market("run.quick=fast")
