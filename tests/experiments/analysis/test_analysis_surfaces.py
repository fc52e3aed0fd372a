"""Phase diagrams, response surfaces and boxes: each finds what was planted."""

import numpy as np
import pytest

from experiments.analysis.discovery import discover
from experiments.analysis.study import Study, event_of
from experiments.analysis.surface import crossings, phase, response, wilson
from sim.errors import ConfigError
from tests.sweep_studies import listed, ranged, sampled, study

SHOCKS, DEPTHS = [-0.4, -0.3, -0.2, -0.1], [1.0, 10.0, 100.0]


def diagonal(failed=(), replications=40):
    """Bad debt where the shock exceeds a bound that rises with the depth: -0.15, -0.25, -0.35, with noise of 0.02."""

    def outcomes(values, number):
        luck = 0.02 * np.random.default_rng(number).standard_normal()
        shock, depth = values[:, 0].astype(float), values[:, 1].astype(float)
        return {"bad_debt_usd": 1e6 * np.maximum(0.0, -shock - (0.15 + 0.1 * np.log10(depth) + luck))}

    points = [(shock, depth) for depth in DEPTHS for shock in SHOCKS]
    return study([listed("shock", SHOCKS), listed("depth", DEPTHS, "log")], points, outcomes, replications, failed)


def test_the_half_line_runs_between_the_points_where_the_event_turns():
    found = phase(diagonal(), event_of("bad_debt_usd > 0"))
    assert (found.x.name, found.y.name) == ("shock", "depth")
    assert found.line == pytest.approx([-0.15, -0.25, -0.35], abs=0.01)
    assert (found.probability[0] > 0.9).tolist() == [True, True, True, False]
    assert (found.low <= found.line).all() and (found.line <= found.high).all()


def test_the_frame_has_every_cell_with_its_interval():
    frame = phase(diagonal(), event_of("bad_debt_usd > 0")).frame()
    assert len(frame) == 12 and list(frame.columns[:3]) == ["shock", "depth", "runs"]
    row = frame[(frame["shock"] == -0.4) & (frame["depth"] == 1.0)].iloc[0]
    assert row["probability"] == 1.0 and row["high"] == pytest.approx(1.0) and 0.85 < row["low"] < 1.0


def test_failed_runs_are_counted_and_left_out():
    found = phase(diagonal(failed=[(0, 0), (0, 1), (5, 3)]), event_of("bad_debt_usd > 0"))
    assert found.failed[0].tolist() == [2, 0, 0, 0] and found.failed[1].tolist() == [0, 1, 0, 0]
    assert found.runs[0, 0] == 38


def test_a_cell_without_a_run_is_unknown():
    found = phase(diagonal(failed=[(3, n) for n in range(40)]), event_of("bad_debt_usd > 0"))
    assert np.isnan(found.probability[0, 3]) and np.isnan(found.line[0])


def test_axes_can_be_named_and_must_be_listed():
    made = diagonal()
    assert phase(made, event_of("bad_debt_usd > 0"), "depth", "shock").x.name == "depth"
    with pytest.raises(ConfigError, match='no axis "shok" in this sweep; did you mean "shock"'):
        phase(made, event_of("bad_debt_usd > 0"), "shok")
    with pytest.raises(ConfigError, match="needs two listed axes, the first of them numeric; this sweep has: x0, x1"):
        phase(sampled("sobol", lambda u: u[:, 0], 2, 16), event_of("y > 0.5"))
    with pytest.raises(ConfigError, match='no outcome "bad_dbt_usd" in this sweep; did you mean "bad_debt_usd"'):
        phase(made, event_of("bad_dbt_usd > 0"))


@pytest.mark.parametrize(
    ("row", "place"),
    [([1.0, 1.0, 0.0], 1.5), ([0.0, 0.25, 0.75], 1.5), ([0.0, 0.5, 1.0], 1.0), ([0.9, 0.8, 0.7], np.nan)],
    ids=["between", "slope", "exact", "never"],
)
def test_crossings_are_found_where_they_are(row, place):
    assert crossings(np.array([row]), np.arange(3.0)) == pytest.approx([place], nan_ok=True)


