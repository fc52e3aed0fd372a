"""Loop gain: linear loops of known gain, and what leans against moves."""

import numpy as np
import pytest

from sim.math.systemic.feedback import fall_gain, loop_gain

FAR = 60


def loop(kernel, ticks=3_000, seed=2, noise=0.0, react=lambda seen: seen):
    """Moves seen and responses of a loop in which flows answer the last moves with these coefficients."""
    rng = np.random.default_rng(seed)
    news, luck = rng.standard_normal(ticks), noise * rng.standard_normal(ticks)
    seen, answer = np.zeros(ticks), np.zeros(ticks)
    for t in range(ticks):
        seen[t] = news[t] + (answer[t - 1] if t else 0.0)
        back = react(seen[max(0, t - len(kernel) + 1) : t + 1][::-1])
        answer[t] = (kernel[: back.size] * back).sum() + luck[t]
    return seen, answer


@pytest.mark.parametrize("gain", [-0.5, 0.2, 0.6, 0.95])
@pytest.mark.parametrize("lags", [slice(0, 1), slice(1, 5), slice(20, 60)], ids=["at_once", "soon", "late"])
def test_the_gain_of_a_linear_loop_is_found(gain, lags):
    kernel = np.zeros(FAR)
    kernel[lags] = gain / (lags.stop - lags.start)
    assert loop_gain(*loop(kernel)) == pytest.approx(gain, abs=1e-9)


def test_a_unit_of_news_ends_as_one_over_one_less_gain():
    news = np.zeros(400)
    news[0] = 1.0
    total, answer = 0.0, 0.0
    for t in range(400):
        seen = news[t] + answer
        answer = 0.6 * seen
        total += seen
    assert total == pytest.approx(1.0 / (1.0 - 0.6))


def test_orders_for_other_reasons_blur_it_and_do_not_shift_it():
    kernel = np.full(5, 0.08)
    found = [loop_gain(*loop(kernel, seed=seed, noise=0.3)) for seed in range(20)]
    assert np.mean(found) == pytest.approx(0.4, abs=4.0 * np.std(found) / np.sqrt(20) + 0.02)


@pytest.mark.parametrize("back", [6, 48])
def test_a_run_of_180_ticks_is_long_enough_for_answers_48_ticks_back(back):
    found = [loop_gain(*loop(np.full(back, 0.8 / back), ticks=180, seed=seed)) for seed in range(40)]
    assert np.mean(found) == pytest.approx(0.8, abs=0.1)


def test_flows_without_a_loop_have_none():
    rng = np.random.default_rng(4)
    found = [loop_gain(rng.standard_normal(3_000), rng.standard_normal(3_000)) for _ in range(20)]
    assert abs(np.mean(found)) < 4.0 * np.std(found) / np.sqrt(20)


def test_who_answers_falls_alone_has_all_of_it_there():
    seen, answer = loop(np.array([0.5]), react=lambda back: np.minimum(back, 0.0))
    assert fall_gain(seen, answer) == pytest.approx(0.5, abs=1e-9)
    assert 0.2 < loop_gain(seen, answer) < 0.35


def test_who_sells_after_any_move_has_a_gain_in_falls_alone():
    seen, answer = loop(np.array([0.5]), react=lambda back: -np.abs(back))
    assert fall_gain(seen, answer) == pytest.approx(0.5, abs=1e-9)
    assert loop_gain(seen, answer) < 0.2


def test_nobody_who_answers_is_exactly_zero_and_too_little_is_unknown():
    moves = np.ones(10)
    assert loop_gain(moves, np.zeros(10)) == fall_gain(moves, np.zeros(10)) == 0.0
    assert np.isnan(loop_gain(moves, moves))
    assert np.isnan(fall_gain(moves, moves))
    assert np.isnan(loop_gain(np.zeros(500), np.ones(500)))
