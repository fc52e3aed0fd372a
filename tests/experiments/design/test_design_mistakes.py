"""What is wrong with a sweep: where, what was found, what is allowed and what to try."""

import pytest

from experiments.config import ConfigProblems
from sim.errors import ConfigError
from tests.experiments.design.conftest import LINES

AXES = "[sweep]\n[sweep.axes]\n"
SOBOL = '[sweep]\nmethod = "sobol"\n'
MISTAKES = {
    "unknown population": (
        AXES + '"agents.nois.count" = [1, 2]',
        'toy.toml:{3}:1: agents.nois: agents has no item "nois"; did you mean "noise"? Allowed: noise',
    ),
    "unknown setting": (
        AXES + "agents.noise.cuont = [1, 2]",
        'toy.toml:{3}:14: agents.noise.cuont: unknown setting; did you mean "count"?',
    ),
    "bad value": (
        AXES + '"agents.noise.count" = [1, "two", 3]',
        'toy.toml:{3}:28: agents.noise.count: found "two" (text); must be a whole number',
    ),
    "broken number": (
        AXES + '"agents.noise.count" = { low = 1, high = 4, steps = 3 }',
        "toy.toml:{3}:1: agents.noise.count: found 2.5; must be a whole number; write whole = true in its range",
    ),
    "empty axis": (AXES + '"run.dt" = []', "toy.toml:{3}:1: sweep.axes.run.dt: empty; an axis needs at least one"),
    "no axis": (SOBOL + "samples = 8", 'toy.toml:{1}:1: sweep.axes: none; method "sobol" needs axes'),
    "scalar": (AXES + '"run.dt" = 60', "toy.toml:{3}:1: sweep.axes.run.dt: found 60; an axis is a list of values or"),
    "duplicate value": (
        AXES + '"run.dt" = [60, 90, 60]',
        "toy.toml:{3}:21: sweep.axes.run.dt: duplicate points: 60 is value 1 and 3; write each value once",
    ),
    "duplicate meaning": (
        AXES + '"run.dt" = [60, 90, "1min"]',
        "toy.toml:{3}:21: sweep.axes.run.dt: duplicate points: 60 and 1min mean the same; write one of them",
    ),
    "duplicate points": (
        '[sweep]\nmethod = "zip"\n[sweep.axes]\n"run.dt" = [60, 90, 60]\n"run.seed" = [1, 1, 1]',
        "toy.toml:{4}:21: sweep.axes: duplicate points: 1 and 3 are the same; write each point once",
    ),
    "few draws": (
        '[sweep]\nmethod = "random"\nsamples = 50\naxes = { "run.dt" = [60, 90] }',
        "toy.toml:{3}:1: sweep.samples: found 50 draws of only 2 different points; list them with",
    ),
    "a billion": (
        AXES + "".join(f'"{path}" = {{ low = 1, high = 2, steps = 1000 }}\n' for path in ("run.dt", "a.b", "c.d")),
        "toy.toml:{2}:1: sweep.axes: found 1,000,000,000 points; allowed: at most 10,000,000 (1,000 x 1,000 x 1,000)",
    ),
    "a billion samples": (
        f'{SOBOL}samples = {2**30}\naxes = {{ "run.dt" = {{ low = 1, high = 2 }} }}',
        "toy.toml:{4}:1: sweep.axes: found 1,073,741,824 points; allowed: at most 10,000,000; take fewer samples",
    ),
    "too many replications": (
        '[sweep]\nreplications = 2000000000\naxes = { "run.dt" = [60] }',
        "toy.toml:{2}:1: sweep.replications: found 1 points x 2,000,000,000 replications",
    ),
    "unequal zip": (
        '[sweep]\nmethod = "zip"\naxes = { "run.dt" = [60, 90], "run.seed" = [1] }',
        "toy.toml:{3}:1: sweep.axes: found axes of unequal length (run.dt 2, run.seed 1)",
    ),
    "upside down": (
        AXES + '"run.dt" = { low = 3, high = 3, steps = 2 }',
        "toy.toml:{3}:14: sweep.axes.run.dt.low: found low = 3, high = 3; low must be below high",
    ),
    "logarithm of zero": (
        AXES + '"run.dt" = { low = 0, high = 3, steps = 2, scale = "log" }',
        "toy.toml:{3}:14: sweep.axes.run.dt.low: found 0; a logarithmic range needs positive bounds",
    ),
    "unknown scale": (
        AXES + '"run.dt" = { low = 1, high = 3, steps = 2, scale = "cubic" }',
        'toy.toml:{3}:44: sweep.axes.run.dt.scale: found "cubic" (text); must be "linear" or "log"',
    ),
    "range of texts": (
        AXES + '"run.dt" = { low = "1min", high = 3, steps = 2 }',
        'toy.toml:{3}:14: sweep.axes.run.dt.low: found "1min" (text); must be a number',
    ),
    "no steps": (
        AXES + '"run.dt" = { low = 1, high = 3 }',
        'toy.toml:{3}:1: sweep.axes.run.dt.steps: missing; method "grid" needs the number of values',
    ),
    "half numbers": (
        AXES + '"run.seed" = { low = 0.5, high = 3, steps = 2, whole = true }',
        "toy.toml:{3}:48: sweep.axes.run.seed.whole: found low = 0.5, high = 3; the bounds",
    ),
    "misspelt range": (
        AXES + '"run.dt" = { low = 1, high = 3, stesp = 2 }',
        'toy.toml:{3}:33: sweep.axes.run.dt.stesp: unknown setting; did you mean "steps"?',
    ),
    "bare table": (
        AXES + '"agents.noise" = [{ count = 3 }]',
        "toy.toml:{3}:19: sweep.axes.agents.noise: found a table; write it as { label =",
    ),
    "half a set": (
        AXES + 'mix = [{ label = "a", set = { "run.dt" = 30 } }, 3]',
        'toy.toml:{3}:50: sweep.axes.mix: some levels have "set", others a value of their own',
    ),
    "two axes of one setting": (
        AXES + '"run.dt" = [60, 90]\nmix = [{ label = "a", set = { "run.dt" = 30 } }]',
        "toy.toml:{4}:1: sweep.axes.mix: sets run.dt, as axis run.dt (toy.toml:{3}:1) does; each setting belongs to",
    ),
    "written twice": (
        AXES + '"run.dt" = [60, 90]\nrun.dt = [30]',
        "toy.toml:{4}:5: sweep.axes.run.dt: written twice; the first one is at toy.toml:{3}:1",
    ),
    "no part of a run": (AXES + '"run.name" = ["a"]', "toy.toml:{3}:1: sweep.axes.run.name: no axis: it says which"),
    "list without points": ('[sweep]\nmethod = "list"', 'toy.toml:{1}:1: sweep.points: empty; method "list" needs'),
    "list with a gap": (
        '[sweep]\nmethod = "list"\npoints = [{ "run.dt" = 60, "run.seed" = 1 }, { "run.dt" = 60 }]',
        "toy.toml:{3}:46: sweep.points[1]: differs from the first point in run.seed; all points set the same",
    ),
    "list with axes": (
        '[sweep]\nmethod = "list"\npoints = [{ "run.dt" = 60 }]\naxes = { "run.dt" = [60] }',
        'toy.toml:{4}:1: sweep.axes: found axes, but method "list" takes points; write method = "grid"',
    ),
    "grid with points": (
        '[sweep]\npoints = [{ "run.dt" = 60 }]\naxes = { "run.dt" = [60] }',
        'toy.toml:{2}:1: sweep.points: found points, but method "grid" takes axes; write method = "list"',
    ),
    "morris along a list": (
        '[sweep]\nmethod = "morris"\nsamples = 4\naxes = { "run.dt" = [60, 90] }',
        "toy.toml:{4}:10: sweep.axes.run.dt: found a list; the elementary effects of morris need distances",
    ),
    "wrong elsewhere": (
        AXES + '"run.start" = ["2024-01-01T00:00:00Z", "9999-12-31T23:30:00Z"]',
        "toy.toml:4:9: run.ticks: 40 ticks of 60 s end after the year 9999 (at run.start = 9999-12-31T23:30:00Z)",
    ),
    "unknown method": (
        '[sweep]\nmethod = "gird"',
        "toy.toml:{2}:10: sweep.method: found \"gird\" (text); must be 'grid'",
    ),
    "no samples": ('[sweep]\nmethod = "halton"', 'toy.toml:{1}:1: sweep.samples: missing; method "halton" needs to'),
    "samples of a grid": ("[sweep]\nsamples = 9", 'toy.toml:{2}:11: sweep.samples: found 9; method "grid" runs the'),
    "not a power of two": (SOBOL + "samples = 100", "toy.toml:{3}:11: sweep.samples: found 100; a Sobol sequence is"),
    "odd levels": (
        '[sweep]\nmethod = "morris"\nsamples = 4\nlevels = 5',
        "toy.toml:{4}:10: sweep.levels: found 5; must be even",
    ),
    "memory": ('[sweep]\nmemory_limit = "2 gigs"', 'toy.toml:{2}:16: sweep.memory_limit: found "2 gigs"; must be a'),
    "no time": ("[sweep]\ntime_limit = 0", "toy.toml:{2}:14: sweep.time_limit: found 0; must be longer than 0"),
    "event": ('[sweep]\nevent = "boom"', 'toy.toml:{2}:9: sweep.event: found "boom"; must be an outcome, one of'),
    "too few to stop": (
        '[sweep]\nstop = { outcome = "liquidations", half_width = 1.0 }',
        "toy.toml:{1}:1: sweep.replications: found 1, but [sweep.stop] looks at 10 at least; allowed: from 10",
    ),
    "stops before it starts": (
        '[sweep]\nstop = { outcome = "liquidations", half_width = 1.0, most = 4 }',
        "toy.toml:{2}:61: sweep.stop.most: found 4; must be at least least = 10",
    ),
}


