"""What a run writes, and that it does not depend on who computes it."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.build import build
from experiments.run import parameters, run, run_once
from experiments.store import content_digest, open_folder, run_key
from experiments.store.identity import model_digest
from experiments.store.layout import is_host_column
from experiments.store.manifest import Request
from sim.errors import ConfigError, InvariantError
from sim.metrics.ledger import LedgerMetric
from sim.model import SpilloverModel


@pytest.fixture
def toy(config, tmp_path):
    """The folder of the toy config's two replications."""
    return open_folder(run(config(), tmp_path / "out"))


def break_replication(monkeypatch, victim: int, error: Exception) -> None:
    """Make the ledger metric of one replication raise at tick 3."""
    whole = LedgerMetric.step

    def step(self, world):
        if world.streams.replication == victim and world.clock.tick == 3:
            raise error
        return whole(self, world)

    monkeypatch.setattr(LedgerMetric, "step", step)


def test_one_row_per_run_and_every_table_names_its_run(toy):
    runs = toy.runs
    assert list(runs.columns[:7]) == ["run_key", "replication", "seed", "status", "duration_s", "error", "traceback"]
    assert runs["replication"].tolist() == [0, 1] and runs["seed"].tolist() == [7, 7]
    assert (runs["status"] == "ok").all() and runs["run_key"].nunique() == 2
    for table in (toy.steps, toy.events, toy.flows, toy.edges, toy.accounts):
        assert list(table().columns[:2]) == ["run_key", "replication"]
        assert set(table(1)["run_key"].astype(str)) <= {runs["run_key"][1]}
        assert set(table(1)["replication"]) <= {1}
        assert len(table()) == len(table(0)) + len(table(1))


def test_the_tables_agree_with_the_world_they_come_from(config, toy):
    world = build(config(), 1)
    SpilloverModel(world).run()
    events = toy.events(1)
    assert events["id"].tolist() == list(range(world.events.count))
    for name in ("tick", "actor", "subject", "amount", "cause", "round"):
        assert np.array_equal(events[name], world.events.column(name))
    assert np.array_equal(events["value"], world.events.value)
    names = np.array([token.name for token in world.tokens.rows])
    token = world.events.column("token")
    assert events["token"].isna().tolist() == (token < 0).tolist()
    assert events.loc[token >= 0, "token"].tolist() == names[token[token >= 0]].tolist()
    steps = pd.DataFrame(world.recorder.steps)
    assert toy.steps(1)[steps.columns].equals(steps.astype({"tick": np.int64}))
    accounts = toy.accounts(1)
    assert np.array_equal(accounts["opening_wealth"], world.opening_wealth)
    assert accounts.loc[accounts["owner"] == "noise", "label"].tolist() == list(range(20))


def test_readable_names_of_what_happened(toy):
    events = toy.events(0)
    assert events["kind"][0] == "genesis" and events["phase"][0] == "opening"
    swaps = events[events["kind"] == "swap"]
    assert len(swaps) and set(swaps["protocol"]) == {"market"} and set(swaps["phase"]) == {"execute"}
    flows = toy.flows(0)
    assert set(flows["population"]) == {"external", "noise"}
    assert set(flows.loc[flows["population"] == "noise", "motive"]) == {"noise"}


def test_flows_sum_to_the_price_move_of_every_tick(toy):
    for replication in toy.replications:
        steps, flows = toy.steps(replication), toy.flows(replication)
        moves = np.diff(np.log(np.concatenate([[2000.0], steps["price.ETH"]])))
        credited = flows.groupby("tick")["dlog"].sum().reindex(range(40), fill_value=0.0)
        assert np.abs(moves - credited).max() < 1e-12
    assert (toy.runs["ledger_residual"] == 0).all()


def test_every_event_is_younger_than_its_cause(crash):
    events = open_folder(crash).events()
    assert (events["cause"] < events["id"])[1:].all()


