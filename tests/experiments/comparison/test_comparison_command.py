"""A sweep over rules, as it is typed, ends with what `spillover compare` writes."""

import json

from tests.experiments.comparison.conftest import SMALL

CALM = 'sweep.axes.shock=[{ label = "none", set = {} }]'


def test_a_sweep_over_rules_writes_the_comparison_and_its_pictures(home, spillover, child_environment):
    sets = [item for text in (*SMALL, CALM, "sweep.replications=2") for item in ("--set", text)]
    code, out, _ = spillover("sweep", "tournament", "--workers", 2, "--out", "swept", *sets)
    assert code == 0 and "swept/plots/rule_plane.png" in out
    written = json.loads((home / "swept" / "plots" / "comparison.json").read_text())
    assert written["rules"][0] == "sleepers" and written["runs"] == 16
    assert (home / "swept" / "plots" / "rule_plane.png").stat().st_size > 10_000
