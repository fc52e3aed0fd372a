"""Fits whose answer is known."""

import json

import numpy as np
import pytest

from experiments.calibration import calibrate
from experiments.calibration.fit import broyden
from experiments.calibration.problem import RUNS, Task
from experiments.exits import USAGE
from sim.errors import ConfigError, SpilloverError

DRIFT = np.random.default_rng(3).normal(0.0, 0.02, (500, 2))


@pytest.fixture
def linear(task, monkeypatch):
    """Runs whose one moment is log volatility plus noise, and a second one that is held out."""
    more = '[[calibrate.moments]]\nname = "other"\noutcome = "x"\nvalue = 5.0\nerror = 0.1\nheld_out = true\n'

    def perform(self, ask):
        (volatility,), number = ask
        return ask, [float(np.log(volatility) + DRIFT[number, 0]), 3.0 + float(DRIFT[number, 1])], ""

    monkeypatch.setattr(Task, "perform", perform)
    return lambda **settings: task(more, **settings)


@pytest.mark.parametrize("method", ["gauss_newton", "sobol", "optuna"])
def test_a_known_answer_is_found_from_everywhere(linear, tmp_path, method):
    fit = calibrate(linear(method=method), tmp_path / "out")
    (found,) = fit.parameters
    bias = DRIFT[:6, 0].mean()
    assert found.value == pytest.approx(2.0 * np.exp(-bias), rel=1e-3)
    assert found.low < 2.0 < found.high and not found.at_bound
    assert fit.distance < 1e-6 and fit.freedom == 0


def test_the_interval_is_that_of_the_delta_method(linear, tmp_path):
    from scipy.stats import t

    fit = calibrate(linear(), tmp_path / "out")
    (found,) = fit.parameters
    error = np.sqrt(0.05**2 + DRIFT[:6, 0].var(ddof=1) / 6)
    assert np.log(found.high / found.value) == pytest.approx(t.ppf(0.975, 5) * error, rel=1e-3)


def test_held_out_moments_and_seeds_are_compared_and_not_fitted(linear, tmp_path):
    fitted, other = calibrate(linear(), tmp_path / "out").moments
    assert other.held_out and not fitted.held_out
    assert other.others == pytest.approx(3.0 + DRIFT[6:10, 1].mean())
    assert other.z < -10, "3 is far from the recorded 5"
    assert fitted.fitted == pytest.approx(2.0, rel=1e-3) and fitted.others != fitted.fitted


def test_an_answer_outside_the_range_is_reported_at_the_bound(linear, tmp_path):
    fit = calibrate(linear(sets=["calibrate.moments.0.value=20.0"]), tmp_path / "out")
    assert fit.parameters[0].at_bound and fit.parameters[0].value == pytest.approx(8.0)
    assert fit.moments[0].z < -2


@pytest.mark.parametrize("method", ["gauss_newton", "sobol", "optuna"])
@pytest.mark.parametrize("after", [0, 5, 9, 20])
def test_stopped_and_started_again_it_gives_the_same_and_repeats_no_run(linear, tmp_path, monkeypatch, method, after):
    whole = calibrate(linear(method=method), tmp_path / "whole")
    calls, perform = [], Task.perform

    def counted(self, ask):
        if len(calls) == after:
            calls.append(None)
            raise KeyboardInterrupt
        calls.append(ask)
        return perform(self, ask)

    monkeypatch.setattr(Task, "perform", counted)
    with pytest.raises(KeyboardInterrupt):
        calibrate(linear(method=method), tmp_path / "parts")
    again = calibrate(linear(method=method), tmp_path / "parts")
    assert again.parameters == whole.parameters and again.moments == whole.moments
    asked = [ask for ask in calls if ask]
    assert len(asked) == len(set(asked))


def test_runs_that_are_of_no_use_are_named(task, tmp_path, monkeypatch):
    monkeypatch.setattr(Task, "perform", lambda self, ask: (ask, [float("nan")], "ValueError: no cash"))
    with pytest.raises(SpilloverError, match=r"6 of 6 runs .* are of no use: ValueError: no cash"):
        calibrate(task(), tmp_path / "out")


def test_a_folder_of_something_else_is_refused(task, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "letter.txt").write_text("keep me")
    with pytest.raises(ConfigError, match="holds no calibration"):
        calibrate(task(), tmp_path / "out")
    assert not (tmp_path / "out" / RUNS).exists()


def test_broyden_explains_the_last_step_and_leaves_other_directions():
    jacobian = np.array([[2.0, 0.0], [0.0, 3.0]])
    new = broyden(jacobian, np.array([1.0, 0.0]), np.array([5.0, 1.0]))
    assert new @ [1.0, 0.0] == pytest.approx([5.0, 1.0]) and new @ [0.0, 1.0] == pytest.approx([0.0, 3.0])


@pytest.mark.slow
def test_workers_do_not_matter(task, tmp_path):
    here, apart = (calibrate(task(sets=["calibrate.steps=0"]), tmp_path / str(workers), workers) for workers in (1, 2))
    assert here == apart
    assert here.parameters[0].value == pytest.approx(2.0), "the middle of the range, on its scale"


def test_the_command_writes_json_and_needs_a_section(fit_config, tmp_path):
    from typer.testing import CliRunner

    from experiments.cli import app

    fit_config()
    words = ["calibrate", str(tmp_path / "fit.toml"), "--workers", "1", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "processes.eth.volatility" in result.output and "other seeds" in result.output
    data = json.loads((tmp_path / "out" / "calibration.json").read_text())
    assert data["parameters"][0]["path"] == "processes.eth.volatility" and data["p"] is None
    result = CliRunner().invoke(app, ["calibrate", "quickstart"])
    assert result.exit_code == USAGE and "has no [calibrate] section" in result.output


def test_a_held_out_moment_that_some_runs_lack_has_no_say_in_the_fit(linear, tmp_path, monkeypatch):
    whole = calibrate(linear(), tmp_path / "whole")

    def lacking(self, ask):
        found = perform(self, ask)
        return found if DRIFT[ask[1], 0] > 0 else (ask, [found[1][0], float("nan")], "")

    perform = Task.perform
    monkeypatch.setattr(Task, "perform", lacking)
    fit = calibrate(linear(), tmp_path / "out")
    assert fit.parameters == whole.parameters and fit.moments[0] == whole.moments[0]
    kept = [number for number in range(6, 10) if DRIFT[number, 0] > 0]
    assert 2 <= len(kept) < 4 and fit.moments[1].others == pytest.approx(3.0 + DRIFT[kept, 1].mean())


def test_the_seeds_of_the_search_are_not_those_that_are_held_out(linear, tmp_path):
    fit = calibrate(linear(method="sobol", sets=["calibrate.search_seeds=9"]), tmp_path / "out")
    assert fit.moments[1].others == pytest.approx(3.0 + DRIFT[9:13, 1].mean())


@pytest.mark.parametrize(("seeds", "known"), [(9, False), (10, True)])
def test_the_chance_of_a_larger_distance_takes_runs_for_the_covariances(task, tmp_path, monkeypatch, seeds, known):
    more = '[[calibrate.moments]]\nname = "other"\noutcome = "x"\nvalue = 3.0\nerror = 0.1\n'

    def perform(self, ask):
        return ask, [float(np.log(ask[0][0]) + DRIFT[ask[1], 0]), 3.0 + float(DRIFT[ask[1], 1])], ""

    monkeypatch.setattr(Task, "perform", perform)
    fit = calibrate(task(more, sets=[f"calibrate.seeds={seeds}"]), tmp_path / "out")
    assert fit.freedom == 1 and (fit.p is not None) is known
