"""Moments of a run beside a record."""

import math
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from experiments.calibration.moments import STATISTICS, YEAR, Target, measure, targets
from experiments.calibration.problem import Task
from sim.errors import ConfigError


def made(**outcomes):
    ticks = np.arange(0, 40, 2)
    steps = pa.table({"tick": ticks, "price.ETH": 100.0 * np.exp(0.01 * ticks)})
    kinds = pa.array(["swap", "liquidation", "liquidation", "liquidation"]).dictionary_encode()
    events = pa.table({"kind": kinds, "value": [9.0, 1.0, 2.0, 40.0]})
    return SimpleNamespace(outcomes=outcomes, tables={"steps": steps, "events": events})


def target(source, column, statistic="mean", **more):
    return Target(name="m", source=source, column=column, statistic=statistic, value=1.0, error=math.nan, **more)


@pytest.mark.parametrize(
    ("wanted", "value"),
    [
        (target("outcome", "loss"), 3.0),
        (target("outcome", "loss", log=True), math.log(3.0)),
        (target("steps", "price.ETH", "last"), 100.0 * math.exp(0.38)),
        (target("steps", "price.ETH", "volatility"), 0.02 * math.sqrt(YEAR / 120.0)),
        (target("events", "liquidation", "median"), 2.0),
        (target("events", "liquidation", "p95_over_median"), np.quantile([1.0, 2.0, 40.0], 0.95) / 2.0),
        (target("steps", "price.ETH", part=(0, 2), log=True), math.log(100.0) + 0.09),
    ],
    ids=["outcome", "log", "last", "volatility", "events", "ratio", "part"],
)
def test_numbers_are_taken_from_the_tables_of_a_run(wanted, value):
    assert measure(made(loss=3.0), (wanted,), dt=60.0)[0] == pytest.approx(value)


def test_sizes_of_what_did_not_happen_do_not_exist():
    assert math.isnan(measure(made(), (target("events", "bad_debt", "median"),), 60.0)[0])
    assert math.isnan(measure(made(loss=0.0), (target("outcome", "loss", log=True),), 60.0)[0])


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (target("outcome", "los"), 'no outcome "los"; did you mean "loss"?'),
        (target("steps", "price.ETC"), 'no column "price.ETC"; did you mean "price.ETH"?'),
    ],
    ids=["outcome", "steps"],
)
def test_unknown_columns_are_named_with_the_nearest(wanted, said):
    with pytest.raises(ConfigError, match='moment "m"') as caught:
        measure(made(loss=1.0), (wanted,), 60.0)
    assert said in str(caught.value)


def test_autocorrelation_of_a_moving_average():
    noise = np.random.default_rng(0).standard_normal(200_000)
    path = np.exp(np.cumsum(noise[1:] + 0.5 * noise[:-1]) * 1e-4)
    assert STATISTICS["autocorrelation"](path, 1.0) == pytest.approx(0.5 / 1.25, abs=0.01)


def test_a_log_moment_compares_logs_with_a_relative_error(fit_config):
    (moment,) = targets(fit_config().calibrate)
    assert (moment.value, moment.error) == pytest.approx((math.log(2.0), 0.05))
    assert moment.back(moment.value) == pytest.approx(2.0)


def test_a_series_becomes_the_means_of_its_parts(fit_config, tmp_path):
    (tmp_path / "record.csv").write_text("price\n" + "\n".join(map(str, range(1, 13))))
    more = '[calibrate.series]\nfile = "record.csv"\ncolumn = "price"\nsteps = "price.ETH"\nparts = 3\nerror = 2.0\n'
    parts = targets(fit_config(more).calibrate)[1:]
    assert [part.value for part in parts] == [2.5, 6.5, 10.5] and parts[0].error == 2.0
    assert [part.part for part in parts] == [(0, 3), (1, 3), (2, 3)]
    with pytest.raises(ConfigError, match='has no column "prize"; did you mean "price"'):
        targets(fit_config(more.replace('column = "price"', 'column = "prize"')).calibrate)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("price\n1\nx\n3", r"must hold 3 numbers or more, and nothing else; found 2 numbers in 3 rows"),
        ("price\n1\n2", r"found 2 numbers in 2 rows"),
        ("", r"record\.csv\" is no table of comma-separated values"),
    ],
    ids=["words", "few", "empty"],
)
def test_a_series_of_something_else_is_refused(fit_config, tmp_path, text, said):
    (tmp_path / "record.csv").write_text(text)
    more = '[calibrate.series]\nfile = "record.csv"\ncolumn = "price"\nsteps = "price.ETH"\nparts = 3\n'
    with pytest.raises(ConfigError, match=said):
        targets(fit_config(more).calibrate)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("low = 0.5", "low = 9.0", "low must be below high"),
        ("low = 0.5", "low = -1.0", "a logarithmic range needs positive bounds"),
        ('steps = "exogenous.ETH"', "", "give one of outcome, steps, events"),
        ("value = 2.0", "value = -2.0", "only a positive number has a log"),
        ("error = 0.1", "held_out = true", "found 0 to fit 1 parameters to"),
        ("seeds = 6", "seeds = 1", "seeds"),
        ('"volatility"\nlog', '"volatilty"\nlog', "volatilty"),
    ],
)
def test_mistakes_in_the_section_are_named(fit_config, old, new, said):
    from tests.experiments.calibrate.conftest import FIT

    with pytest.raises(ConfigError) as caught:
        fit_config(text=FIT.replace(old, new))
    assert said in str(caught.value) and "calibrate" in str(caught.value)


def test_a_path_that_does_not_exist_is_found_before_anything_runs(fit_config):
    from tests.experiments.calibrate.conftest import FIT

    with pytest.raises(ConfigError, match=r'calibrate\.parameters, all at their low: .*did you mean "eth"'):
        Task.of(fit_config(text=FIT.replace("processes.eth.", "processes.ether.")))


def test_the_section_is_no_part_of_a_run(fit_config):
    from experiments.store import run_key

    config = fit_config()
    assert run_key(config, 0, "") == run_key(fit_config(sets=["calibrate.trials=9"]), 0, "")
    assert config.with_values([]).calibrate is None
