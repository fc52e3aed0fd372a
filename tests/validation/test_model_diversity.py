"""What thresholds and the likeness of models do to everybody: the presets `thresholds` and `monoculture`, paired.

Tests hold whatever the sign of an effect: what they ask is that an interval is reported, that it is exactly zero
where orders move no price, and that it is not zero in every pair where they do.
"""

import numpy as np
import pandas as pd
import pytest

from experiments.analysis.paired import differences
from experiments.analysis.study import Study
from experiments.catalogue import load_components
from experiments.config import load
from experiments.design import plan
from experiments.run import run_once

SHORT = ("run.ticks=96", "record.networks=[0]")
"""16 of the 30 hours; the fall ends after 14."""
OUTCOMES = ("drawdown.ETH", "liquidated_usd")


def swept(preset, replications, *sets):
    """The study of a short version of a preset, run here."""
    load_components()
    drawn = plan(load(preset, [*SHORT, f"sweep.replications={replications}", *sets]))
    rows = []
    for point, replication in drawn.runs():
        result = run_once(drawn.config(point), replication, digest="test")
        rows.append(result.row({}) | {"point": point.index} | {f"param.{k}": v for k, v in point.params.items()})
    return Study(pd.DataFrame(rows), drawn.describe(), preset, 11)


def report(study, outcome):
    """Label of each point -> paired difference from the first one; shown by pytest -rP."""
    found = {row.label: row.difference for row in differences(study, outcome)}
    for label, interval in found.items():
        print(f"{outcome} {label}: {interval.value:.4g} [{interval.low:.4g}, {interval.high:.4g}]")  # noqa: T201
    return found


@pytest.mark.slow
def test_adaptive_against_static_thresholds_has_a_systemic_effect_with_an_interval():
    study = swept("thresholds", 8)
    assert [study.label(point) for point in range(2)] == ["threshold = static", "threshold = adaptive"]
    for outcome in OUTCOMES:
        (interval,) = report(study, outcome).values()
        assert interval.count == 8
        assert interval.low <= interval.value <= interval.high
        assert np.isfinite([interval.low, interval.high]).all()
    values = study.values("drawdown.ETH")
    assert (values[0] != values[1]).all()


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["thresholds", "monoculture"])
def test_without_impact_prices_do_not_know_how_anybody_decides(preset):
    axis = {"thresholds": (), "monoculture": (ENDS,)}[preset]
    study = swept(preset, 2, "protocols.market.impact=false", *axis)
    values = study.values("drawdown.ETH")
    assert np.array_equal(values[0], values[1])


GROUPS = ("two_hours", "four_hours", "eight_hours", "half_day", "most_of_a_day")


def share(clones):
    others = "".join(f', "agents.{name}.count" = {(100 - clones) // 5}' for name in GROUPS)
    return f'{{ label = "{clones}%", set = {{ "agents.adopters.count" = {clones}{others} }} }}'


ENDS = f"sweep.axes.same_model=[{share(0)}, {share(100)}]"


def test_every_share_of_the_monoculture_has_the_same_dollars():
    load_components()
    drawn = plan(load("monoculture"))
    counts = []
    for point in drawn.points:
        people = {person.name: person for person in drawn.config(point).components("population")}
        assert {people[name].wealth_usd.mean for name in (*GROUPS, "adopters")} == {4e6}
        counts.append((people["adopters"].count, sum(people[name].count for name in (*GROUPS, "adopters"))))
    assert counts == [(0, 100), (25, 100), (50, 100), (75, 100), (100, 100)]


@pytest.mark.slow
def test_contagion_by_the_share_of_accounts_that_run_the_same_model_is_a_curve_with_intervals():
    study = swept("monoculture", 3)
    assert study.points == 5
    for outcome in OUTCOMES:
        found = report(study, outcome)
        assert list(found) == [f"same_model = {share}" for share in ("25%", "50%", "75%", "100%")]
        assert all(interval.low <= interval.value <= interval.high for interval in found.values())
    values = study.values("drawdown.ETH")
    assert len(np.unique(values[:, 0])) == 5
