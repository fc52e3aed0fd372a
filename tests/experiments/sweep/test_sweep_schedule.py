"""The runs of a sweep and their order depend on outcomes only, never on who finishes first."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from experiments.config.sweep_section import Stop
from experiments.design import enough
from experiments.sweeping.schedule import Schedule


def outcome(run):
    return float(np.random.default_rng(run).normal(0.0, 1.0 + run[0]))


def play(schedule, choose, workers=3, known=()):
    """Compute everything with workers that finish in an order `choose` decides; what was stored, in order, and made."""
    stored, flying, made = [], [], []
    for run in known:
        schedule.finish(run, outcome(run))
    while True:
        stored += schedule.due()
        while len(flying) < workers and (run := schedule.take()) is not None:
            flying.append(run)
        if not flying:
            return stored, made
        run = flying.pop(choose(len(flying)))
        made.append(run)
        schedule.finish(run, outcome(run))


def stopping(points=4, most=40):
    stop = Stop(outcome="loss", half_width=0.8, least=4)
    return Schedule(points, most, stop.least, lambda values: enough(values, stop))


picks = st.lists(st.integers(0, 10**6), min_size=1, max_size=50)


def chooser(numbers):
    calls = iter(range(10**9))
    return lambda size: numbers[next(calls) % len(numbers)] % size


@given(picks, st.integers(1, 7))
def test_without_stopping_all_runs_come_in_order(numbers, workers):
    schedule = Schedule(5, 3)
    stored, made = play(schedule, chooser(numbers), workers)
    assert stored == [(point, replication) for point in range(5) for replication in range(3)]
    assert sorted(made) == stored and schedule.complete and schedule.finished == schedule.total == 15


@given(picks, st.integers(1, 7))
def test_stopping_decides_the_same_whoever_is_first(numbers, workers):
    schedule = stopping()
    expected, _ = play(stopping(), lambda size: 0, 1)
    stored, made = play(schedule, chooser(numbers), workers)
    assert stored == expected and sorted(made) == stored
    assert schedule.complete and schedule.finished == schedule.total == len(stored)


def test_points_with_wide_intervals_get_more_replications_up_to_the_most():
    stored, _ = play(stopping(), lambda size: 0)
    counts = [sum(run[0] == point for run in stored) for point in range(4)]
    assert counts[0] < counts[3] and min(counts) >= 4 and max(counts) <= 40
    stop = Stop(outcome="loss", half_width=0.8, least=4)
    for point, count in enumerate(counts):
        values = [outcome((point, number)) for number in range(count)]
        assert enough(values, stop) or count == 40


@given(picks, st.integers(0, 60), st.booleans())
def test_a_resumed_sweep_makes_the_rest_and_nothing_twice(numbers, cut, stops):
    fresh = stopping if stops else lambda: Schedule(6, 10)
    whole, _ = play(fresh(), lambda size: 0)
    stored, made = play(fresh(), chooser(numbers), known=whole[:cut:2] if cut % 2 else whole[:cut])
    known = whole[:cut:2] if cut % 2 else whole[:cut]
    assert stored == whole and sorted([*made, *known]) == whole


def test_what_waits_for_an_earlier_run_is_known():
    schedule = Schedule(2, 3)
    for run in ((0, 1), (1, 2)):
        schedule.finish(run, 0.0)
    assert list(schedule.due()) == [] and schedule.waiting() == [(0, 1), (1, 2)] and not schedule.complete
    schedule.finish((0, 0), 0.0)
    assert list(schedule.due()) == [(0, 0), (0, 1)] and schedule.waiting() == [(1, 2)]
