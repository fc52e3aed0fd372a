"""What a table of runs says about its points, and differences between them."""

import numpy as np
import pytest

from experiments.analysis.findings import analyse
from experiments.analysis.paired import differences
from sim.errors import ConfigError
from tests.sweep_studies import listed, sampled, study

RULES = ["hrp", "equal"]


def rules(failed=(), replications=30, effect=1.0):
    """Two rules in a world whose luck they share: it is 20 times as large as what separates them."""

    def outcomes(values, number):
        luck = np.random.default_rng(number).normal(0.0, 20.0)
        own = np.random.default_rng(1000 + number).normal(0.0, 0.5, len(values))
        return {"bad_debt_usd": 100.0 + luck + own + effect * (values[:, 0] == "equal")}

    return study([listed("rule", RULES)], [[rule] for rule in RULES], outcomes, replications, failed)


def test_pairing_sees_a_difference_that_luck_would_hide():
    [found] = differences(rules(), "bad_debt_usd")
    assert found.label == "rule = equal"
    assert found.difference.low > 0.5 and found.difference.high < 1.5 and found.difference.count == 30
    assert found.gain > 100 and found.higher > 0.8


def test_replications_that_failed_on_one_side_are_left_out_of_pairs():
    [found] = differences(rules(failed=[(0, 3), (1, 4), (1, 5)]), "bad_debt_usd")
    assert found.difference.count == 27 and 0.5 < found.difference.value < 1.5


def test_a_base_that_never_finished_is_refused():
    with pytest.raises(ConfigError, match="base point 0 has no finished run"):
        differences(rules(failed=[(0, n) for n in range(30)]), "bad_debt_usd")
    with pytest.raises(ConfigError, match="base point 9 has no finished run; allowed: a finished point below 2"):
        differences(rules(), "bad_debt_usd", base=9)


def test_intervals_of_differences_cover_as_often_as_they_say():
    hits = []
    for trial in range(60):
        made = rules(replications=12)
        luck = np.random.default_rng(trial).normal(0.0, 1.0, 24)
        made.runs["bad_debt_usd"] = luck + made.runs["point"] * 1.0
        [found] = differences(type(made)(made.runs, made.sweep), "bad_debt_usd", level=0.9)
        hits.append(found.difference.low <= 1.0 <= found.difference.high)
    assert 0.8 < np.mean(hits) < 0.99


def test_values_stand_by_point_and_replication():
    made = rules(failed=[(1, 2)], replications=3)
    table = made.values("bad_debt_usd")
    assert table.shape == (2, 3) and np.isnan(table[1, 2]) and np.isfinite(table).sum() == 5
    means = made.means("bad_debt_usd")
    assert means[0] == pytest.approx(table[0].mean()) and np.isnan(means[1])


def test_the_footer_says_how_many_runs_there_are_and_how_many_failed():
    assert rules(failed=[(1, 2)]).footer == "Spillover · made up · seed 7 · 2 points · 60 runs, 1 failed"


def test_unknown_outcomes_are_refused_with_the_nearest():
    with pytest.raises(ConfigError, match='no outcome "bad_dept_usd" in this sweep; did you mean "bad_debt_usd"'):
        analyse(rules(), ("bad_dept_usd",))


def test_a_sweep_in_which_nothing_finished_is_refused():
    with pytest.raises(ConfigError, match=r"no run of this sweep has finished \(2 failed\)"):
        analyse(rules(failed=[(0, 0), (1, 0)], replications=1))


def test_findings_say_what_was_not_computed():
    found = analyse(rules())
    assert found.skipped["phase"].startswith("no event; give --event") and found.skipped["sensitivity"]
    found = analyse(sampled("sobol", lambda u: u[:, 0], 2, 16), event="y > 5")
    assert "two listed axes" in found.skipped["phase"] and "in none" in found.skipped["scenario"]
    assert found.skipped["differences"] == "16 points of method sobol: see the sensitivity indices"


def test_findings_are_plain_data():
    data = analyse(rules(failed=[(1, 2)])).as_data()
    assert data["runs"] == {"made": 60, "failed": 1} and data["base"] == {"point": 0, "label": "rule = hrp"}
    [row] = data["outcomes"]["bad_debt_usd"]["differences"]
    assert {"point", "label", "value", "low", "high", "count", "higher", "gain"} == set(row)
    assert data["failed"] == [{"point": 1, "replication": 2, "error": "ValueError: no such luck"}]