def test_the_manifest_describes_the_world(crash):
    folder = open_folder(crash)
    world = folder.world
    assert (world["ticks"], world["dt"], world["start"]) == (90, 60.0, "2024-01-01T00:00:00+00:00")
    assert world["reference"] == {"ETH": "market"} and world["assets"] == ["USD", "ETH"]
    owners = {owner["name"]: (owner["lo"], owner["hi"]) for owner in world["owners"]}
    accounts = folder.accounts()
    for name, (lo, hi) in owners.items():
        assert set(accounts["owner"][lo:hi]) == {name}
    assert {population["name"] for population in world["populations"]} < owners.keys()
    assert world["shocks"][0] == {"name": "slump", "kind": "price_jump", "at": 20, "asset": "ETH"}
    assert folder.time(60).isoformat() == "2024-01-01T01:00:00+00:00"
    assert folder.manifest["versions"]["numpy"] == np.__version__
    assert folder.manifest["runs"] == {"requested": 1, "finished": 1, "failed": 0}


def test_health_is_kept_before_and_after(crash):
    accounts = open_folder(crash).accounts()
    before, after = accounts["lending.opening_health"], accounts["lending.closing_health"]
    borrowers = accounts["owner"] == "borrowers"
    assert before[borrowers].between(1.03, 2.1).all()
    assert np.isinf(before[accounts["owner"] == "depositors"]).all()
    assert (after[borrowers] != before[borrowers]).all()


def test_networks_are_stored_at_the_ticks_asked_for(crash):
    edges = open_folder(crash).edges()
    assert set(edges["tick"]) == {0, 20}
    assert (edges["usd"] > 0).all()
    assert ("depositors", "lending") in set(zip(edges["holder"], edges["issuer"], strict=True))


def test_balances_can_be_rebuilt_from_postings(config, toy, tmp_path):
    kept = config("record.postings=true", "run.replications=1")
    moves = open_folder(run(kept, tmp_path / "kept")).postings()
    world = build(kept)
    SpilloverModel(world).run()
    balance = np.zeros_like(world.ledger.balance)
    token = [world.tokens[name].index for name in moves["token"]]
    np.subtract.at(balance, (token, moves["source"]), moves["amount"])
    np.add.at(balance, (token, moves["destination"]), moves["amount"])
    assert np.array_equal(balance, world.ledger.balance)
    with pytest.raises(ConfigError, match=r"keeps no postings; run it with --set record\.postings=true"):
        toy.postings()


def test_phases_are_timed_and_set_apart(toy):
    times = [name for name in toy.runs if name.startswith("phase_s.")]
    assert times == [f"phase_s.{phase}" for phase in toy.world["phases"]]
    assert (toy.runs[times].sum(axis=1) <= toy.runs["duration_s"]).all() and all(map(is_host_column, times))


# Identity -------------------------------------------------------------------------------------------------------------


def test_values_do_not_depend_on_workers_or_on_when(config, tmp_path, child_environment):
    toy = config("run.replications=3")
    reports = []
    one = run(toy, tmp_path / "one")
    again = run(toy, tmp_path / "again")
    two = run(toy, tmp_path / "two", workers=2, progress=lambda *done: reports.append(done))
    assert content_digest(one) == content_digest(again) == content_digest(two)
    assert reports[-1] == (3 * 40, 3)
    tables = [open_folder(path) for path in (one, two)]
    for name in ("steps", "events", "flows", "edges", "accounts"):
        first, second = (getattr(folder, name)() for folder in tables)
        pd.testing.assert_frame_equal(first, second, check_exact=True)
    kept = [name for name in tables[0].runs if not is_host_column(name)]
    pd.testing.assert_frame_equal(tables[0].runs[kept], tables[1].runs[kept], check_exact=True)


