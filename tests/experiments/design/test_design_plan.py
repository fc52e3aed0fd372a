"""Plans: axes, points, and the config of each point."""

import pickle
import tomllib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.config import canonical, load
from experiments.design.toml_text import toml_key, toml_text
from experiments.store import run_key

GRID = """
[sweep]
replications = 3
[sweep.axes]
"agents.noise.count" = [10, 20]
run.dt = { low = 30, high = 3000, steps = 3, scale = "log" }
mix = [
    { label = "calm", set = { "processes.eth.volatility" = 0.1 } },
    { label = "wild", set = { "processes.eth.kind" = "merton", processes.eth = { assets = ["ETH"], intensity = 9 } } },
]
"""


def test_a_grid_has_all_combinations_with_the_last_axis_fastest(sweep):
    plan = sweep(GRID)
    assert len(plan.points) == 12 and plan.size == 36
    assert [axis.name for axis in plan.axes] == ["agents.noise.count", "run.dt", "mix"]
    assert plan.points[0].params == {"agents.noise.count": 10, "run.dt": 30.0, "mix": "calm"}
    assert plan.points[1].params["mix"] == "wild"
    assert [plan.points[index].params["run.dt"] for index in (0, 2, 4)] == pytest.approx([30.0, 300.0, 3000.0])
    assert len({str(point.params) for point in plan.points}) == 12
    assert plan.points[-1].index == 11 and plan.points[2:4] == [plan.points[2], plan.points[3]]


def test_the_config_of_a_point_is_what_set_would_make(sweep):
    plan = sweep(GRID)
    for point in plan.points:
        config = plan.config(point)
        assert canonical(config) == canonical(load("toy.toml", point.sets))
        assert config.run.dt == point.params["run.dt"] and config.sweep is None
    assert [process.kind for process in plan.config(plan.points[1]).components("process")] == ["merton"]


def test_replications_have_common_seeds_and_keys_of_their_own(sweep):
    plan = sweep(GRID)
    runs = list(plan.runs())
    assert [(point.index, number) for point, number in runs[:4]] == [(0, 0), (0, 1), (0, 2), (1, 0)]
    keys = {run_key(plan.config(point), number, "digest") for point, number in runs}
    assert len(keys) == plan.size
    assert {plan.config(point).run.seed for point, _ in runs} == {7}


def test_the_sweep_is_no_part_of_the_key_of_a_run(sweep):
    swept = sweep(GRID).base
    bare = swept.with_values([])
    assert swept.sweep is not None and bare.sweep is None
    assert canonical(swept) == canonical(bare)


def test_a_plan_survives_the_way_to_another_process(sweep):
    plan = sweep(GRID)
    copy = pickle.loads(pickle.dumps(plan))
    assert copy.points[7] == plan.points[7] and copy.describe() == plan.describe()
    assert canonical(copy.config(copy.points[7])) == canonical(plan.config(plan.points[7]))


def test_the_manifest_says_what_was_swept(sweep):
    described = sweep(GRID).describe()
    assert described["axes"][1] == {
        "name": "run.dt",
        "values": pytest.approx([30.0, 300.0, 3000.0]),
        "scale": "log",
        "numeric": True,
    }
    assert described["axes"][2]["values"] == ["calm", "wild"] and not described["axes"][2]["numeric"]
    assert (described["method"], described["points"], described["replications"]) == ("grid", 12, 3)


def test_a_zip_goes_along_all_axes_at_once(sweep):
    plan = sweep('[sweep]\nmethod = "zip"\naxes = { run.dt = [60, 120], "agents.noise.count" = [5, 6] }\n')
    assert [tuple(point.params.values()) for point in plan.points] == [(60, 5), (120, 6)]


def test_a_list_has_the_points_written_down(sweep):
    rows = 'points = [{ "run.dt" = 60, "run.seed" = 1 }, { "run.dt" = 60, "run.seed" = 2 }]'
    plan = sweep(f'[sweep]\nmethod = "list"\n{rows}\n')
    assert [point.params for point in plan.points] == [{"run.dt": 60, "run.seed": 1}, {"run.dt": 60, "run.seed": 2}]
    assert [plan.config(point).run.seed for point in plan.points] == [1, 2]