def test_crossings_step_over_unknown_cells():
    assert crossings(np.array([[1.0, np.nan, 0.0]]), np.arange(3.0)) == pytest.approx([1.0])


def test_wilsons_interval_is_that_of_the_book():
    # Agresti and Coull (1998): 0 of 10 at 95%: 0 to 0.2775.
    low, high = wilson([0, 5], [10, 10])
    assert low == pytest.approx([0.0, 0.2366], abs=2e-4) and high == pytest.approx([0.2775, 0.7634], abs=2e-4)


def test_an_event_is_an_outcome_compared_with_a_number():
    assert event_of(" drawdown.ETH<=-1.5e-3 ").happened([0.0, -1.0, np.nan]) == pytest.approx(
        [0, 1, np.nan], nan_ok=True
    )
    with pytest.raises(ConfigError, match='event: found "boom"; must be an outcome, one of > >= < <=, and a number'):
        event_of("boom")


def test_a_quadratic_is_recovered_by_the_response_surface():
    found = response(sampled("sobol", lambda u: 1 + 2 * (2 * u[:, 0] - 1) + 3 * (2 * u[:, 1] - 1) ** 2, 2, 64), "y")
    assert found.fit == pytest.approx(1.0) and found.predicted == pytest.approx(1.0)
    terms = found.as_data()["terms"]
    assert (terms["1"], terms["x0"], terms["x1^2"]) == pytest.approx((1.0, 2.0, 3.0)) and abs(terms["x0*x1"]) < 1e-9


def test_a_surface_of_pure_noise_predicts_nothing():
    found = response(sampled("sobol", lambda u: np.random.default_rng(1).random(len(u)), 3, 32), "y")
    assert found.fit > 0.1 > found.predicted


def test_too_few_points_have_no_surface():
    assert response(sampled("sobol", lambda u: u[:, 0], 3, 8), "y") is None


def test_a_planted_box_is_found():
    inside = lambda u: ((u[:, 0] > 0.7) & (u[:, 1] < 0.4)).astype(float)  # noqa: E731
    box = discover(sampled("sobol", inside, 4, 1024), event_of("y > 0.5"))
    limits = {limit.axis: limit for limit in box.limits}
    assert set(limits) == {"x0", "x1"}
    assert limits["x0"].low == pytest.approx(0.7, abs=0.03) and limits["x1"].high == pytest.approx(0.4, abs=0.03)
    assert box.coverage > 0.9 and box.density > 0.9 and all(limit.chance < 1e-6 for limit in box.limits)
    assert box.base == pytest.approx(0.12, abs=0.01)


def test_a_box_names_categories():
    axes = [listed("rule", ["hrp", "equal", "fixed"]), ranged("size")]
    points = [(rule, size) for rule in ("hrp", "equal", "fixed") for size in np.linspace(0, 1, 40)]
    made = study(axes, points, lambda v, n: {"y": (v[:, 0] == "equal") * 1.0})
    [limit] = discover(made, event_of("y > 0.5")).limits
    assert limit.axis == "rule" and limit.values == ("equal",)


def test_what_always_or_never_happens_has_no_box():
    made = sampled("sobol", lambda u: u[:, 0], 2, 32)
    assert discover(made, event_of("y > 2")) is None and discover(made, event_of("y >= 0")) is None


def test_the_order_in_which_values_are_written_does_not_matter():
    rising = diagonal()
    found = {axis["name"]: axis for axis in rising.sweep["axes"]}
    mixed = rising.sweep | {"axes": [found["shock"] | {"values": [-0.2, -0.4, -0.1, -0.3]}, found["depth"]]}
    event = event_of("bad_debt_usd > 0")
    one, other = phase(rising, event), phase(Study(rising.runs, mixed), event)
    assert other.x_values == one.x_values and (other.line == one.line).all() and (other.hits == one.hits).all()