@pytest.mark.parametrize(("section", "line"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_its_place(sweep, section, line):
    for number in range(1, 6):
        line = line.replace(f"{{{number}}}", str(LINES + number))
    with pytest.raises(ConfigProblems) as caught:
        sweep(section + "\n")
    assert line in str(caught.value)


def test_all_mistakes_are_told_at_once(sweep):
    with pytest.raises(ConfigProblems) as caught:
        sweep(AXES + '"run.dt" = []\n"run.seed" = { low = 3, high = 1, steps = 1 }\n')
    assert len(caught.value.problems) == 3


def test_a_wrong_path_is_told_once_and_not_for_every_value(sweep):
    with pytest.raises(ConfigProblems) as caught:
        sweep(AXES + '"run.tikcs" = [1, 2, 3, 4]\n')
    assert len(caught.value.problems) == 1


def test_a_config_without_a_sweep_says_how_to_write_one(sweep):
    with pytest.raises(ConfigError, match=r'config "toy" has no \[sweep\] section; add one: \[sweep.axes\] with'):
        sweep("")


def test_a_combination_that_was_not_tried_is_refused_when_its_turn_comes(sweep):
    starts = '"run.start" = ["2024-01-01T00:00:00Z", "9999-12-31T20:00:00Z"]'
    plan = sweep(AXES + f'{starts}\n"run.dt" = [60, 3600]\n')
    assert [plan.config(point).run.dt for point in plan.points[:3]] == [60.0, 3600.0, 60.0]
    with pytest.raises(ConfigProblems, match="end after the year 9999"):
        plan.config(plan.points[3])
