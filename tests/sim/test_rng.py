"""Random streams: named, independent of one another, of the order of rows and of who else draws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import ConfigError
from sim.rng import Streams

N = 20_000


def draws(seed=1, name="noise", labels=N, replication=0, tick=0):
    found = Streams(seed, replication).draws(name, np.arange(labels))
    found.tick = tick
    return found


def test_a_name_is_given_away_once():
    streams = Streams(1)
    streams.generator("eth")
    with pytest.raises(ConfigError, match='two random streams are named "eth"; stream names must be unique'):
        streams.draws("eth", np.arange(3))


def test_other_streams_shift_nothing():
    alone, crowded = Streams(3), Streams(3)
    for name in ("a", "b", "c"):
        crowded.generator(name).random(17)
    assert np.array_equal(alone.generator("x").random(9), crowded.generator("x").random(9))
    rows = np.arange(5)
    assert np.array_equal(alone.draws("y", rows).uniform(rows), crowded.draws("y", rows).uniform(rows))


def test_seed_replication_name_tick_and_slot_all_matter():
    rows = np.arange(100)
    found = [
        draws().uniform(rows),
        draws(seed=2).uniform(rows),
        draws(name="other").uniform(rows),
        draws(replication=1).uniform(rows),
        draws(tick=1).uniform(rows),
        draws().uniform(rows, slot=1),
    ]
    assert len({tuple(values.tolist()) for values in found}) == len(found)
    assert np.array_equal(draws().uniform(rows), found[0])


@given(st.integers(0, 2**32), st.permutations(range(12)))
def test_numbers_follow_labels_not_rows(seed, order):
    order = np.array(order)
    plain, permuted = draws(seed, labels=12), draws(seed, labels=12)
    permuted.labels = permuted.labels[order]
    rows = np.arange(12)
    for kind in ("uniform", "normal", "exponential"):
        assert np.array_equal(getattr(permuted, kind)(rows), getattr(plain, kind)(rows)[order])


def test_asking_for_some_rows_gives_their_numbers():
    rows = np.array([3, 9, 4])
    assert np.array_equal(draws().uniform(rows), draws().uniform(np.arange(N))[rows])
    assert np.array_equal(draws().of(rows), draws().uniform(rows))


def test_uniforms_are_uniform_and_independent_over_labels_slots_and_ticks():
    rows = np.arange(N)
    columns = np.array([draws(tick=tick).uniform(rows, slot) for tick in range(4) for slot in range(3)])
    assert ((columns >= 0.0) & (columns < 1.0)).all()
    counts = np.array([np.histogram(column, bins=20, range=(0, 1))[0] for column in columns])
    chi_square = ((counts - N / 20) ** 2 / (N / 20)).sum(axis=1)
    assert chi_square.max() < 45.0  # 99.93% quantile with 19 degrees of freedom
    correlation = np.corrcoef(columns) - np.eye(len(columns))
    assert np.abs(correlation).max() < 4.5 / np.sqrt(N)
    neighbours = np.corrcoef(columns[0][:-1], columns[0][1:])[0, 1]
    assert abs(neighbours) < 4.5 / np.sqrt(N)


def test_normals_and_exponentials_have_their_moments():
    rows = np.arange(N)
    normal, exponential = draws().normal(rows), draws().exponential(rows)
    assert abs(normal.mean()) < 4.5 / np.sqrt(N)
    assert abs(normal.var() - 1.0) < 4.5 * np.sqrt(2 / N)
    assert abs(exponential.mean() - 1.0) < 4.5 / np.sqrt(N)
    assert exponential.min() >= 0.0
    both = np.corrcoef(draws().normal(rows, 0), draws().normal(rows, 1))[0, 1]
    assert abs(both) < 4.5 / np.sqrt(N)
