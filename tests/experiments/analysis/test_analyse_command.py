"""`spillover analyse` on the folder of a real sweep."""

import json

import pytest

from experiments.analysis import open_study
from tests.experiments.conftest import CRASH

SWEEP = """
[sweep]
replications = 5
event = "liquidations > 100"

[sweep.axes]
"shocks.slump.size" = [-0.2, -0.1]
"protocols.market.books.ETH.daily_volume" = [1e5, 1e6]
"""


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """The folder of a sweep of four points."""
    from experiments.catalogue import load_components
    from experiments.config import load
    from experiments.sweep import sweep

    load_components()
    home = tmp_path_factory.mktemp("swept")
    (home / "crash.toml").write_text(CRASH + SWEEP)
    return sweep(load(str(home / "crash.toml")), home / "out", workers=1)


def test_it_prints_tables_and_writes_pictures_and_data(spillover, swept):
    code, out, err = spillover("analyse", swept)
    assert code == 0, err
    assert "seed 7 · 4 points · 20 runs, 0 failed; intervals 95%" in out
    assert "bad_debt_usd: tail over all runs" in out and "paired differences to slump.size = -0.2" in out
    assert "liquidations > 100 in 50.0% of 20 runs; this box holds 100% of those runs" in " ".join(out.split())
    data = json.loads((swept / "plots" / "analysis.json").read_text())
    assert len(data["phase"]["cells"]) == 4 and data["phase"]["event"] == "liquidations > 100"
    for name in ("phase_diagram", "heat_map", "tornado", "seed_fan"):
        assert (swept / "plots" / f"{name}.png").stat().st_size > 10_000, name


def test_json_is_what_the_file_holds(spillover, swept):
    code, out, _ = spillover("analyse", swept, "--json", "--no-plots", "--event", "liquidations > 80", "--base", 3)
    assert code == 0
    data = json.loads(out)
    assert data.pop("pictures") == {} and data == json.loads((swept / "plots" / "analysis.json").read_text())
    assert data["base"]["point"] == 3 and data["phase"]["event"] == "liquidations > 80"
    assert {row["point"] for row in data["outcomes"]["bad_debt_usd"]["differences"]} == {0, 1, 2}


def test_the_numbers_are_those_of_the_runs(swept):
    study = open_study(swept)
    table = study.values("liquidations")
    assert table.shape == (4, 5) and study.runs["repeat"].notna().all()
    row = study.runs[(study.runs["point"] == 2) & (study.runs["replication"] == 4)].iloc[0]
    assert table[2, 4] == row["liquidations"] and row["param.shocks.slump.size"] == -0.1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--outcome", "bad_dbt_usd"], 'no outcome "bad_dbt_usd" in this sweep; did you mean "bad_debt_usd"?'),
        (["--event", "boom"], 'event: found "boom"; must be an outcome, one of > >= < <=, and a number'),
        (["--x", "shocks.slump.sise"], 'no axis "shocks.slump.sise" in this sweep; did you mean "shocks.slump.size"?'),
        (["--level", "95"], "--level: found 95; must lie between 0 and 1, such as 0.95"),
        (["--base", "44"], "base point 44 has no finished run; allowed: a finished point below 4"),
    ],
    ids=["outcome", "event", "axis", "level", "base"],
)
def test_what_is_asked_for_and_not_there_is_named(spillover, swept, words, said):
    code, _, err = spillover("analyse", swept, *words)
    assert code == 2 and said in err


def test_a_folder_without_a_sweep_is_refused(spillover, crash):
    code, _, err = spillover("analyse", crash)
    assert code == 2 and "holds no sweep" in err
