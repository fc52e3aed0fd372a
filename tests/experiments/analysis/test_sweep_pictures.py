"""Pictures of sweeps: each draws what it is for, says numbers with their uncertainty, or gives a reason."""

import re

import numpy as np
import pytest

from experiments.analysis.findings import analyse
from experiments.plots import names as run_pictures
from experiments.plots.sweeps import SweepPlot, SweepView, names, picture
from experiments.plots.sweeps.frontier import unbeaten
from experiments.plots.sweeps.view import edges, form, label
from sim.registry import lookup, summary
from tests.sweep_studies import ishigami, listed, sampled, study

NAMES = names()
SHOCKS, DEPTHS = [-0.3, -0.2, -0.1], [1e5, 1e6, 1e7]


def market(replications=12, failed=()):
    """Bad debt, cascades, usage and who pays, over shock and depth."""

    def outcomes(values, number):
        luck = np.random.default_rng(number).lognormal(0.0, 0.3)
        shock, depth = values[:, 0].astype(float), np.log10(values[:, 1].astype(float))
        loss = 1e6 * np.maximum(0.0, -shock * 10 * luck - (depth - 4.5))
        return {
            "bad_debt_usd": loss,
            "cascade_max_usd": 3 * loss,
            "utilisation": 0.9 - 0.05 * depth,
            "loss.lending.suppliers": 0.7 * loss,
            "loss.lending.treasury": 0.3 * loss,
        }

    points = [(shock, depth) for depth in DEPTHS for shock in SHOCKS]
    axes = [listed("shocks.crash.size", SHOCKS), listed("book.depth", DEPTHS, "log")]
    return study(axes, points, outcomes, replications, failed, event="bad_debt_usd > 1e6")


@pytest.fixture(scope="module")
def view():
    return SweepView(analyse(market(failed=[(0, 1), (4, 2)])))


@pytest.fixture(scope="module")
def drawn(view):
    return {name: picture(view, name) for name in NAMES if name != "seed_fan"}


def test_pictures_of_sweeps_and_of_runs_are_kept_apart():
    assert set(NAMES) >= {
        "phase_diagram", "heat_map", "tornado", "cascade_sizes", "tail_convergence", "loss_waterfall", "frontier",
        "seed_fan",
    }  # fmt: skip
    assert not set(NAMES) & set(run_pictures())
    for name in NAMES:
        cls = lookup("plot", name)
        assert issubclass(cls, SweepPlot) and cls.scope == "sweep" and len(summary(cls)) > 20


@pytest.mark.parametrize("name", [name for name in NAMES if name != "seed_fan"])
def test_a_picture_says_its_number_and_its_uncertainty(drawn, name, tmp_path):
    found = drawn[name]
    assert not found.reason
    assert re.search(r"\d", found.caption.title) and not found.caption.title.endswith(".")
    assert found.caption.note and found.caption.alt.endswith(".")
    texts = " ".join(text.get_text() for text in found.figure.texts)
    assert "seed 7" in texts and "108 runs, 2 failed" in texts
    for axes in found.figure.axes:
        assert axes.get_ylabel()
    assert [path.suffix for path in found.save(tmp_path / name)] == [".svg", ".png"]
    assert all(path.stat().st_size > 5000 for path in tmp_path.iterdir())


def test_intervals_are_named_where_there_are_any(drawn):
    for name in ("phase_diagram", "cascade_sizes", "tail_convergence", "loss_waterfall", "frontier"):
        assert "95% interval" in drawn[name].caption.note, name


def test_the_phase_diagram_says_where_the_odds_are_even(drawn):
    said = drawn["phase_diagram"].caption
    assert said.title.startswith("Bad debt > $1M: even odds at crash.size = ")
    assert "2 runs failed and are left out" in said.note


def test_the_tornado_of_a_saltelli_design_carries_its_intervals():
    found = picture(SweepView(analyse(sampled("saltelli", ishigami, 3, 256), ("y",))), "tornado")
    assert found.caption.title == "X0 takes part in 57% of the variance of y" or "variance of y" in found.caption.title
    assert "Whiskers: 95% interval" in found.caption.note


def test_the_tornado_says_when_runs_are_missing():
    made = sampled("saltelli", ishigami, 3, 64)
    made.runs.loc[3, ["status", "error", "y"]] = ["failed", "ValueError: boom", np.nan]
    found = picture(SweepView(analyse(type(made)(made.runs, made.sweep), ("y",))), "tornado")
    assert "1 runs are missing" in found.caption.note and "Given data" in found.caption.note


def test_a_picture_that_cannot_be_drawn_says_why():
    bare = SweepView(analyse(sampled("sobol", lambda u: u[:, 0], 1, 4), ("y",)))
    reasons = {name: picture(bare, name).reason for name in NAMES}
    assert "no event" in reasons["phase_diagram"] and "two listed axes" in reasons["heat_map"]
    assert reasons["cascade_sizes"] == "no run has an outcome cascade_max_usd"
    assert reasons["tail_convergence"] == "4 finished runs are too few for a tail; it takes 20"
    assert "paid its own losses" in reasons["loss_waterfall"] and "kept no steps" in reasons["seed_fan"]


def test_no_point_beats_those_on_the_frontier():
    rng = np.random.default_rng(0)
    gain, loss = rng.random(200), rng.random(200)
    best = unbeaten(gain, loss)
    assert (np.diff(gain[best]) > 0).all() and (np.diff(loss[best]) > 0).all()
    for number in range(200):
        beaten = ((gain >= gain[number]) & (loss < loss[number]) | (gain > gain[number]) & (loss <= loss[number])).any()
        assert beaten != (number in best)


def test_cells_meet_halfway_on_the_scale_of_their_axis():
    axis = market().axes[1]
    assert edges(axis) == pytest.approx([10**4.5, 10**5.5, 10**6.5, 10**7.5])


def test_outcomes_are_written_in_their_unit():
    assert (label("bad_debt_usd"), form("bad_debt_usd")(2e6)) == ("Bad debt (USD)", "$2M")
    assert (label("drawdown.ETH"), form("drawdown.ETH")(0.25)) == ("drawdown.ETH (%)", "25.0%")


@pytest.mark.parametrize(("sizes", "labelled"), [((6e5, 3e6), True), ((1e3, 1e9), False)], ids=["short", "long"])
def test_a_logarithmic_axis_has_labels_in_its_unit_only(sizes, labelled):
    from matplotlib.figure import Figure

    from experiments.plots.sweeps.view import value_axis

    axes = Figure().subplots()
    axes.plot(sizes, (1, 2))
    axes.set_xscale("log")
    value_axis(axes.xaxis, "cascade_max_usd")
    minor = [text for text in axes.xaxis.get_minorticklabels() if text.get_text()]
    assert bool(minor) == labelled and all(text.get_text().startswith("$") for text in minor)
    assert not any("math" in text.get_text() for text in minor)
