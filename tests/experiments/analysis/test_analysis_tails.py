"""Tail measures against closed forms, and how often their intervals cover."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from experiments.analysis import bootstrap
from experiments.analysis.tails import (
    convergence,
    expected_shortfall,
    independent,
    pooled,
    shuffled,
    tails,
    value_at_risk,
)

LOSSES = st.lists(st.floats(0, 1e9), min_size=1, max_size=60)


def test_tails_of_a_gaussian_are_the_closed_forms():
    losses = np.random.default_rng(0).normal(10.0, 2.0, 200_000)
    for share in (0.95, 0.99):
        z = norm.ppf(share)
        assert value_at_risk(losses, share).value == pytest.approx(10 + 2 * z, abs=0.03)
        shortfall = expected_shortfall(losses, share)
        assert shortfall.value == pytest.approx(10 + 2 * norm.pdf(z) / (1 - share), abs=0.03)


def test_the_interval_of_a_quantile_covers_it_as_often_as_it_says():
    truth, rng = norm.ppf(0.95), np.random.default_rng(1)
    found = [value_at_risk(rng.normal(size=300), 0.95, 0.9) for _ in range(600)]
    assert 0.88 < np.mean([interval.low <= truth <= interval.high for interval in found]) < 0.97


def test_few_runs_leave_the_end_of_an_interval_open():
    found = value_at_risk(np.arange(20.0), 0.99)
    assert found.high == np.inf and np.isfinite(found.low) and found.count == 20
    assert expected_shortfall(np.arange(20.0), 0.99).high == np.inf


def test_the_boundary_loss_is_counted_in_part():
    # The worst 2.5 of 10 losses 1..10: (10 + 9 + 8 / 2) / 2.5.
    assert expected_shortfall(np.arange(1.0, 11.0), 0.75).value == pytest.approx(23 / 2.5)


@given(LOSSES, st.floats(0.5, 0.99))
def test_shortfall_lies_between_value_at_risk_and_the_worst(losses, share):
    shortfall = expected_shortfall(losses, share).value
    ordered = np.sort(losses)
    # The fractional-weight shortfall averages losses from the empirical quantile on.
    assert ordered[min(int(len(losses) * share), len(losses) - 1)] <= shortfall * (1 + 1e-9) + 1e-9
    assert shortfall <= max(losses) * (1 + 1e-9) + 1e-9


@given(LOSSES, st.floats(0.1, 100.0))
def test_tails_scale_with_the_currency(losses, scale):
    one, other = value_at_risk(losses, 0.9), value_at_risk(np.array(losses) * scale, 0.9)
    assert other.value == pytest.approx(one.value * scale)


def test_failed_runs_are_left_out():
    assert value_at_risk([1.0, np.nan, 3.0], 0.5).value == 2.0
    assert value_at_risk([np.nan], 0.5).count == 0


def test_liquidated_volume_is_at_risk_but_no_loss():
    assert [tail.name for tail in tails("liquidated_usd", np.arange(50.0))] == ["LaR95", "LaR99"]
    assert [tail.name for tail in tails("bad_debt_usd", np.arange(50.0))] == ["VaR95", "VaR99", "ES95", "ES99"]


def test_convergence_ends_at_the_estimate_from_all_runs_and_narrows():
    losses = np.random.default_rng(2).exponential(size=5000)
    steps = convergence(losses, 0.95)
    assert [count for count, _ in steps] == sorted({count for count, _ in steps}) and steps[-1][0] == 5000
    assert steps[-1][1] == value_at_risk(losses, 0.95)
    widths = [found.high - found.low for _, found in steps]
    assert widths[-1] < 0.3 * min(width for width in widths[: len(widths) // 2])


def test_shuffling_keeps_all_runs_and_mixes_points_from_the_start():
    table = np.arange(12.0).reshape(4, 3)
    mixed = shuffled(table)
    assert sorted(mixed) == sorted(table.ravel()) and {int(value) // 3 for value in mixed[:4]} == {0, 1, 2, 3}


def test_the_studentised_interval_covers_the_mean_of_skewed_samples():
    rng = np.random.default_rng(5)
    found = [bootstrap.mean(rng.gamma(4.0, size=12), 0.9, seed=i) for i in range(300)]
    assert 0.85 < np.mean([interval.low <= 4.0 <= interval.high for interval in found]) < 0.95


def test_a_mean_of_equal_values_has_no_width_and_of_one_value_no_bound():
    same, one = bootstrap.mean([2.0, 2.0, 2.0]), bootstrap.mean([2.0, np.nan])
    assert (same.value, same.low, same.high) == (2.0, 2.0, 2.0)
    assert (one.low, one.high, one.count) == (-np.inf, np.inf, 1)


def test_percentile_intervals_repeat_for_their_seed():
    rows = np.random.default_rng(0).random((40, 3))
    first = bootstrap.percentile(rows, lambda drawn: drawn.mean(axis=0), seed=1, draws=200)
    again = bootstrap.percentile(rows, lambda drawn: drawn.mean(axis=0), seed=1, draws=200)
    assert (first == again).all() and first.shape == (2, 3) and (first[0] < first[1]).all()


def test_luck_that_points_share_widens_the_pooled_interval_so_that_it_covers():
    truth, rng, hits, alone = norm.ppf(0.95), np.random.default_rng(3), [], []
    for _ in range(25):
        table = np.repeat(rng.normal(size=(1, 40)), 30, axis=0)  # every point sees nothing but the luck of the seed
        for found, cover in ((pooled(table, 0.95, 0.9), hits), (value_at_risk(table, 0.95, 0.9), alone)):
            cover.append(found.low <= truth <= found.high)
    assert np.mean(hits) > 0.7 > np.mean(alone) + 0.3


def test_convergence_of_a_sweep_goes_replication_by_replication():
    table = np.random.default_rng(0).random((30, 8))
    steps = convergence(table, 0.95)
    assert [count for count, _ in steps] == [60, 90, 120, 150, 180, 210, 240]
    assert steps[0][1].high == np.inf and np.isfinite(steps[-1][1].high)
    assert steps[-1][1] == pooled(table, 0.95)


def covered(truth, found):
    return float(np.mean([interval.low <= truth <= interval.high for interval in found]))


@pytest.mark.parametrize("runs", [100, 300])
def test_the_interval_of_a_shortfall_covers_that_of_heavy_losses(runs):
    rng, spread = np.random.default_rng(11), 1.5
    truth = np.exp(spread**2 / 2) * norm.cdf(spread - norm.ppf(0.95)) / 0.05
    found = [expected_shortfall(np.exp(spread * rng.normal(size=runs)), 0.95) for _ in range(100)]
    assert covered(truth, found) > 0.85 and all(np.isfinite(interval.high) for interval in found)


def test_a_shortfall_of_less_than_three_runs_has_no_top():
    losses = np.exp(np.random.default_rng(12).normal(size=300))
    assert np.isfinite(expected_shortfall(losses, 0.99).high)
    few = expected_shortfall(losses[:299], 0.99)
    assert few.high == np.inf and losses[:299].min() <= few.low <= few.value


@pytest.mark.parametrize("replications", [6, 15, 60])
@pytest.mark.parametrize("shortfall", [False, True], ids=["quantile", "shortfall"])
def test_pooled_intervals_cover_where_most_luck_is_shared(replications, shortfall):
    rng, scale = np.random.default_rng(13), np.sqrt(1.25)
    truth = scale * (norm.pdf(norm.ppf(0.95)) / 0.05 if shortfall else norm.ppf(0.95))
    tables = [rng.normal(size=replications) + 0.5 * rng.normal(size=(20, replications)) for _ in range(60)]
    assert covered(truth, [pooled(table, 0.95, shortfall=shortfall) for table in tables]) > 0.85


def test_runs_that_share_no_luck_are_worth_their_number_and_copies_are_worth_one():
    rng = np.random.default_rng(14)
    apart, copies = rng.normal(size=(20, 200)), np.repeat(rng.normal(size=(1, 200)), 20, axis=0)
    assert 2500 < independent(apart, 0.9) <= 4000 and 140 < independent(copies, 0.9) < 260
    assert independent(np.where(np.arange(200) < 1, apart, np.nan), 0.9) == 1.0


def test_convergence_of_many_replications_takes_few_looks():
    table = np.random.default_rng(15).random((3, 400))
    steps = convergence(table, 0.95, most=20)
    assert len(steps) == 20 and steps[-1] == (1200, pooled(table, 0.95))


def test_shortfall_of_very_many_runs_is_bounded_as_closely_as_theory_says():
    losses = np.random.default_rng(16).normal(size=40_000)
    found = expected_shortfall(losses, 0.95)
    beyond = np.maximum(losses - norm.ppf(0.95), 0.0) / 0.05
    assert found.high - found.low == pytest.approx(2 * 1.96 * beyond.std() / 200, rel=0.1)


def test_one_losing_run_bounds_no_shortfall_and_equal_runs_do():
    losses = np.zeros(1000)
    assert expected_shortfall(losses, 0.99).high == 0.0
    losses[3] = 1e6
    found = expected_shortfall(losses, 0.99)
    assert found.value == pytest.approx(1e5) and found.high == np.inf and found.low >= 0.0