@pytest.mark.parametrize("method", ["sobol", "halton", "latin_hypercube", "random"])
def test_a_sampler_stays_within_the_bounds_and_fills_them(sweep, method):
    plan = sweep(
        f'[sweep]\nmethod = "{method}"\nsamples = 64\n[sweep.axes]\n'
        'run.dt = { low = 1, high = 1000, scale = "log" }\n'
        "agents.noise.count = { low = 1, high = 40, whole = true }\n"
        'agents.noise.kind = [{ label = "few", value = "noise" }]\n'
    )
    seconds = np.log10([point.params["run.dt"] for point in plan.points])
    counts = [point.params["agents.noise.count"] for point in plan.points]
    assert len(plan.points) == 64 and plan.rows is None
    assert 0.0 <= seconds.min() < 0.3 and 2.7 < seconds.max() <= 3.0
    assert all(isinstance(count, int) for count in counts) and 1 <= min(counts) <= 4 and 37 <= max(counts) <= 40


def test_draws_of_a_sensitivity_design_that_fall_together_are_run_once(sweep):
    plan = sweep(
        '[sweep]\nmethod = "saltelli"\nsamples = 16\naxes = { run.dt = [60, 120], "agents.noise.count" = '
        "{ low = 1, high = 9, whole = true } }\n"
    )
    assert len(plan.rows) == 16 * 4 and len(plan.points) == len(set(plan.rows)) <= 18
    assert len({str(point.params) for point in plan.points}) == len(plan.points)
    assert plan.describe()["rows"] == list(plan.rows)
    block = [plan.points[row].params["run.dt"] for row in plan.rows[:4]]
    assert block[1] == block[3] and block[0] == block[2]


def test_morris_moves_one_axis_at_a_time(sweep):
    plan = sweep(
        '[sweep]\nmethod = "morris"\nsamples = 5\naxes = { run.dt = { low = 60, high = 240 }, '
        "processes.eth.volatility = { low = 0.1, high = 1.0 } }\n"
    )
    rows = plan.rows or range(len(plan.points))
    values = np.array([list(plan.points[row].params.values()) for row in rows]).reshape(5, 3, 2)
    assert (np.count_nonzero(np.diff(values, axis=1), axis=2) == 1).all()
    assert sorted(set(values[:, :, 0].ravel())) == [60.0, 120.0, 180.0, 240.0]


def test_a_grid_of_ten_million_points_is_laid_out_at_once(sweep):
    text = '{ low = 1, high = 9, steps = 215 }, "run.seed" = { low = 1, high = 215, steps = 215, whole = true }'
    plan = sweep(
        f'[sweep]\naxes = {{ run.dt = {text}, "processes.eth.volatility" = {{ low = 0, high = 1, steps = 215 }} }}'
    )
    assert len(plan.points) == 215**3
    assert plan.points[215**3 - 1].params == {"run.dt": 9.0, "run.seed": 215, "processes.eth.volatility": 1.0}


def test_points_can_be_set_on_the_command_line(sweep):
    plan = sweep("", ['sweep.axes={ "run.dt" = [60, 120] }', "sweep.replications=4"])
    assert len(plan.points) == 2 and plan.replications == 4


def test_a_sweep_without_axes_repeats_the_config(sweep):
    plan = sweep("[sweep]\nreplications = 5\n")
    assert len(plan.points) == 1 and plan.size == 5
    assert plan.points[0].params == {} and plan.points[0].sets == ()


def test_stopping_takes_the_most_replications_from_its_own_section(sweep):
    plan = sweep('[sweep]\nstop = { outcome = "liquidations", half_width = 1.0, least = 3, most = 30 }\n')
    assert plan.replications == 30
    assert not plan.enough([1.0, 1.0]) and plan.enough([1.0, 1.1, 0.9]) and not plan.enough([0.0, 9.0, 30.0])
    assert plan.enough([0.0, 90.0] * 15)


VALUES = st.recursive(
    st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_values_survive_being_written_as_toml(value):
    assert tomllib.loads(f"value = {toml_text(value)}") == {"value": value}


@given(st.text(st.characters(codec="utf-8")))
def test_keys_survive_being_written_as_toml(key):
    assert tomllib.loads(f"{toml_key(key)} = 1") == {key: 1}