def test_run_once_is_a_row_of_run(config, toy):
    result = run_once(config(), 1)
    row, stored = result.row({}), toy.runs.iloc[1]
    assert [name for name in row if not is_host_column(name)] == [c for c in toy.runs if not is_host_column(c)]
    outcomes = list(result.outcomes)
    assert np.array_equal([row[name] for name in outcomes], [stored[name] for name in outcomes], equal_nan=True)
    assert result.tables["events"].num_rows == len(toy.events(1))


def test_a_run_key_follows_what_decides_the_values(config):
    base = run_key(config(), 0, "d")
    same = run_key(config("run.name=other", "run.replications=9"), 0, "d")
    others = [
        run_key(config(), 1, "d"),
        run_key(config("run.seed=8"), 0, "d"),
        run_key(config("agents.noise.count=21"), 0, "d"),
        run_key(config(), 0, "e"),
    ]
    assert same == base and len({base, *others}) == 5
    assert all(len(key) == 64 and int(key, 16) for key in others)


def test_the_model_is_its_source_and_its_plugins(tmp_path):
    plugin = tmp_path / "rule.py"
    plugin.write_text("x = 1\n")
    first = model_digest((str(plugin),))
    plugin.write_text("x = 2\n")
    assert len({model_digest(), first, model_digest((str(plugin),))}) == 3


# Parameters -----------------------------------------------------------------------------------------------------------

plain = st.one_of(st.booleans(), st.integers(-(2**60), 2**60), st.floats(allow_nan=False, allow_infinity=False))


@given(plain)
def test_settings_of_the_command_line_are_kept_as_values(value):
    assert parameters([f"agents.noise.count={json.dumps(value)}"]) == {"agents.noise.count": value}


def test_texts_and_lists_are_kept_as_texts():
    assert parameters(["run.dt=10min", 'a.b="x"', "c=[1, 2]"]) == {"run.dt": "10min", "a.b": "x", "c": "[1, 2]"}


def test_settings_stand_beside_outcomes(config, tmp_path):
    sets = ("agents.noise.count=3", "run.dt=2min")
    folder = open_folder(run(config(*sets), tmp_path / "out", request=Request(source="toy", sets=sets)))
    assert folder.runs["param.agents.noise.count"].tolist() == [3, 3]
    assert folder.runs["param.run.dt"].tolist() == ["2min", "2min"]
    assert folder.manifest["sets"] == list(sets) and folder.world["dt"] == 120.0


# Failures -------------------------------------------------------------------------------------------------------------


def test_a_failed_replication_is_a_row_and_the_run_goes_on(config, tmp_path, monkeypatch):
    break_replication(monkeypatch, 1, InvariantError("invariant luck does not hold"))
    folder = open_folder(run(config("run.replications=3"), tmp_path / "out"))
    assert folder.runs["status"].tolist() == ["ok", "failed", "ok"]
    place = '(in metric "ledger") (in phase measure of tick 3)'
    assert folder.runs["error"][1] == f"InvariantError: invariant luck does not hold {place}"
    assert "in step" in folder.runs["traceback"][1] and pd.isna(folder.runs["error"][0])
    assert pd.isna(folder.runs["drawdown.ETH"][1]) and folder.replications == [0, 2]
    assert set(folder.events()["replication"]) == {0, 2}
    assert folder.manifest["runs"] == {"requested": 3, "finished": 2, "failed": 1}
    with pytest.raises(ConfigError, match=r"no finished replication 1; allowed: 0, 2"):
        folder.events(1)


def test_when_all_fail_readers_say_why(config, tmp_path, monkeypatch):
    break_replication(monkeypatch, 0, ZeroDivisionError("division by zero"))
    folder = open_folder(run(config("run.replications=1"), tmp_path / "out"))
    with pytest.raises(ConfigError, match=r"no finished replication; the first one failed with ZeroDivisionError: div"):
        folder.steps()


