"""Sensitivity indices against closed forms, and what happens when runs are missing."""

import numpy as np
import pytest

from experiments.analysis import bootstrap, sensitivity
from experiments.analysis.given_data import delta, pawn, slice_variance
from experiments.design.samplers import morris, saltelli
from sim.errors import ConfigError
from tests.sweep_studies import ISHIGAMI_S1, ISHIGAMI_ST, ishigami, sampled


def test_ishigami_indices_are_those_of_the_closed_form():
    found = sensitivity.indices(sampled("saltelli", ishigami, 3, 4096), "y")
    assert found.columns["S1"] == pytest.approx(ISHIGAMI_S1, abs=0.02)
    assert found.columns["ST"] == pytest.approx(ISHIGAMI_ST, abs=0.02)
    assert (found.low["S1"] <= found.columns["S1"]).all() and (found.columns["S1"] <= found.high["S1"]).all()
    assert np.isnan(found.noise) and not found.failed and "Saltelli" in found.estimator


def test_an_outcome_that_never_changes_has_no_indices():
    found = sensitivity.indices(sampled("saltelli", lambda u: 0 * u[:, 0] + 3.0, 2, 16), "y")
    assert np.isnan(found.columns["S1"]).all() and np.isnan(found.columns["ST"]).all()


def test_a_large_constant_does_not_drown_the_indices():
    found = sensitivity.indices(sampled("saltelli", lambda u: 1e9 + ishigami(u), 3, 4096), "y")
    assert found.columns["S1"] == pytest.approx(ISHIGAMI_S1, abs=0.02)


def failing(share=0.01, **more):
    made = sampled("saltelli", ishigami, 3, 1024, **more)
    lost = np.random.default_rng(3).random(len(made.runs)) < share
    made.runs.loc[lost, ["status", "error", "y"]] = ["failed", "ValueError: boom", np.nan]
    return type(made)(made.runs, made.sweep)


def test_failed_runs_are_refused_with_their_list():
    study = failing()
    first = study.failed.iloc[0]
    with pytest.raises(ConfigError) as caught:
        sensitivity.indices(study, "y", strict=True)
    said = str(caught.value)
    assert said.startswith(f"{len(study.failed)} runs of the saltelli design are missing")
    assert f"point {first['point']} replication 0: ValueError: boom" in said
    assert f"and {len(study.failed) - 5} more" in said


def test_failed_runs_are_replaced_by_given_data_estimators_that_say_so():
    study = failing()
    found = sensitivity.indices(study, "y")
    assert (
        "S1" not in found.columns and "given data, because runs of the Saltelli design are missing" in found.estimator
    )
    assert "S1 and ST are not computed" in found.warning and len(found.failed) == len(study.failed)
    assert found.columns["S1_given"] == pytest.approx(ISHIGAMI_S1, abs=0.06)
    assert np.argmax(found.columns["pawn"]) == 1
    assert (found.columns["delta"] > 3 * found.columns["delta_idle"]).all()


def test_an_outcome_missing_in_a_finished_run_is_told_too():
    study = sampled("saltelli", ishigami, 3, 16)
    study.runs.loc[4, "y"] = np.nan
    assert sensitivity.lost(type(study)(study.runs, study.sweep), "y") == ("point 4: no y",)


def test_replicate_noise_is_its_share_of_the_variance_between_points():
    study = sampled("saltelli", lambda u: u[:, 0], 2, 256, noise=0.5, replications=8)
    assert study.values("y").shape == (1024, 8)
    # Means of 8 draws carry 0.25 / 8 of noise beside the variance 1/12 of a uniform input.
    assert sensitivity.noise(study, "y") == pytest.approx((0.25 / 8) / (1 / 12 + 0.25 / 8), abs=0.03)
    assert np.isnan(sensitivity.noise(sampled("saltelli", ishigami, 3, 16), "y"))


def test_indices_of_single_replications_show_the_spread_that_noise_makes():
    found = sensitivity.indices(sampled("saltelli", lambda u: u[:, 0], 2, 256, noise=0.2, replications=4), "y")
    low, high = found.spread["ST"]
    assert (low <= high).all() and high[1] > 0.05
    assert (low[0] <= found.columns["ST"][0] + 0.3) and found.as_data()["axes"][0]["ST"]["replications"][0] == low[0]


def test_elementary_effects_of_a_plane_are_its_slopes():
    study = sampled("morris", lambda u: 3 * u[:, 0] - 2 * u[:, 1], 3, 10)
    found = sensitivity.indices(study, "y")
    assert found.columns["mu"] == pytest.approx([3.0, -2.0, 0.0], abs=1e-9)
    assert found.columns["mu_star"] == pytest.approx([3.0, 2.0, 0.0], abs=1e-9)
    assert found.columns["sigma"] == pytest.approx([0.0, 0.0, 0.0], abs=1e-9)


def test_elementary_effects_see_interactions():
    places = morris(2, 40, 1, 4).reshape(40, 3, 2)
    effects = sensitivity.elementary_effects(places, places[:, :, 0] * places[:, :, 1])
    assert (effects.std(axis=0) > 0.1).all() and (effects >= -1e-12).all()


def test_morris_leaves_out_trajectories_with_failed_runs_and_says_so():
    made = sampled("morris", lambda u: 3 * u[:, 0], 2, 10)
    made.runs.loc[[4, 5], ["status", "error", "y"]] = ["failed", "ValueError: boom", np.nan]
    found = sensitivity.indices(type(made)(made.runs, made.sweep), "y")
    assert found.warning == "1 of 10 trajectories are left out, because a run of them is missing"
    assert found.columns["mu"] == pytest.approx([3.0, 0.0], abs=1e-9)


def test_given_data_estimators_know_an_input_that_decides_from_one_that_does_not():
    x = np.random.default_rng(0).random((2000, 2))
    y = x[:, 0]
    assert pawn(x, y)[0] > 0.5 > 0.1 > pawn(x, y)[1]
    assert delta(x, y)[0] > 0.7 > 0.1 > delta(x, y)[1]
    assert slice_variance(x, y) == pytest.approx([0.99, 0.0], abs=0.012)


def test_given_data_estimators_take_categories_and_constants():
    x = np.column_stack([np.repeat([0.0, 0.5, 1.0], 30), np.tile([0.0, 1.0], 45)])
    y = np.repeat([1.0, 5.0, 9.0], 30) + np.random.default_rng(1).normal(0, 0.1, 90)
    assert pawn(x, y)[0] > 0.6 > pawn(x, y)[1]
    assert delta(x, y)[0] > 0.5 > delta(x, y)[1]
    assert (delta(x, np.ones(90)) == 0.0).all() and (pawn(x, np.ones(90)) == 0.0).all()


def test_a_sweep_that_is_no_sensitivity_design_is_read_as_given_data():
    found = sensitivity.indices(sampled("sobol", ishigami, 3, 512), "y")
    assert found.estimator.startswith("given data (sobol points)") and not found.warning
    assert np.argmax(found.columns["delta"]) == 1


def test_intervals_cover_the_closed_form_as_often_as_they_say():
    hits = []
    for seed in range(20):
        blocks = ishigami(saltelli(3, 64, seed)).reshape(64, 5)
        low, high = bootstrap.percentile(blocks, lambda drawn: np.stack(sensitivity.sobol_estimates(drawn)), 0.9, 200)
        truth = np.array([ISHIGAMI_S1, ISHIGAMI_ST])
        hits.append((low <= truth) & (truth <= high))
    assert np.mean(hits) > 0.85
