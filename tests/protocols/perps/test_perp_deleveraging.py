"""Allocation rules of auto-deleveraging: exact, bounded, blind to rows, each with the property it is chosen for."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.perps.deleveraging import RULES, allocate, shortfall, top_survival
from sim.errors import ConfigError, SpilloverError

SIZES = st.lists(st.integers(0, 2**40), min_size=1, max_size=25)
SHARE = st.floats(0.0, 1.2)
by_rule = pytest.mark.parametrize("rule", RULES)


def labelled(sizes, seed):
    rng = np.random.default_rng(seed)
    n = len(sizes)
    score = rng.choice([0.0, 0.5, 1.0, 3.0, 20.0, np.inf], n)
    return np.array(sizes, dtype=np.int64), score, rng.permutation(3 * n)[:n], rng.choice([0.0, 0.3, 0.55, 1.0], n)


def limits(rule, capacity, cap):
    return np.floor(capacity * cap).astype(np.int64) if rule == "capped_pro_rata" else capacity


@by_rule
@given(SIZES, SHARE, st.integers(0, 9))
def test_what_is_taken_is_exact_and_bounded(rule, sizes, share, seed):
    capacity, score, key, cap = labelled(sizes, seed)
    need = int(share * capacity.sum())
    taken = allocate(rule, need, capacity, score, key, cap, start=int(key[0]))
    limit = limits(rule, capacity, cap)
    assert taken.sum() == min(need, limit.sum())
    assert ((taken >= 0) & (taken <= limit)).all()


@by_rule
@given(SIZES, SHARE, st.integers(0, 9))
def test_rows_do_not_matter(rule, sizes, share, seed):
    capacity, score, key, cap = labelled(sizes, seed)
    need = int(share * capacity.sum())
    order = np.random.default_rng(seed + 1).permutation(len(sizes))
    taken = allocate(rule, need, capacity, score, key, cap, start=int(key[0]))
    again = allocate(rule, need, capacity[order], score[order], key[order], cap[order], start=int(key[0]))
    assert again.tolist() == taken[order].tolist()


@pytest.mark.parametrize("rule", ["pro_rata", "integer_pro_rata"])
@given(st.lists(st.integers(0, 2**55), min_size=1, max_size=25), st.floats(0.0, 1.0))
def test_pro_rata_is_the_exact_share_rounded_up_or_down(rule, sizes, share):
    capacity = np.array(sizes, dtype=np.int64)
    total, need = int(capacity.sum()), int(share * 0.99 * sum(sizes))
    taken = allocate(rule, need, capacity, 0.0, np.arange(len(sizes)))
    for size, gave in zip(sizes, taken.tolist(), strict=True):
        assert abs(gave - Fraction(need * size, max(total, 1))) < 1


@given(SIZES, st.floats(0.0, 1.0), st.integers(0, 24), st.floats(0.0, 1.0))
def test_splitting_an_account_changes_nothing_under_pro_rata(sizes, share, place, cut):
    place %= len(sizes)
    need, first = int(share * sum(sizes)), int(cut * sizes[place])
    whole = allocate("pro_rata", need, np.array(sizes), 0.0, 2 * np.arange(len(sizes)))
    parts = [*sizes[:place], first, *sizes[place + 1 :], sizes[place] - first]
    keys = np.append(2 * np.arange(len(sizes)), 2 * place + 1)
    split = allocate("pro_rata", need, np.array(parts), 0.0, keys)
    assert split[place] + split[-1] == whole[place]
    assert np.delete(split[:-1], place).tolist() == np.delete(whole, place).tolist()


@given(SIZES, st.floats(0.0, 0.9), st.integers(0, 24))
def test_splitting_an_account_pays_under_largest_remainders_by_an_atom_at_most(sizes, share, place):
    place %= len(sizes)
    need = int(share * sum(sizes))
    whole = allocate("integer_pro_rata", need, np.array(sizes), 0.0, np.arange(len(sizes)))
    parts = np.array([*sizes[:place], sizes[place] // 2, *sizes[place + 1 :], sizes[place] - sizes[place] // 2])
    split = allocate("integer_pro_rata", need, parts, 0.0, np.arange(len(parts)))
    assert abs(int(split[place] + split[-1] - whole[place])) <= 2


def test_largest_remainders_get_the_atoms_that_are_left():
    sizes = np.array([47, 16, 158, 121, 75, 83])
    assert allocate("integer_pro_rata", 50, sizes, 0.0, np.arange(6)).tolist() == [5, 2, 16, 12, 7, 8]
    assert allocate("integer_pro_rata", 1, np.array([5, 5, 5]), 0.0, np.array([8, 3, 9])).tolist() == [0, 1, 0]


def test_the_queue_takes_the_highest_score_first_and_breaks_ties_by_key():
    taken = allocate("queue", 12, np.array([5, 5, 5, 5]), [1.0, 2.0, 1.0, -1.0], np.array([7, 8, 3, 1]))
    assert taken.tolist() == [2, 5, 5, 0]


def test_a_random_start_goes_round_the_circle_of_keys():
    keys, sizes = np.array([30, 10, 20, 40]), np.array([5, 5, 5, 5])
    assert allocate("random_start", 12, sizes, 9.0, keys, start=30).tolist() == [5, 2, 0, 5]
    assert allocate("random_start", 12, sizes, 9.0, keys, start=10).tolist() == [2, 5, 5, 0]


def test_levered_pro_rata_takes_in_proportion_to_leverage_and_all_of_those_it_exhausts():
    sizes = np.array([1000, 1000, 1000])
    assert allocate("levered_pro_rata", 600, sizes, [1.0, 2.0, 3.0], np.arange(3)).tolist() == [100, 200, 300]
    assert allocate("levered_pro_rata", 2200, sizes, [1.0, 2.0, 3.0], np.arange(3)).tolist() == [400, 800, 1000]
    assert allocate("levered_pro_rata", 600, sizes, [0.5, 0.5, 0.5], np.arange(3)).tolist() == [200, 200, 200]


def test_caps_pass_on_what_they_keep():
    sizes = np.array([1000, 1000, 2000])
    assert allocate("capped_pro_rata", 1000, sizes, 0.0, np.arange(3), [0.1, 1.0, 1.0]).tolist() == [100, 300, 600]
    assert allocate("capped_pro_rata", 1000, sizes, 0.0, np.arange(3), 0.2).tolist() == [200, 200, 400]


@given(st.lists(st.integers(1, 2**40), min_size=2, max_size=25), st.floats(0.0, 1.0), st.integers(0, 9))
def test_capped_pro_rata_is_one_level_cut_by_caps(sizes, share, seed):
    capacity, _, key, cap = labelled(sizes, seed)
    limit = limits("capped_pro_rata", capacity, cap)
    taken = allocate("capped_pro_rata", int(share * limit.sum()), capacity, 0.0, key, cap)
    free = taken < limit
    level = [Fraction(int(gave), int(size)) for gave, size in zip(taken, capacity, strict=True)]
    slack = [Fraction(1, int(size)) for size in capacity]
    if free.any():
        low = max(level[i] - slack[i] for i in np.flatnonzero(free))
        high = min(level[i] + slack[i] for i in np.flatnonzero(free))
        assert low <= high
        assert all(level[i] <= high + slack[i] for i in np.flatnonzero(~free))


@given(st.lists(st.integers(0, 2**40), min_size=2, max_size=25), SHARE, st.floats(0.1, 1.0))
def test_capped_pro_rata_keeps_the_order_of_winners(sizes, share, cap):
    capacity = np.sort(np.array(sizes, dtype=np.int64))
    need = int(share * capacity.sum())
    taken = allocate("capped_pro_rata", need, capacity, 0.0, np.arange(len(sizes)), cap)
    assert (np.diff(capacity - taken) >= -1).all()
    assert (np.diff(taken) >= -1).all()


@given(st.lists(st.integers(0, 2**40), min_size=2, max_size=25), st.floats(0.0, 1.0), st.floats(0.0, 1.0),
       st.integers(0, 9))  # fmt: skip
def test_a_larger_need_takes_no_less_from_anybody_under_caps(sizes, low, high, seed):
    capacity, _, key, cap = labelled(sizes, seed)
    less, more = sorted(int(share * capacity.sum()) for share in (low, high))
    smaller = allocate("capped_pro_rata", less, capacity, 0.0, key, cap)
    larger = allocate("capped_pro_rata", more, capacity, 0.0, key, cap)
    assert (larger - smaller >= -1).all()


@by_rule
def test_nothing_to_take_and_nobody_to_take_from(rule):
    none = np.empty(0, np.int64)
    assert allocate(rule, 5, none, none, none).size == 0
    assert allocate(rule, 0, np.array([3, 0]), 1.0, np.arange(2)).tolist() == [0, 0]
    assert allocate(rule, 9, np.array([0, 0]), 1.0, np.arange(2)).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"key": np.array([1, 1])}, r"2 accounts need as many different keys; found \[1, 1\]"),
        ({"capacity": np.array([1, -1])}, "must not be negative"),
        ({"need": -1}, "must not be negative"),
        ({"capacity": np.array([2**61, 2**61])}, "add up to 2"),
        ({"score": np.array([np.nan, 1.0])}, "scores must be numbers"),
        ({"cap": 1.5}, r"caps must lie in \[0, 1\]"),
    ],
    ids=["same keys", "negative capacity", "negative need", "too much", "score", "cap"],
)
def test_arguments_out_of_bounds_are_refused(changed, text):
    given = {"need": 5, "capacity": np.array([5, 5]), "score": 1.0, "key": np.arange(2)} | changed
    with pytest.raises(SpilloverError, match=text):
        allocate("queue", **given)


def test_an_unknown_rule_names_the_nearest():
    with pytest.raises(ConfigError, match=r'found "que"; did you mean "queue"\? Allowed: queue, random_start'):
        allocate("que", 5, np.array([5]), 1.0, np.array([1]))


def test_a_shortfall_counts_principal_as_protected():
    found = shortfall(np.array([10, 5, 1, -3, -12]), np.array([8, 4, 0, -30, -9]))
    assert found == (15, 12, 16)
    assert top_survival(np.array([4, 8, 0]), np.array([4, 2, 0]), 15) == pytest.approx(0.4)