def test_the_first_world_is_tried_before_anything_is_written(config, tmp_path, monkeypatch):
    def refuse(*_):
        raise ConfigError("positions were refused")

    monkeypatch.setattr("experiments.run.build", refuse)
    with pytest.raises(ConfigError, match="positions were refused"):
        run(config(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_seed_that_cannot_be_stored_is_refused(config, tmp_path):
    with pytest.raises(ConfigError, match=r"run\.seed: found 9223372036854775808; must be below 2\^63"):
        run(config(f"run.seed={2**63}"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


# Interruption ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupted_run_keeps_what_was_finished(config, tmp_path, workers, child_environment):
    def impatient(ticks, runs):
        if runs >= 2:
            raise KeyboardInterrupt

    toy, out = config("run.replications=5"), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run(toy, out, workers=workers, progress=impatient)
    folder = open_folder(out)
    kept = folder.replications
    assert folder.interrupted and folder.manifest["status"] == "interrupted"
    assert 1 <= len(kept) < 5 and folder.manifest["runs"]["finished"] == len(kept)
    whole = open_folder(run(toy, tmp_path / "whole"))
    for number in kept:
        for table in ("steps", "events", "flows", "accounts"):
            pd.testing.assert_frame_equal(*(getattr(each, table)(number) for each in (folder, whole)))
    assert sorted(path.stem for path in (out / "events").iterdir()) == [f"{number:06d}" for number in kept]
    assert not list(out.rglob("*staged*"))


def test_an_interrupted_run_can_be_done_again_in_its_place(config, tmp_path):
    def impatient(ticks, runs):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(config(), tmp_path / "out", progress=impatient)
    assert open_folder(tmp_path / "out").replications == []
    assert open_folder(run(config(), tmp_path / "out")).replications == [0, 1]


# Where it is written --------------------------------------------------------------------------------------------------


def test_the_same_run_may_be_repeated_and_another_is_refused(config, toy):
    files = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in toy.path.rglob("*.parquet")}
    digest = content_digest(toy.path)
    for other in (config("run.seed=8"), config("run.replications=1")):
        with pytest.raises(ConfigError, match=r'out" holds the results of another config, seed or .* --force'):
            run(other, toy.path)
    assert files == {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in toy.path.rglob("*.parquet")}
    assert content_digest(run(config(), toy.path)) == digest
    assert open_folder(run(config("run.replications=3"), toy.path)).replications == [0, 1, 2]


def test_force_replaces_a_run_and_leaves_other_files(config, toy):
    (toy.path / "notes.txt").write_text("mine")
    (toy.path / "report.html").write_text("old")
    replaced = open_folder(run(config("run.seed=8", "run.replications=1"), toy.path, force=True))
    assert replaced.runs["seed"].tolist() == [8]
    assert len(list((toy.path / "events").iterdir())) == 1
    assert (toy.path / "notes.txt").read_text() == "mine" and not (toy.path / "report.html").exists()


def test_a_run_that_goes_on_is_not_replaced_by_accident(config, toy):
    manifest = toy.path / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"complete"', '"running"'))
    with pytest.raises(ConfigError, match=r"still going on, or was killed; replace it with --force"):
        run(config(), toy.path)
    assert open_folder(run(config(), toy.path, force=True)).replications == [0, 1]


def test_force_does_not_touch_what_is_not_ours(config, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "thesis.tex").write_text("years of work")
    with pytest.raises(ConfigError, match=r"not empty and no output of Spillover; choose a new or an empty folder"):
        run(config(), tmp_path / "data", force=True)
    with pytest.raises(ConfigError, match=r"is a file; --out takes a folder"):
        run(config(), tmp_path / "data" / "thesis.tex" / "out")
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["thesis.tex"]


def test_a_place_that_cannot_be_written_is_refused(config, tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(ConfigError, match=r"no folder can be made in .*; choose another place"):
        run(config(), tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"the folder cannot be written; choose another one"):
        run(config(), tmp_path / "empty")
